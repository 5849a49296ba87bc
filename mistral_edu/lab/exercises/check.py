"""Check a reader's function against a reference, and name the slip when it is a usual one.

The checker answers at once and in one or two lines: what was expected, what came, and the likely reason. It knows the
usual slips because each is written down as a wrong function: the slip that gives the reader's result is the reader's.
"""
from dataclasses import dataclass

import mlx.core as mx
import numpy as np

from mistral_edu.lab.showing.say import say
from mistral_edu.lab.showing.trouble import describe

from .bank import find

SMALL = 16          # arrays of up to so many numbers are shown in full
FAILED = object()   # what a slip gives where it cannot run at all


@dataclass(frozen=True)
class Verdict:
    """What a check found; true when all cases agree. Its message is printed already, so a notebook shows it once."""
    label: str
    passed: bool
    message: str

    def __bool__(self):
        return self.passed

    def _ipython_display_(self):
        """Nothing more to show."""


def check(label, fn, cases=None, reference=None, slips=(), atol=1e-4) -> Verdict:
    """Compare fn with reference on every case, the by-hand case first; print and return a Verdict.

    cases: tuples of arguments. slips: (wrong_fn, sentence) pairs, each a usual mistake and what to tell its author.
    With a label and fn alone, the rest comes from the bank of exercises. Every call gets copies of its arguments, so
    `x += 1` inside fn spoils nothing. Results are numbers, texts, arrays, or tuples of them.

    >>> double = lambda x: 2 * x
    >>> square = (lambda x: x * x, "x * x is the square; twice x is x + x")
    >>> verdict = check("0.0", double, [(3,), (5,)], double, [square])
    ✓ 0.0: all 2 cases agree
    >>> verdict = check("0.0", lambda x: x ** 2, [(3,), (5,)], double, [square])
    ✗ 0.0, case 1 of 2: expected 6, yours gives 9.
      Likely: x * x is the square; twice x is x + x
    """
    if cases is None:
        exercise = find(label)
        cases, reference, slips = exercise.cases, exercise.reference, exercise.slips
    cases = [args if isinstance(args, tuple) else (args,) for args in cases]
    for n, args in enumerate(cases, 1):
        want = reference(*_copies(args))
        try:
            got = fn(*_copies(args))
        except NotImplementedError:
            return _answer(label, False, f"○ {label}: not started yet; replace the raise line and run both cells again")
        except Exception as error:
            problem = f"your code stops with {describe(error, fn)}"
            got = FAILED
        else:
            problem = difference(got, want, atol)
        if problem:
            why = _name_the_slip(fn, slips, cases, args, got, atol) or _advice(args, label)
            return _answer(label, False, f"✗ {label}, case {n} of {len(cases)}: {problem}.\n  {why}")
    return _answer(label, True, f"✓ {label}: all {len(cases)} cases agree")


def difference(got, want, atol=1e-4):
    """A sentence on the first thing in which got differs from want; None when nothing does.

    Looks at kind, shape, dtype, NaN and numbers in this order, for the first that is wrong explains the rest.
    """
    if got is None and want is not None:
        return "your function returns None; is the return line missing"
    if isinstance(want, (tuple, list)):
        if not isinstance(got, (tuple, list)) or len(got) != len(want):
            return f"expected {len(want)} results, yours gives {_show(got)}"
        pairs = enumerate(zip(got, want), 1)
        return next((f"result {n}: {text}" for n, (g, w) in pairs if (text := difference(g, w, atol))), None)
    if isinstance(want, (str, bytes)) or want is None:
        return None if type(got) is type(want) and got == want else f"expected {want!r}, yours gives {_show(got)}"
    try:
        a, b = _array(got), _array(want)
    except (TypeError, ValueError):
        return f"expected {_show(want)}, yours gives a {type(got).__name__}"
    if a.shape != b.shape:
        return f"expected shape {b.shape}, yours has shape {a.shape}"
    if isinstance(want, mx.array) and isinstance(got, mx.array) and got.dtype != want.dtype:
        return f"the shape is right, but expected dtype {_dtype(want)}, yours is {_dtype(got)}"
    if (a.dtype == bool) != (b.dtype == bool):
        return f"expected {_kind(b)}, yours gives {_kind(a)}"
    a, b = a.astype(np.float64), b.astype(np.float64)
    strange = np.isnan(a) & ~np.isnan(b)
    if strange.any():
        return f"NaN in {strange.sum()} of {a.size} places (a division 0/0, or inf - inf)"
    wrong = ~np.isclose(a, b, rtol=atol, atol=atol, equal_nan=True)
    if not wrong.any():
        return None
    if b.ndim == 0 or b.size <= SMALL:
        return f"expected {_show(want)}, yours gives {_show(got)}"
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    return (f"{wrong.sum()} of {a.size} numbers differ, the first at {list(at)}: "
            f"expected {_number(b[at])}, yours gives {_number(a[at])}")


def _name_the_slip(fn, slips, cases, args, got, atol):
    """The sentence of the slip that gives what fn gives: at the failing case, and best at every other one too."""
    alike = []
    for wrong, sentence in slips:
        if _matches(_run(wrong, args), got, atol):
            others = sum(_matches(_run(wrong, other), _run(fn, other), atol) for other in cases)
            alike.append((others, sentence))
    return f"Likely: {max(alike, key=lambda pair: pair[0])[1]}" if alike else None


def _matches(a, b, atol):
    if a is FAILED or b is FAILED:
        return a is b           # a slip that cannot run is like an answer that cannot run
    return difference(b, a, atol) is None


def _run(fn, args):
    try:
        return fn(*_copies(args))
    except Exception:
        return FAILED


def _advice(args, label):
    given = ", ".join(_show(a) for a in args)
    return (f"The arguments were {given}. " if len(given) <= 100 else "") + f'A hint waits in hint("{label}").'


def _answer(label, passed, message):
    say(message)
    return Verdict(label, passed, message)


def _copies(args):
    """Fresh arguments for each call: in MLX `x += 1` changes the array that the caller holds."""
    return tuple(mx.array(a) if isinstance(a, mx.array) else a.copy() if hasattr(a, "copy") else a for a in args)


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


def _show(x):
    """Short text for a value: arrays as nested lists, rounded; large ones by their shape."""
    if x is FAILED:
        return "an error"
    try:
        a = _array(x)
    except (TypeError, ValueError):
        text = repr(x)
        return text if len(text) <= 60 else text[:57] + "..."
    if a.size > SMALL:
        return f"an array of shape {a.shape}"
    if a.ndim == 0 and a.dtype.kind != "f":
        return str(a.item())
    return str(np.array2string(a, separator=", ", formatter={"float_kind": _number})).replace("\n", "")
