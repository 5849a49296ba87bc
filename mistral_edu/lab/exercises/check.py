"""Check a reader's function against a reference, and name the slip if it is a common one.

The checker answers at once and in a few lines: what was expected, what came, and the likely reason. It knows the common
slips because each is written down as a wrong function: the slip that gives the reader's result is the reader's.
"""
import inspect
import re
from collections.abc import Callable, Iterable
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass

import mlx.core as mx

from mistral_edu.lab.exercises.bank import find, short
from mistral_edu.lab.exercises.compare import difference, not_from_mlx, show
from mistral_edu.lab.exercises.hints import attempt_failed
from mistral_edu.lab.exercises.time_limit import few_words, time_limit
from mistral_edu.lab.kernel import left_unmade
from mistral_edu.lab.showing.error_line import describe, only_earlier
from mistral_edu.lab.showing.say import say
from mistral_edu.language import _

ENOUGH = 100        # cases that tell which slip it is; some exercises have thousands
SOON = 10           # seconds that naming a slip may take


@dataclass(frozen=True)
class Verdict:
    """What a check found; true if all cases agree. Its message has been printed, so a notebook shows it only once."""
    label: str
    passed: bool
    message: str

    def __bool__(self):
        return self.passed

    def _ipython_display_(self):
        """Nothing more to show."""


def check(label: str, fn: Callable | None = None, cases: Iterable | None = None, reference: Callable | None = None,
          slips: Iterable[tuple[Callable, str]] = (), atol: float = 1e-4, around: Callable = nullcontext) -> Verdict:
    """Compare fn with reference on every case, the by-hand case first; print and return a Verdict.

    cases: tuples of arguments. slips: (wrong_fn, sentence) pairs, each a common mistake and what to tell its author.
    With only a label and fn, the rest comes from the bank of exercises. Every call gets copies of its arguments, and a
    function that changes them is told so. Results are numbers, strings, arrays, or tuples of them. around: makes the
    context in which fn is called.

    >>> double = lambda x: 2 * x
    >>> square = (lambda x: x * x, "x * x is the square; twice x is x + x")
    >>> verdict = check("0.0", double, [(3,), (5,)], double, [square])
    ✓ 0.0: all 2 cases agree
    >>> verdict = check("0.0", lambda x: x ** 2, [(3,), (5,)], double, [square])
    ✗ 0.0, case 1 of 2: expected 6, yours gives 9.
      It was called with x = 3. Likely: x * x is the square; twice x is x + x
    """
    label = short(label)
    if cases is None:
        exercise = find(label)
        cases, reference, slips, around = exercise.cases, exercise.reference, exercise.slips, exercise.around
    if reference is None:
        raise ValueError(f"check({label!r}, fn, cases, reference) compares fn with a reference, but none is given; "
                         "give it a function that is right")
    name = getattr(fn, "__name__", reference.__name__)
    if failed := left_unmade(name):
        problem = only_earlier(name, failed)
        return _answer(label, False, _("✗ {label}: {problem} check again.", label=label, problem=problem))
    if not callable(fn):
        return _answer(label, False, _not_a_function(label, fn, reference))
    cases = [args if isinstance(args, tuple) else (args,) for args in cases]
    shown = few_words()
    for n, args in enumerate(cases, 1):
        given = _copies(args)
        try:
            with shown, time_limit(), around():
                got = fn(*given)
        except NotImplementedError:
            message = _("○ {label}: not started yet; replace the raise line and run both cells again", label=label)
            return _answer(label, False, message)
        except Exception as error:
            got = error
            problem = _("your code stops with {error}", error=describe(error, fn))
        else:
            want = reference(*_copies(args))            # not before: one takes seconds, and an answer may be missing
            problem = difference(got, want, atol)
            if problem is None and (kind := not_from_mlx(got, want) or _spoilt(args, given, reference)):
                attempt_failed(label)
                return _answer(label, False, f"✗ {label}{_case(n, cases)}: {kind}.")
        if problem:
            attempt_failed(label)
            why = (_named_in_time(fn, slips, cases, args, got, atol)
                   or _('A hint waits in hint("{label}").', label=label))
            stop = "" if "\n" in problem or problem.endswith("?") else "."      # nor after the rows of a mask
            case = "" if any(map(callable, args)) else _case(n, cases)
            return _answer(label, False, f"✗ {label}{case}: {problem}{stop}\n"
                                         f"  {_called_with(args, reference)}{why}")
    return _answer(label, True, _("✓ {label}: all {n} cases agree", label=label, n=len(cases)))


