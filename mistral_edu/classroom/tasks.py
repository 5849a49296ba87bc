"""The exercises of the course as their pages state them: which cells they have, and what they are worth."""
import json
from dataclasses import dataclass
from functools import cache

from mistral_edu import course
from mistral_edu.lab.kernel.cells import names_made


@dataclass(frozen=True)
class Task:
    """One exercise. name: of the function that is asked for; source: the answer's cell as the page has it."""
    label: str
    notebook: str       # two digits
    name: str
    points: int
    answer_id: str
    check_id: str
    source: str


@cache
def tasks_of(number: str) -> tuple:
    """The exercises of a notebook, by its two digits, in the order of its page; none where the page is not written.

    >>> [(task.label, task.name, task.points) for task in tasks_of("05")]
    [('5.4', 'attend', 3), ('5.5', 'merge', 2)]
    """
    cells = {}
    for cell in cells_of(number):
        marks = cell["metadata"].get("mistral_edu", {})
        if "exercise" in marks:
            cells.setdefault(marks["exercise"], {})[marks["role"]] = cell
    return tuple(_task(label, number, roles["answer"], roles["check"]) for label, roles in cells.items())


def _task(label, number, answer, check):
    source = "".join(answer["source"])
    (name,) = names_made(source)
    points = answer["metadata"]["mistral_edu"]["points"]
    return Task(label, number, name, points, answer["id"], check["id"], source)


@cache
def cells_of(number: str) -> tuple:
    """The cells of a stored page; none where it is not written."""
    notebook = course.find(number)
    return tuple(json.loads(notebook.path.read_text(encoding="utf-8"))["cells"]) if notebook.ready else ()


def all_tasks() -> list:
    """The exercises of all pages that are ready."""
    return [task for notebook in course.ready() for task in tasks_of(notebook.number)]
