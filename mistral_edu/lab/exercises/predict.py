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

OPEN = "?"                       # what the notebook holds until the reader writes a guess
RIGHT, WRONG = "right", "not so, and worth a second look"
_guesses: dict = {}                # label -> (guess, whether it was one of some choices)


def predict(label: str, guess: str | float = OPEN, choices: Iterable = ()) -> None:
    """Record a guess, a string or a number. choices: what is accepted, if only some answers make sense.

    >>> predict("0.1", "build", choices=("build", "evaluate"))
    Prediction 0.1: build. Recorded.
    >>> outcome("0.1", "evaluate")
    Outcome 0.1: evaluate. You predicted build: not so, and worth a second look.
    """
    label = short(label)
    if isinstance(choices, Real):       # predict("8.5", 1,000): to Python these are two numbers
        say(f"Prediction {label}: write the number without a comma, or in quotes.")
        return
    guess = spoken(guess)
    if guess is None:
        say(f"Prediction {label}: a guess is a number, or text in quotes.")
        return
    if guess in (OPEN, ""):
        _guesses.pop(label, None)
        say(f'Prediction {label}: still open. Put your guess in place of "{OPEN}", and run the cell again.')
        if choices:
            say("  The choices: " + "  ".join(f'"{choice}"' for choice in choices))
        return
    if choices:
        choice = as_one_of(guess, choices)
        if choice is None:
            say(f"Prediction {label}: {guess!r} is not one of the choices: {', '.join(map(str, choices))}.")
            return
        guess = choice
    _guesses[label] = guess, bool(choices)
    say(f"Prediction {label}: {guess}. Recorded.")


def outcome(label: str, result: Any, within: float = 0.0) -> None:
    """Print the result next to the guess. within: the share by which a good guess of a number may be off.

    >>> predict("0.2", "about 1,000 bytes")
    Prediction 0.2: about 1,000 bytes. Recorded.
    >>> outcome("0.2", 1024, within=0.05)
    Outcome 0.2: 1024. You predicted about 1,000 bytes: right.
    """
    label = short(label)
    if label not in _guesses:
        say(f"Outcome {label}: {result}. No prediction was recorded.")
        return
    guess, chosen = _guesses[label]
    say(f"Outcome {label}: {result}. You predicted {guess}: {_judged(guess, result, within, chosen)}.")


def _judged(guess, result, within, chosen):
    """chosen: a choice among several is right or wrong, not an estimate that is off by a factor."""
    if chosen or not isinstance(result, Real) or isinstance(result, bool):
        return RIGHT if same(guess, result) else WRONG
    number = as_number(guess)
    if number is None:
        return "compare the two yourself"
    if abs(number - result) <= within * abs(result):
        return RIGHT
    if number <= 0 or result <= 0:
        return WRONG
    asked = f", and {within:.0%} of the result was asked for" if within else ""
    return f"off by a factor of {max(number / result, result / number):.3g}{asked}"
