"""Where exercises are found: in the room of their notebook, away from its page (`lab/n08_window/exercises.py`)."""
import pkgutil
import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import import_module

from mistral_edu.language import _


@dataclass(frozen=True)
class Exercise:
    """cases: tuples of arguments, the by-hand one first. slips: (wrong function, what to tell its author) pairs.

    hints go from the gentlest to the plainest. minutes: what a beginner takes. The solution, explained, is in
    solutions/. The reference has the name that the reader's function has on the page. around: makes the context in
    which the reader's function is called, for what its result alone does not show.
    """
    label: str
    cases: tuple
    reference: Callable
    slips: tuple
    hints: tuple
    minutes: int = 5
    points: int = 2
    around: Callable = nullcontext


def short(label: str) -> str:
    """The one form in which labels are printed and kept. Raises TypeError for anything but a string.

    >>> short("08.3"), short("8.3"), short("00.3"), short("8.10")
    ('8.3', '8.3', '0.3', '8.10')
    """
    if not isinstance(label, str):
        raise TypeError(_('a label is a text in quotes, like "8.3"; got {label!r}', label=label))
    return re.sub(r"^0+(?=\d)", "", label.strip())


def notebook_of(label: str) -> str:
    """The two digits of an exercise's notebook.

    >>> notebook_of("4.2"), notebook_of("0.1"), notebook_of("12.3")
    ('04', '00', '12')
    """
    return label.split(".")[0].zfill(2)


def room_of(notebook: str) -> str | None:
    """The package in lab/ that belongs to a notebook, by its two digits; None if there is none.

    >>> room_of("08")
    'mistral_edu.lab.n08_window'
    """
    rooms = [module.name for module in pkgutil.iter_modules(import_module("mistral_edu.lab").__path__)]
    return next((f"mistral_edu.lab.{name}" for name in rooms if name.startswith(f"n{notebook}_")), None)


def exercises_of(notebook: str) -> tuple:
    """All exercises of a notebook, by its two digits; an empty tuple if it has none."""
    room = room_of(notebook)
    return import_module(f"{room}.exercises").EXERCISES if room else ()


def find(label: str) -> Exercise:
    """The exercise with this label. Raises ValueError, which names the ones there are."""
    label = short(label)
    known = exercises_of(notebook_of(label))
    for exercise in known:
        if exercise.label == label:
            return exercise
    names = ", ".join(exercise.label for exercise in known) or _("none")
    raise ValueError(_("no exercise {label!r}; notebook {number} has {names}", label=label, number=notebook_of(label),
                       names=names))
