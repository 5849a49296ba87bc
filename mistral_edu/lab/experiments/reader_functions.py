"""The four kinds of function that a reader may write for a model, told apart by the names of their arguments."""
import inspect

FORMS = {"norm": ("x", "weight", "eps"), "attend": ("q", "k", "v", "scale", "mask"),
         "rotate": ("x", "offset", "theta"), "feed_forward": ("x", "gate", "up", "down")}
NEEDED = {"norm": 2, "attend": 5, "rotate": 3, "feed_forward": 4}    # how many of them a function has to take
KINDS = {"norm": "a norm", "attend": "an attention", "rotate": "a rotation", "feed_forward": "a feed-forward"}


def parameters(fn):
    """The names of a function's positional arguments; None if Python cannot tell, as for mx.fast.rms_norm."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        return [name for name, one in inspect.signature(fn).parameters.items() if one.kind in kinds]
    except (TypeError, ValueError):
        return None


def takes(fn, n):
    """Whether a function takes n arguments by position, as far as Python can tell."""
    names = parameters(fn)
    return callable(fn) and (names is None or len(names) >= n)


def takes_eps(norm):
    """Whether a norm's third argument is eps, and not an option of the reader's own, which has a default."""
    if parameters(norm) is None:
        return True
    third = list(inspect.signature(norm).parameters.values())[2:3]
    return any(one.name == "eps" or one.default is inspect.Parameter.empty for one in third)


def kind_of(fn):
    """Which of the four kinds a function is, by the names of its arguments; None if they do not tell.

    >>> kind_of(lambda x, weight, eps=1e-5: x), kind_of(lambda a, b: a)
    ('norm', None)
    """
    names = tuple(parameters(fn) or ())
    return next((kind for kind, form in FORMS.items() if names[:NEEDED[kind]] == form[:NEEDED[kind]]), None)


class Unfit(ValueError):
    """Something was given that cannot be used at all."""


def named(functions, parts):
    """{kind: function}; raises Unfit if a kind cannot be told, comes twice, or takes other arguments."""
    parts = dict(parts)
    for fn in functions:
        if not callable(fn):
            raise Unfit(f"what came is {what_it_is(fn)}")
        kind = kind_of(fn)
        if kind is None:
            raise Unfit(f"cannot tell the kind of {what_it_is(fn)} by its arguments. Four forms are known: {forms()}. "
                        "Name the arguments like this, or say what it is: use(norm=...), use(attend=...), "
                        "use(rotate=...), use(feed_forward=...)")
        if kind in parts:
            raise Unfit(f"two of the functions are {KINDS[kind]}; a model has one for all its layers")
        parts[kind] = fn
    for kind, fn in parts.items():
        if not takes(fn, NEEDED[kind]):
            raise Unfit(f"{KINDS[kind]} is a function ({', '.join(FORMS[kind])}); got {what_it_is(fn)}")
    return parts


def what_it_is(fn):
    if not callable(fn):
        return f"a value of type {type(fn).__name__} (give the function itself, without brackets)"
    return f"{name_of(fn)}({', '.join(parameters(fn) or ())})"


def name_of(fn):
    return getattr(fn, "__name__", "your function")


def joined(functions):
    """
    >>> joined([min, max, sum])
    'min, max and sum'
    """
    *names, last = map(name_of, functions)
    return f"{', '.join(names)} and {last}" if names else last


def forms():
    return "; ".join(f"{KINDS[kind]} ({', '.join(form)})" for kind, form in FORMS.items())
