"""Hints as a ladder: each call of `hint("0.3")` says a little more, and the last one says where the solution is."""
from mistral_edu.lab.showing.say import say

from .bank import find, notebook_of

_shown: dict = {}        # exercise -> rungs shown so far in this kernel


def hint(label: str) -> None:
    """Print the next hint of an exercise. Raises ValueError for an exercise that has none."""
    hints = find(label).hints
    step = _shown.get(label, 0)
    _shown[label] = step + 1
    if step < len(hints):
        say(f"Hint {step + 1} of {len(hints)}: {hints[step]}")
    else:
        say(f"No more hints. The solution of {label}, explained: solutions/{notebook_of(label)}_solutions.md")
