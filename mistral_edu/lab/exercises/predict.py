"""Predictions: the reader commits to an answer before the result is shown, and sees both side by side.

A guess that is written down makes one look twice at the result; that is all this file is for.
"""
from mistral_edu.lab.showing.say import say

OPEN = "?"                       # what the notebook holds until the reader writes a guess
_guesses: dict = {}


def predict(label: str, guess, choices=()) -> None:
    """Record a guess, a text or a number. choices: what is accepted, when only some answers make sense.

    >>> predict("0.1", "build", choices=("build", "evaluate"))
    Prediction 0.1: build. Recorded.
    >>> outcome("0.1", "evaluate")
    Outcome 0.1: evaluate. You predicted build: not so, and worth a second look.
    """
    if guess == OPEN or guess is ...:
        _guesses.pop(label, None)
        say(f'Prediction {label}: still open. Put your guess in place of "{OPEN}", and run the cell again.')
        if choices:
            say("  The choices: " + "  ".join(f'"{choice}"' for choice in choices))
        return
    if isinstance(guess, str):
        guess = guess.strip().lower()
    if choices and guess not in choices:
        say(f"Prediction {label}: {guess!r} is not one of the choices: {', '.join(map(str, choices))}.")
        return
    _guesses[label] = guess
    say(f"Prediction {label}: {guess}. Recorded.")


def outcome(label: str, result, within: float = 0.0) -> None:
    """Print the result beside the guess. within: the share by which a good guess of a number may be off."""
    if label not in _guesses:
        say(f"Outcome {label}: {result}. No prediction was recorded.")
        return
    guess = _guesses[label]
    numbers = all(isinstance(v, (int, float)) for v in (guess, result))
    right = abs(guess - result) <= within * abs(result) if numbers else str(guess) == str(result).lower()
    judged = "as it came out" if right else "not so, and worth a second look"
    if numbers and not right and guess > 0 and result > 0:
        judged = f"off by a factor of {max(guess / result, result / guess):.3g}"
    say(f"Outcome {label}: {result}. You predicted {guess}: {judged}.")
