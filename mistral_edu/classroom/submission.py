"""Find the answers in a notebook that was handed in, whatever has become of it.

A page is known by what only it has: ids of cells, exercises named in metadata, code. Where all of these are lost, the
names of functions tell, then the file's name. An answer is looked for by its cell's id, then by its metadata, then in
any cell that defines the function; a cell that is as the page has it counts only where no other is found.
"""
import ast
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from mistral_edu.classroom.needs import is_python, python_of
from mistral_edu.classroom.tasks import Task, all_tasks, cells_of, tasks_of
from mistral_edu.lab.kernel.cells import names_made
from mistral_edu.language import _, current, languages

CHOICE = re.compile(r"^(?:mistral_edu\.|lab\.)*language\([\"'](\w+)[\"']\)", flags=re.M)


@dataclass(frozen=True)
class Cell:
    """One cell of a file: its kind, its id, its text, and the exercise and role that its metadata name."""
    kind: str
    id: str
    source: str
    role: tuple


@dataclass
class Answer:
    """What was found for one exercise. at: the number of its cell, None where there is none; name: of its function."""
    task: Task
    at: int | None = None
    name: str | None = None
    notes: list = field(default_factory=list)       # what the student should know of how it was found


def read_cells(path) -> list:
    """The cells of a file. Raises what read_notebook raises."""
    return [_cell(cell) for cell in read_notebook(path)["cells"] if isinstance(cell, dict)]


def read_notebook(path) -> dict:
    """A file as it is, whatever it is called. Raises OSError where it cannot be read, ValueError where it is no
    notebook; the message says what it is."""
    data = Path(path).read_bytes()
    try:
        notebook = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(_what_it_is(data, error)) from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ValueError(_("the file is not a notebook of Jupyter's format 4: it has no list of cells"))
    return notebook


def _what_it_is(data, error):
    """A sentence about a file that is not JSON. error: what became of reading it."""
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        return _("the file is empty")
    if start.startswith(b"PK\x03\x04") and b"[Content_Types].xml" not in data:
        return _("the file is a zip archive; unpack it first")
    if start.startswith(b"<"):
        return _("the file is a web page (HTML), not the notebook; in JupyterLab, File > Download gives the notebook")
    if start.startswith(b"{") and isinstance(error, json.JSONDecodeError):
        return _("the notebook is damaged or incomplete: its JSON is wrong from line {n} on", n=error.lineno)
    if isinstance(error, UnicodeDecodeError):
        return _("the file is not a notebook: it is not text in UTF-8")
    return _("the file is not a notebook: it is not JSON")


def _cell(cell):
    source, metadata = cell.get("source", ""), cell.get("metadata")
    source = "".join(map(str, source)) if isinstance(source, list) else str(source)
    marks = metadata.get("mistral_edu") if isinstance(metadata, dict) else None
    marks = marks if isinstance(marks, dict) else {}
    role = str(marks.get("exercise")), str(marks.get("role"))
    return Cell(str(cell.get("cell_type")), str(cell.get("id")), source, role)


def language_of(cells) -> str:
    """The language in which a page speaks to its reader: the one that it chooses, else that of the moment.

    >>> language_of([Cell("code", "a", 'import mistral_edu.lab\\nmistral_edu.lab.language("de")', ())])
    'de'
    """
    chosen = [name for cell in cells if cell.kind == "code" for name in CHOICE.findall(cell.source)]
    return next((name for name in reversed(chosen) if name in languages()), current())


def notebook_of(cells, path) -> str | None:
    """The two digits of the notebook that this was, or None where nothing tells."""
    seen, defined = set().union(*map(_traits, cells)), set().union(*map(_functions, cells))
    traits = Counter({number: len(own & seen) for number, own in _traits_of_pages().items()})
    names = Counter(task.notebook for task in all_tasks() if task.name in defined)
    digits = re.match(r"\d\d(?!\d)", Path(path).name)
    by_name = digits[0] if digits and digits[0] in traits else None
    for votes in (traits, names):
        most = max(votes.values(), default=0)
        best = [number for number, count in votes.items() if count == most > 0]
        if best:
            return by_name if by_name in best else best[0]
    return by_name


@cache
def _traits_of_pages():
    """{two digits: what is in the cells of this page and of no other}."""
    pages = {number: set().union(*(_traits(_cell(cell)) for cell in cells_of(number)))
             for number in dict.fromkeys(task.notebook for task in all_tasks())}
    pages_with = Counter(trait for traits in pages.values() for trait in traits)
    return {number: {trait for trait in traits if pages_with[trait] == 1} for number, traits in pages.items()}


def _traits(cell):
    """By what a cell may be known again: its id, the exercise that it belongs to, its code."""
    return {("id", cell.id), ("role", *cell.role)} | ({("code", cell.source)} if cell.kind == "code" else set())


def answers_in(cells, number: str) -> list:
    """An Answer for each exercise of a notebook, by its two digits."""
    return [_answer(cells, task) for task in tasks_of(number)]


def _answer(cells, task):
    """The likeliest cell in which something was written; else the one that is as the page has it; else none."""
    found = [(at, task.name, how) for at, how in _candidates(cells, task) if task.name in _made(cells[at])]
    found += [(at, name, how) for at, how in _candidates(cells, task) if (name := _only_function(cells[at]))]
    found += [(at, task.name, how) for at, how in _candidates(cells, task) if not is_python(_code(cells[at]))]
    begun = [each for each in found if not _same_code(cells[each[0]].source, task.source)]
    if not found:
        return Answer(task)
    at, name, how = (begun or found)[0]
    answer = Answer(task, at, name)
    if how == "name":
        answer.notes.append(_(
            "The answer's cell was missing or unchanged; {name} was found in cell {n}.", name=name, n=at + 1))
    if cells[at].kind != "code":
        answer.notes.append(_(
            "The answer was in a cell of type {type}; it was read as code.", type=cells[at].kind))
    if name != task.name:
        answer.notes.append(_(
            "The function is named {name} instead of {wanted}.", name=name, wanted=task.name))
    return answer


def _candidates(cells, task):
    """(number of a cell, how it was found), the likeliest first. Of copies the last one counts, as when it is run."""
    order = sorted(range(len(cells)), key=lambda at: (cells[at].kind == "code", at), reverse=True)
    yield from ((at, "id") for at in order if cells[at].id == task.answer_id)
    yield from ((at, "metadata") for at in order if cells[at].role == (task.label, "answer"))
    yield from ((at, "name") for at in order if task.name in _functions(cells[at]))


def _made(cell):
    return names_made(_code(cell))


def _code(cell):
    return python_of(cell.source)


def _functions(cell):
    return re.findall(r"^def\s+(\w+)", cell.source, flags=re.M)


def _only_function(cell):
    """The name of the function that a cell defines, if it defines one alone: somebody has given it another name."""
    functions = _functions(cell)
    return functions[0] if len(functions) == 1 else None


def _same_code(a, b):
    """Whether two texts are the same to Python: comments, spaces and docstrings, which are translated, do not count."""
    if not (is_python(a) and is_python(b)):
        return a.strip() == b.strip()
    return _without_docstrings(a) == _without_docstrings(b)


def _without_docstrings(source):
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            del node.body[0]
    return ast.dump(tree)
