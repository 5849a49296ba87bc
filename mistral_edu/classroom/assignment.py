"""The source version of an assignment: a stored page with solutions, tests, points, and the metadata of nbgrader."""
import ast
import json
import re

from mistral_edu import course
from mistral_edu.classroom.tasks import Task, cells_of, tasks_of
from mistral_edu.lab.kernel.cells import names_made

METADATA = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"}}        # no author's kernel: every Jupyter has one named python3
STUB = "raise NotImplementedError            # replace this line"
OUTWARD = re.compile(r"\[([^\]]*)\]\(\.\./[^)]*\)")     # a link to a file that an assignment does not bring


def source_of(number: str) -> dict:
    """The notebook that a teacher keeps, as nbformat's dictionary. number: the page's two digits."""
    cells = [_plain(cell) for cell in cells_of(number)]
    by_id = {cell["id"]: cell for cell in cells}
    for task in tasks_of(number):
        _make_answer(by_id[task.answer_id], task)
        _make_tests(by_id[task.check_id], task)
    for cell in cells:
        if cell["cell_type"] == "markdown":
            _state_points(cell, tasks_of(number))
    return {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}


def as_text(notebook: dict) -> str:
    """The notebook as nbformat writes it: texts in lines, keys in order."""
    cells = [{**cell, "source": cell["source"].splitlines(keepends=True)} for cell in notebook["cells"]]
    return json.dumps({**notebook, "cells": cells}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def solution_of(task: Task) -> str:
    """The body of the printed solution, without its docstring. Raises ValueError where it would not run on the page."""
    text = (course.SOLUTIONS / f"{task.notebook}_solutions.md").read_text(encoding="utf-8")
    code = re.search(rf"^## {re.escape(task.label)} .*?^```python\n(.*?)^```", text, flags=re.M | re.S)[1]
    tree = ast.parse(code)
    (function,) = (node for node in tree.body if getattr(node, "name", None) == task.name)
    beside = "\n".join(ast.unparse(node) for node in tree.body if node is not function)
    page = set().union(*(names_made("".join(cell["source"])) for cell in cells_of(task.notebook)
                         if cell["cell_type"] == "code"))
    if missing := names_made(beside) - page:
        raise ValueError(f"the solution of {task.label} defines {', '.join(sorted(missing))} beside {task.name}, "
                         "but an assignment has room for the function alone; move them into it or onto the page")
    docstring = function.body[0] if ast.get_docstring(function) else None
    first = docstring.end_lineno if docstring else function.body[0].lineno - 1
    return "\n".join(code.splitlines()[first:function.end_lineno])


def _plain(cell):
    """A cell of its own without outputs; nothing of the stored page is changed."""
    source = "".join(cell["source"])
    if cell["cell_type"] != "code":
        return {"cell_type": cell["cell_type"], "id": cell["id"], "metadata": {}, "source": OUTWARD.sub(r"\1", source)}
    kept = {key: value for key, value in cell["metadata"].get("mistral_edu", {}).items() if key != "measured"}
    return {"cell_type": "code", "id": cell["id"], "metadata": {"mistral_edu": kept} if kept else {},
            "source": source, "outputs": [], "execution_count": None}


def _make_answer(cell, task):
    region = f"    ### BEGIN SOLUTION\n{solution_of(task)}\n    ### END SOLUTION"
    cell["source"] = re.sub(r"^    raise NotImplementedError.*", lambda _: region, cell["source"], flags=re.M)
    cell["metadata"]["nbgrader"] = _marks(cell, solution=True)


def _make_tests(cell, task):
    """The check as on the page, which fails aloud; behind it the further cases, called by a name of their own."""
    cell["source"] = (f'assert check("{task.label}", {task.name})\n'
                      "### BEGIN HIDDEN TESTS\n"
                      "from mistral_edu.classroom.hidden import further_cases\n"
                      f'further_cases("{task.label}", {task.name})\n'
                      "### END HIDDEN TESTS")
    cell["metadata"]["nbgrader"] = {**_marks(cell, grade=True, locked=True), "points": task.points}


def _marks(cell, grade=False, solution=False, locked=False):
    return {"schema_version": 3, "grade_id": cell["id"], "grade": grade, "solution": solution, "locked": locked,
            "task": False}


def _state_points(cell, tasks):
    """Beside the minutes in an exercise's heading, its points."""
    for task in tasks:
        points = f"{task.points} point{'s' * (task.points != 1)}"
        heading = rf"^(### Exercise {re.escape(task.label)} \(\d+ minutes?)\)"
        cell["source"] = re.sub(heading, rf"\1, {points})", cell["source"], flags=re.M)