def _case(n, cases):
    return _(", case {n} of {count}", n=n, count=len(cases))


def _not_a_function(label, given, reference):
    """For check("0.3", f(x)), or a name that now holds a result. The page's function has its reference's name."""
    name = reference.__name__ if reference.__name__.isidentifier() else "your_function"
    what = _("nothing (None)") if given is None else _("a result, {value}", value=show(given))
    return _('✗ {label}: give the function itself, without brackets after its name: check("{label}", {name}). '
             "What came was {what}.", label=label, name=name, what=what)


def _named_in_time(fn, slips, cases, args, got, atol):
    """The slip's sentence, unless it takes too long to find: a slow function would be run on all cases."""
    if isinstance(got, TimeoutError):
        return None
    try:
        with redirect_stdout(None), time_limit(SOON):        # what the reader's function prints is known by now
            return _name_the_slip(fn, slips, cases, args, got, atol)
    except TimeoutError:
        return None


def _name_the_slip(fn, slips, cases, args, got, atol):
    """The sentence of the slip that is most like fn: at the failing case, and at more than half of all cases.

    One case proves little: many wrong formulas give the same 0. Of equally similar errors, the one with the same shapes
    in its message comes first.
    """
    alike = []
    for wrong, sentence in slips:
        slip = _run(wrong, args)
        if _matches(slip, got, atol):
            agreeing = sum(_matches(_run(wrong, other), _run(fn, other), atol) for other in cases[:ENOUGH])
            alike.append((agreeing, str(slip) == str(got), sentence))
    agreeing, __, sentence = max(alike, key=lambda each: each[:2], default=(0, False, ""))
    return _("Likely: {reason}", reason=_(sentence)) if 2 * agreeing > len(cases[:ENOUGH]) else None


def _matches(a, b, atol):
    """Whether two results agree, or two errors: of the same kind, with the same message except for its numbers."""
    if isinstance(a, Exception) or isinstance(b, Exception):
        return type(a) is type(b) and re.sub(r"\d+", "", str(a)) == re.sub(r"\d+", "", str(b))
    return difference(b, a, atol) is None


def _run(fn, args):
    """What fn returns, or the error in which it ends; but that of time_limit() is passed on."""
    try:
        return fn(*_copies(args))
    except TimeoutError:
        raise
    except Exception as error:
        return error


def _spoilt(args, given, reference):
    """On an argument that was changed: the page's own would be, and later cells would go on with it."""
    for name, before, after in zip(_names(args, reference), args, given):
        if _changed(before, after):
            name = name or "x"
            if isinstance(before, mx.array):
                how = _("Begin with a copy, mx.array({name}): x += y and x[...] = y write into x", name=name)
            elif any(isinstance(each, mx.array) for each in before):
                how = _("Build a new list of new arrays: x *= y writes into the old one")
            else:
                how = _("Begin with a copy, such as list({name})", name=name)
            return _("the result is right, but your function changes {name}, which its caller goes on using. {how}",
                     name=name, how=how)
    return None


def _changed(before, after):
    if isinstance(before, mx.array):
        return not mx.array_equal(before, after, equal_nan=True).item()
    if isinstance(before, list):
        return len(before) != len(after) or any(map(_changed, before, after))
    return isinstance(before, (str, bytes, int, float)) and before != after


def _called_with(args, reference):
    """The arguments of the failing case, as a sentence; nothing if they are too long to read."""
    if any(map(callable, args)):
        return ""                                            # printing a function says nothing
    given = ", ".join(f"{name} = " * bool(name) + show(a) for name, a in zip(_names(args, reference), args))
    return _("It was called with {arguments}.", arguments=given) + " " if args and len(given) <= 120 else ""


def _names(args, reference):
    """The name of each argument; "" if the reference cannot say."""
    try:
        names = list(inspect.signature(reference).parameters)
    except (TypeError, ValueError):
        names = []
    return names[:len(args)] if len(names) >= len(args) else [""] * len(args)


def _answer(label, passed, message):
    say(message)
    return Verdict(label, passed, message)


def _copies(args):
    """Fresh arguments for each call: in MLX `x += 1` changes the array that the caller holds, in a list as well."""
    return tuple(map(_copy, args))


def _copy(a):
    if isinstance(a, mx.array):
        return mx.array(a)
    if isinstance(a, list):
        return [_copy(each) for each in a]
    return a.copy() if hasattr(a, "copy") else a
