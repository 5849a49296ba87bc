"""Hints as a ladder: each call of `hint("0.3")` says a little more, and the last one says where the solution is.

The reader climbs it, not Run All: in a notebook the first run of a hint's cell only says that there are hints, unless
a check of the reader's own attempt has failed; and a run queued behind other cells repeats what was shown last.
"""
from mistral_edu import course
from mistral_edu.lab import kernel
from mistral_edu.lab.exercises.bank import find, notebook_of, short
from mistral_edu.lab.showing.say import say
from mistral_edu.language import _, current, ngettext

_rungs: dict = {}        # exercise -> rung shown last in this kernel; 0 is the invitation, the solution comes last
_tried: set = set()      # exercises of which an attempt has failed in this kernel


def attempt_failed(label: str) -> None:
    """Note that the reader has written something for this exercise and needs help: no invitation comes first then."""
    _tried.add(short(label))


def hint(label: str) -> None:
    """Print the next hint for an exercise. Raises ValueError for an exercise that has none."""
    label = short(label)
    hints = find(label).hints
    if label in _rungs:
        rung = _rungs[label] + (0 if kernel.cell_was_queued() else 1)
    else:
        asked_for = label in _tried and not kernel.cell_was_queued()
        rung = 1 if asked_for or not kernel.is_there() else 0
    _rungs[label] = rung = min(rung, len(hints) + 1)
    if rung == 0:
        say(ngettext("{n} hint waits here. Run this cell again for the first.",
                     "{n} hints wait here. Run this cell again for the first.", len(hints)))
    elif rung <= len(hints):
        say(_("Hint {n} of {count}: {hint}", n=rung, count=len(hints), hint=_(hints[rung - 1])))
    else:
        file = course.in_language(course.SOLUTIONS / f"{notebook_of(label)}_solutions.md", current())
        say(_("No more hints. The solution to {label}, explained: {file}", label=label, file=f"solutions/{file.name}"))
