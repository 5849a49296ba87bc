"""Attach an engine to a model, so that the same calls are answered faster.

An engine is an object with a `name` and a method `answer(model, tokens, cache, mask, last_only)`, which returns logits,
or None if it cannot answer such a call, and raises Changed if the model is no longer what the engine was made from. In
these cases, and always for gradients, the readable code of `transformer.py` answers.
`model.answered_by` says which of them answered last and, if it is not the fastest, why.
"""
import threading

from mistral_edu.fast import compiled, cpu_engine, weight_views, widened
from mistral_edu.fast.changes import Changed, Watchful
from mistral_edu.fast.gpu import choose

CHANGED = "its weights or parts are not those that the engine was made from; accelerate(model) makes a new one"
NO_ANSWER = "the engine does not answer such a call (inside mx.compile, mx.grad or mx.vmap)"

_attaching = threading.RLock()  # kernels may arrive while several threads ask the same model


def accelerate(model):
    """Attach the engine that suits this machine, and return the same model. If there is none, the model is unchanged.

    Names, parameters, gradients and saving do not change. Changed weights and replaced modules are noticed at the next
    call: the readable code answers then, until accelerate is called again.
    """
    with _attaching:
        detach(model)
        engine, why = suitable_engine(model)
        if engine is None:
            model.answered_by = f"readable: {why}"
        else:
            engine.watch(model)
            model.engine, model.answered_by = engine, engine.name
            model.__class__ = _accelerated(type(model))
    return model


def give_way(model, engine):
    """The model's engine once this one has given way, in whichever thread; None for the readable code."""
    with _attaching:
        if getattr(model, "engine", None) is engine:
            accelerate(model)
        return getattr(model, "engine", None)


def suitable_engine(model):
    """(engine, why it is not the fastest one). The engine can be None."""
    if choose.is_wanted():
        engine, why = choose.make_engine(model)
        return engine, f"on the GPU, {why}" if why else ""
    engine = cpu_engine.make_engine(model)
    if engine is not None:
        return engine, ""
    engine, why = widened.make_engine(model), why_not_compiled(model)
    if compiled.is_coming():
        engine = Waiting(engine)
    elif engine is not None:
        engine.name = f"{engine.name}; {why}"
    return engine, why


def why_not_compiled(model):
    """Why the compiled kernels do not answer for this model here: the kernels, or its weights."""
    return compiled.why_not() or f"the compiled kernels do not read {weight_views.why_not(model)}"


def detach(model):
    """Remove an engine, and return the model as it was before accelerate."""
    with _attaching:
        if getattr(type(model), "is_accelerated", False):
            model.__class__ = type(model).__base__
            del model.engine
        model.answered_by = "readable"
    return model


class Waiting(Watchful):
    """Stands in for the engine while its kernels are compiled: another one answers until they are ready.

    other: that engine, or None to let the readable code answer.
    """

    def __init__(self, other):
        self.other, self.why = other, compiled.why_not()  # once: it looks at folders, too slow to do at every token
        self.name = f"{other.name if other else 'readable'}; {self.why}"

    def __call__(self, tokens, cache=None, mask=None, last_only=False):
        return self.other(tokens, cache, mask, last_only)

    def answer(self, model, *call):
        if not self.fits(model):
            raise Changed
        engine = getattr(model, "engine", None)  # it may have given way to another
        if engine is None:
            raise Changed
        return engine(*call)

    def fits(self, model):
        if not super().fits(model):
            return False
        if compiled.is_coming():
            return self.other is not None
        engine = give_way(model, self)  # without an engine the model is a plain one again
        return engine is not None and engine.fits(model)


_classes = {}  # class of a model -> its subclass that asks an engine first


def _accelerated(cls):
    if cls in _classes:
        return _classes[cls]

    def __call__(self, tokens, cache=None, mask=None, last_only=False):
        engine = getattr(self, "engine", None)  # another thread may detach it at any moment
        if engine is None:
            self.answered_by = "readable"
            return cls.__call__(self, tokens, cache, mask, last_only)
        try:
            logits = engine.answer(self, tokens, cache, mask, last_only)
            if logits is not None:
                self.answered_by = (getattr(self, "engine", None) or engine).name  # one that waited may have given way
                return logits
            self.answered_by = f"readable: {NO_ANSWER}"
        except Changed:
            if getattr(self, "engine", None) is engine:  # otherwise accelerate has said why there is none
                self.answered_by = f"readable: {_why_unfit(engine)}"
        return cls.__call__(self, tokens, cache, mask, last_only)

    def __reduce_ex__(self, protocol):
        """Copies and pickles are models of the plain class, without the engine."""
        _, _, state, *items = cls.__reduce_ex__(self, protocol)
        state = {name: value for name, value in state.items() if name != "engine"} | {"answered_by": "readable"}
        return _empty, (cls,), state, *items

    methods = {"__call__": __call__, "__reduce_ex__": __reduce_ex__, "engine": None, "is_accelerated": True}
    _classes[cls] = type(cls.__name__, (cls,), {"__doc__": cls.__doc__, "__module__": cls.__module__, **methods})
    return _classes[cls]


def _why_unfit(engine):
    waits = compiled.is_coming() and getattr(engine, "other", engine) is None
    return engine.why if waits else CHANGED


def _empty(cls):
    return cls.__new__(cls)
