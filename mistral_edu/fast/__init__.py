"""How a finished model is made fast on this machine. Nothing here is needed to read or to use the model.

    model = accelerate(model)     # load() does it; MISTRAL_EDU_FAST=0 or load(..., fast=False) leaves it out

An engine is an object with a `name` and a method `answer(model, tokens, cache, mask, last_only)` that returns logits,
None where it has no answer to such a call, and raises Changed where the model is not what the engine was made from.
Then, and for gradients always, the readable code of `transformer.py` answers.
`model.path` says which of them answered last, and, where it is not the fastest, why.
"""
import threading

CHANGED = "its weights or parts are not those that the engine was made from; accelerate(model) makes a new one"
NO_ANSWER = "the engine does not answer such a call (inside mx.compile, mx.grad or mx.vmap)"

_attaching = threading.RLock()  # kernels may arrive while several threads ask the same model


class Changed(Exception):
    """A model is not any more what its engine was made from."""


def accelerate(model):
    """Attach the engine that suits this machine, and return the same model. Without one the model stays as it is.

    Names, parameters, gradients and saving do not change. Weights that change, and modules that are replaced, are
    noticed at the next call: the readable code answers then, until accelerate is called again.
    """
    with _attaching:
        detach(model)
        engine, why = suitable_engine(model)
        if engine is None:
            model.path = f"readable: {why}"
        else:
            engine.watch(model)
            model.engine, model.path = engine, engine.name
            model.__class__ = _accelerated(type(model))
    return model


def give_way(model, engine):
    """The engine of the model once this one has given way, whichever thread saw to it; None for the readable code."""
    with _attaching:
        if getattr(model, "engine", None) is engine:
            accelerate(model)
        return getattr(model, "engine", None)


def suitable_engine(model):
    """(engine, why it is not the fastest one). The engine can be None."""
    from . import compiled, cpu_engine, wide
    engine = cpu_engine.make_engine(model)
    if engine is not None:
        return engine, ""
    engine, why = wide.make_engine(model), why_not_compiled(model)
    if compiled.is_coming():
        engine = cpu_engine.Waiting(engine)
    elif engine is not None:
        engine.name = f"{engine.name}; {why}"
    return engine, why


def why_not_compiled(model):
    """Why the compiled kernels do not answer for this model here: the machine, the kernels, or its weights."""
    import mlx.core as mx

    from . import compiled, views
    if mx.default_device() != mx.Device(mx.cpu):
        return "MLX computes on the GPU"
    return compiled.why_not() or f"the compiled kernels do not read {views.why_not(model)}"


def detach(model):
    """Take an engine off again, and return the model as it was before accelerate."""
    with _attaching:
        if getattr(type(model), "is_accelerated", False):
            model.__class__ = type(model).__base__
            del model.engine
        model.path = "readable"
    return model


_classes = {}  # class of a model -> its subclass that asks an engine first


def _accelerated(cls):
    if cls in _classes:
        return _classes[cls]

    def __call__(self, tokens, cache=None, mask=None, last_only=False):
        engine = getattr(self, "engine", None)  # another thread may detach it at any moment
        if engine is None:
            self.path = "readable"
            return cls.__call__(self, tokens, cache, mask, last_only)
        try:
            logits = engine.answer(self, tokens, cache, mask, last_only)
            if logits is not None:
                self.path = (getattr(self, "engine", None) or engine).name  # one that waited may have given way by now
                return logits
            self.path = f"readable: {NO_ANSWER}"
        except Changed:
            if getattr(self, "engine", None) is engine:  # else accelerate has said why there is none
                self.path = f"readable: {_why_unfit(engine)}"
        return cls.__call__(self, tokens, cache, mask, last_only)

    def __reduce_ex__(self, protocol):
        """Copies and pickles are models of the plain class, without the engine."""
        _, _, state, *items = cls.__reduce_ex__(self, protocol)
        state = {name: value for name, value in state.items() if name != "engine"} | {"path": "readable"}
        return _empty, (cls,), state, *items

    methods = {"__call__": __call__, "__reduce_ex__": __reduce_ex__, "engine": None, "is_accelerated": True}
    _classes[cls] = type(cls.__name__, (cls,), {"__doc__": cls.__doc__, "__module__": cls.__module__, **methods})
    return _classes[cls]


def _why_unfit(engine):
    from . import compiled
    waits = compiled.is_coming() and getattr(engine, "other", engine) is None
    return engine.why if waits else CHANGED


def _empty(cls):
    return cls.__new__(cls)
