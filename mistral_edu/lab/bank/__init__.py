"""What the checker and the hints know of each exercise: one file a notebook, away from its page."""
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec


@dataclass(frozen=True)
class Exercise:
    """cases: tuples of arguments, the by-hand one first. slips: (wrong function, what to tell its author) pairs.

    hints go from the gentlest to the plainest. The solution, explained, is in solutions/.
    """
    label: str
    cases: tuple
    reference: object
    slips: tuple
    hints: tuple


def notebook_of(label: str) -> str:
    """The two digits of an exercise's notebook.

    >>> notebook_of("4.2"), notebook_of("00.1")
    ('04', '00')
    """
    return label.split(".")[0].zfill(2)


def exercises_of(notebook: str) -> tuple:
    """All exercises of a notebook, by its two digits; an empty tuple where it has none."""
    name = f"{__name__}.notebook_{notebook}"
    return import_module(name).EXERCISES if find_spec(name) else ()


def find(label: str) -> Exercise:
    """The exercise with this label. Raises ValueError, which names those there are."""
    known = exercises_of(notebook_of(label))
    for exercise in known:
        if exercise.label == label:
            return exercise
    names = ", ".join(exercise.label for exercise in known) or "none"
    raise ValueError(f"no exercise {label!r}; notebook {notebook_of(label)} has {names}")
