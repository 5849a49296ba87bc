"""How a finished model is made fast on this machine. Nothing here is needed to read or to use the model.

    model = accelerate(model)     # load() does it; MISTRAL_EDU_FAST=0 or load(..., fast=False) leaves it out

An engine is an object with a `name`, a test `fits(model)`, and a call `engine(tokens, cache, mask, last_only)` that returns
logits, or None where it has no answer. It answers while it fits; else, and for gradients always, the readable code of
`transformer.py` does.
`model.path` says which of them answered last.
"""


def accelerate(model):
    """Attach the engine that suits this machine, and return the same model. Without one the model stays as it is.

    Names, parameters, gradients and saving do not change. Weights that change, and modules that are replaced, are
    noticed at the next call: the readable code answers then, until accelerate is called again.
    """
    from . import compiled, cpu_engine, wide
    detach(model)
    engine = cpu_engine.make_engine(model) or wide.make_engine(model)
    if compiled.is_coming():
        engine = cpu_engine.Waiting(engine)
    if engine is not None:
        model.__class__ = _accelerated(type(model))
        model.engine, model.path = engine, engine.name
        engine.watch(model)
    return model


def detach(model):
    """Take an engine off again, and return the model as it was before accelerate."""
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
        if self.engine is not None and self.engine.fits(self):
            logits = self.engine(tokens, cache, mask, last_only)
            if logits is not None:
                self.path = self.engine.name
                return logits
        self.path = "readable"
        return cls.__call__(self, tokens, cache, mask, last_only)

    def __reduce_ex__(self, protocol):
        """Copies and pickles are models of the plain class, without the engine."""
        _, _, state, *items = cls.__reduce_ex__(self, protocol)
        state = {name: value for name, value in state.items() if name != "engine"} | {"path": "readable"}
        return _empty, (cls,), state, *items

    methods = {"__call__": __call__, "__reduce_ex__": __reduce_ex__, "engine": None, "is_accelerated": True}
    _classes[cls] = type(cls.__name__, (cls,), {"__doc__": cls.__doc__, "__module__": cls.__module__, **methods})
    return _classes[cls]


def _empty(cls):
    return cls.__new__(cls)
