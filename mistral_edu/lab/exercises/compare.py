"""How a result differs from the expected one, as a sentence: the checker's eyes."""
import inspect

import mlx.core as mx
import numpy as np

from mistral_edu.language import _

SMALL = 16          # arrays of up to this many numbers are shown in full
SMALL_MASK = 12     # masks of up to this many rows and columns


def difference(got, want, atol=1e-4):
    """A sentence on the first thing in which got differs from want, without its full stop; None if nothing does.

    Looks at kind, shape, dtype, NaN and numbers in this order, since the first that is wrong explains the rest. Small
    masks follow the sentence as rows of 0 and 1, the expected one next to the other.
    """
    if got is None and want is not None:
        return _("your function returns None; is a return line missing, at the end or in a branch of an if? print only "
                 "shows a result, and append, insert and sort return None")
    if inspect.isgenerator(got):
        return _("your function yields its results one by one; collect them, and return them all at once")
    if isinstance(want, (tuple, list)):
        if not isinstance(got, (tuple, list)) or len(got) != len(want):
            arrays = any(isinstance(each, mx.array) for each in want)
            wanted = _("{n} results", n=len(want)) if arrays else show(want)
            if hasattr(got, "tolist") and show(got) == show(want):
                return _("the numbers are right, but a list is wanted, and yours is an array: .tolist() converts it")
            return _expected(wanted, show(got))
        pairs = enumerate(zip(got, want), 1)
        return next((_("result {n}: {problem}", n=n, problem=text) for n, (g, w) in pairs
                     if (text := difference(g, w, atol))), None)
    if isinstance(want, (str, bytes)) or want is None:
        return None if type(got) is type(want) and got == want else _expected(repr(want), show(got))
    if type(got) is int and type(want) is int:                            # counts are equal, or wrong
        given = show(got) if abs(got) < 2**63 else _("about {n}", n=f"2**{got.bit_length()}")   # no array holds it
        return None if got == want else _expected(show(want), given)
    try:
        a, b = _array(got), _array(want)
    except (TypeError, ValueError):
        if isinstance(got, str):
            return _expected(show(want), _("a str, {text}: text in quotes", text=show(got)))
        return _expected(show(want), show(got) if isinstance(got, (tuple, list)) else _a(got))
    if a.shape != b.shape:
        if () in (a.shape, b.shape):        # a number where an array is expected, or the other way round
            return _expected(show(want), show(got))
        return _("expected shape {wanted}, yours has shape {given}", wanted=b.shape, given=a.shape) + _beside(a, b)
    if isinstance(want, mx.array) and isinstance(got, mx.array) and got.dtype != want.dtype:
        return _("the shape is right, but expected dtype {wanted}, yours is {given}",
                 wanted=_dtype(want), given=_dtype(got))
    if (a.dtype == bool) != (b.dtype == bool):
        return _expected(_kind(b), _kind(a))
    beside = _beside(a, b)
    a, b = a.astype(np.float64), b.astype(np.float64)
    strange = np.isnan(a) & ~np.isnan(b)
    if strange.any():
        return _("NaN in {n} of {count} places (a division 0/0, or inf - inf)", n=strange.sum(), count=a.size)
    wrong = ~np.isclose(a, b, rtol=atol, atol=atol, equal_nan=True)
    if not wrong.any():
        return None
    if beside:
        return _("{n} of {count} entries differ", n=wrong.sum(), count=a.size) + beside
    if b.ndim == 0 or b.size <= SMALL:
        return _expected(show(want), show(got))
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    return _("{n} of {count} numbers differ, the first at {place}: {problem}", n=wrong.sum(), count=a.size,
             place=list(at), problem=_expected(_number(b[at]), _number(a[at])))


def _expected(wanted, given):
    return _("expected {wanted}, yours gives {given}", wanted=wanted, given=given)


def _a(value):
    return _("a {type}", type=type(value).__name__)


def not_from_mlx(got, want):
    """A sentence if the numbers are right but come as a list or from NumPy, although a model wants an MLX array.

    >>> not_from_mlx(np.zeros(2), mx.zeros(2))
    'the numbers are right, but they come as a NumPy array; convert it with mx.array(...)'
    """
    if isinstance(want, (tuple, list)):
        return next((text for pair in zip(got, want) if (text := not_from_mlx(*pair))), None)
    if isinstance(got, mx.array) or not isinstance(want, mx.array) or want.ndim == 0:
        return None
    what = _("a NumPy array") if isinstance(got, np.ndarray) else _a(got)
    return _("the numbers are right, but they come as {what}; convert it with mx.array(...)", what=what)


def show(x):
    """Short text for a value: arrays as nested lists, rounded; large ones by their shape; functions by their name."""
    if callable(x) and hasattr(x, "__name__"):
        return x.__name__
    if isinstance(x, (tuple, list)) and any(isinstance(each, mx.array) for each in x):
        return f"({', '.join(map(show, x))})"
    try:
        a = _array(x)
    except (TypeError, ValueError):
        text = repr(x)
        return text if len(text) <= 60 else text[:57] + "..."
    if a.size > SMALL:
        if isinstance(x, list) and a.ndim == 1:
            return _("a list of {n} numbers", n=len(x))
        return _("an array of shape {shape}", shape=a.shape)
    if a.ndim == 0 and a.dtype.kind != "f":
        return str(a.item())
    return str(np.array2string(a, separator=", ", formatter={"float_kind": _number})).replace("\n", "")


def _beside(a, b):
    """Two small masks side by side, one row per line, marked where they differ; empty for anything else."""
    if not all(m.dtype == bool and m.ndim == 2 and 0 < max(m.shape) <= SMALL_MASK for m in (a, b)):
        return ""
    yours, expected = ([" ".join(str(int(x)) for x in row) for row in mask] for mask in (a, b))
    left, right = _("expected"), _("yours")
    width = max(len(left), *map(len, expected))
    lines = [f"  {left:{width}}     {right}"]
    for n in range(max(len(yours), len(expected))):
        left, right = (rows[n] if n < len(rows) else "" for rows in (expected, yours))
        lines.append(f"  {left:{width}}  {' ' if left == right else '≠'}  {right}".rstrip())
    return ":\n" + "\n".join(lines)


def _array(x):
    """Numbers as a numpy array; bfloat16, which numpy lacks, as float32."""
    if isinstance(x, mx.array):
        return np.array(x.astype(mx.float32)) if x.dtype == mx.bfloat16 else np.array(x)
    a = np.asarray(x)
    if a.dtype.kind not in "biuf":
        raise TypeError(f"not numbers: {x!r}")
    return a


def _dtype(x):
    return str(x.dtype).removeprefix("mlx.core.")


def _kind(a):
    return _("True or False") if a.dtype == bool else _("numbers")


def _number(x):
    return f"{x:.5g}"
