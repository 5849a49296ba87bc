"""Predictions: the reader commits to an answer before the result is shown, and sees both side by side.

Writing down a guess makes you look twice at the result; that is all this file is for. So a guess counts as what it
plainly means, however it is typed: guesses.py reads it.
"""
from collections.abc import Iterable
from numbers import Real
from typing import Any

from mistral_edu.lab.exercises.bank import short
from mistral_edu.lab.exercises.guesses import as_number, as_one_of, same, spoken
from mistral_edu.lab.showing.say import say
from mistral_edu.language import _

OPEN = "?"                       # what the notebook holds until the reader writes a guess
ABSURD = 1e300                   # from here on no factor can be computed
_guesses: dict = {}                # label -> (guess, whether it was one of some choices)


def predict(label: str, guess: str | float = OPEN, choices: Iterable = ()) -> None:
    """Record a guess, a string or a number. choices: what is accepted, if only some answers make sense.

    >>> predict("0.1", "build", choices=("build", "evaluate"))
    Prediction 0.1: build. Recorded.
    >>> outcome("0.1", "evaluate")
    Outcome 0.1: evaluate. You predicted build.
    """
    label = short(label)
    if isinstance(choices, Real):       # predict("8.5", 1,000): to Python these are two numbers
        say(_("Prediction {label}: write the number without a comma, or in quotes.", label=label))
        return
    guess = spoken(guess)
    if guess is None:
        say(_("Prediction {label}: a guess is a number, or text in quotes.", label=label))
        return
    if guess in (OPEN, ""):
        _guesses.pop(label, None)
        say(_('Prediction {label}: still open. Put your guess in place of "?", and run the cell again.', label=label))
        if choices:
            say("  " + _("The choices:") + " " + "  ".join(f'"{choice}"' for choice in choices))
        return
    if choices:
        choice = as_one_of(guess, choices)
        if choice is None:
            say(_("Prediction {label}: {guess!r} is not one of the choices: {choices}.", label=label, guess=guess,
                  choices=", ".join(map(str, choices))))
            return
        guess = choice
    _guesses[label] = guess, bool(choices)
    say(_("Prediction {label}: {guess}. Recorded.", label=label, guess=guess))


def outcome(label: str, result: Any, within: float = 0.0) -> None:
    """Print the result next to the guess. within: the share by which a good guess of a number may be off.

    >>> predict("0.2", "about 1,000 bytes")
    Prediction 0.2: about 1,000 bytes. Recorded.
    >>> outcome("0.2", 1024, within=0.05)
    Outcome 0.2: 1024. You predicted about 1,000 bytes: right.
    """
    label = short(label)
    if label not in _guesses:
        say(_("Outcome {label}: {result}. No prediction was recorded.", label=label, result=result))
        return
    guess, chosen = _guesses[label]
    judgement = _judged(guess, result, within, chosen)
    if judgement is None:
        say(_("Outcome {label}: {result}. You predicted {guess}.", label=label, result=result, guess=guess))
        return
    say(_("Outcome {label}: {result}. You predicted {guess}: {judgement}.", label=label, result=result, guess=guess,
          judgement=judgement))


def _judged(guess, result, within, chosen):
    """How good a guess is, in words; None if it is wrong and there is no more to say.

    chosen: a choice among several is right or wrong, not an estimate that is off by a factor.
    """
    if chosen or not isinstance(result, Real) or isinstance(result, bool):
        return _("right") if same(guess, result) else None
    number = as_number(guess)
    if number is None or not abs(number) < ABSURD:          # nor is NaN
        return _("compare the two yourself")
    if abs(number - result) <= within * abs(result):
        return _("right")
    if number <= 0 or result <= 0:
        return None
    asked = _(", and {share} of the result was asked for", share=f"{within:.0%}") if within else ""
    factor = f"{max(number / result, result / number):.3g}"
    return _("off by a factor of {factor}", factor=factor) + asked
