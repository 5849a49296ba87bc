"""How a result differs from the expected one, as a sentence: the checker's eyes."""
import inspect

import mlx.core as mx
import numpy as np

SMALL = 16          # arrays of up to this many numbers are shown in full
SMALL_MASK = 12     # masks of up to this many rows and columns


def difference(got, want, atol=1e-4):
    """A sentence on the first thing in which got differs from want, without its full stop; None if nothing does.

    Looks at kind, shape, dtype, NaN and numbers in this order, since the first that is wrong explains the rest. Small
    masks follow the sentence as rows of 0 and 1, the expected one next to the other.
    """
    if got is None and want is not None:
        return "your function returns None; is a return line missing, at the end or in a branch of an if?"
    if inspect.isgenerator(got):
        return "your function yields its results one by one; collect them, and return them all at once"
    if isinstance(want, (tuple, list)):
        if not isinstance(got, (tuple, list)) or len(got) != len(want):
            wanted = f"{len(want)} results" if any(isinstance(each, mx.array) for each in want) else show(want)
            if hasattr(got, "tolist") and show(got) == show(want):
                return "the numbers are right, but a list is wanted, and yours is an array: .tolist() converts it"
            return f"expected {wanted}, yours gives {show(got)}"
        pairs = enumerate(zip(got, want), 1)
        return next((f"result {n}: {text}" for n, (g, w) in pairs if (text := difference(g, w, atol))), None)
    if isinstance(want, (str, bytes)) or want is None:
        return None if type(got) is type(want) and got == want else f"expected {want!r}, yours gives {show(got)}"
    if type(got) is int and type(want) is int and abs(got) >= 2**63:      # no array holds such a number
        return None if got == want else f"expected {show(want)}, yours gives about 2**{got.bit_length()}"
    try:
        a, b = _array(got), _array(want)
    except (TypeError, ValueError):
        if isinstance(got, str):
            return f"expected {show(want)}, yours gives a str, {show(got)}: text in quotes"
        return f"expected {show(want)}, yours gives a {type(got).__name__}"
    if a.shape != b.shape:
        if () in (a.shape, b.shape):        # a number where an array is expected, or the other way round
            return f"expected {show(want)}, yours gives {show(got)}"
        return f"expected shape {b.shape}, yours has shape {a.shape}{_beside(a, b)}"
    if isinstance(want, mx.array) and isinstance(got, mx.array) and got.dtype != want.dtype:
        return f"the shape is right, but expected dtype {_dtype(want)}, yours is {_dtype(got)}"
    if (a.dtype == bool) != (b.dtype == bool):
        return f"expected {_kind(b)}, yours gives {_kind(a)}"
    beside = _beside(a, b)
    a, b = a.astype(np.float64), b.astype(np.float64)
    strange = np.isnan(a) & ~np.isnan(b)
    if strange.any():
        return f"NaN in {strange.sum()} of {a.size} places (a division 0/0, or inf - inf)"
    wrong = ~np.isclose(a, b, rtol=atol, atol=atol, equal_nan=True)
    if not wrong.any():
        return None
    if beside:
        return f"{wrong.sum()} of {a.size} entries differ{beside}"
    if b.ndim == 0 or b.size <= SMALL:
        return f"expected {show(want)}, yours gives {show(got)}"
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    return (f"{wrong.sum()} of {a.size} numbers differ, the first at {list(at)}: "
            f"expected {_number(b[at])}, yours gives {_number(a[at])}")


def not_from_mlx(got, want):
    """A sentence if the numbers are right but come as a list or from NumPy, although a model wants an MLX array.

    >>> not_from_mlx(np.zeros(2), mx.zeros(2))
    'the numbers are right, but they come as a NumPy array; convert it with mx.array(...)'
    """
    if isinstance(want, (tuple, list)):
        return next((text for pair in zip(got, want) if (text := not_from_mlx(*pair))), None)
    if isinstance(got, mx.array) or not isinstance(want, mx.array) or want.ndim == 0:
        return None
    what = "a NumPy array" if isinstance(got, np.ndarray) else f"a {type(got).__name__}"
    return f"the numbers are right, but they come as {what}; convert it with mx.array(...)"


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
            return f"a list of {len(x)} numbers"
        return f"an array of shape {a.shape}"
    if a.ndim == 0 and a.dtype.kind != "f":
        return str(a.item())
    return str(np.array2string(a, separator=", ", formatter={"float_kind": _number})).replace("\n", "")


def _beside(a, b):
    """Two small masks side by side, one row per line, marked where they differ; empty for anything else."""
    if not all(m.dtype == bool and m.ndim == 2 and 0 < max(m.shape) <= SMALL_MASK for m in (a, b)):
        return ""
    yours, expected = ([" ".join(str(int(x)) for x in row) for row in mask] for mask in (a, b))
    width = max(len("expected"), *map(len, expected))
    lines = [f"  {'expected':{width}}     yours"]
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
    return "True or False" if a.dtype == bool else "numbers"


def _number(x):
    return f"{x:.5g}"
