"""Marks for a notebook that was handed in. Every file gets at least one, and no file stops the others."""
import re
from dataclasses import dataclass, field

from mistral_edu.classroom.needs import pieces
from mistral_edu.classroom.runner import Runner
from mistral_edu.classroom.submission import Answer, answers_in, language_of, notebook_of, read_cells
from mistral_edu.classroom.tasks import cells_of
from mistral_edu.language import _, current, speaking


@dataclass(frozen=True)
class Mark:
    """What one exercise of a file is worth. A file that could not be graded has one mark, without label and points.

    remark: what is wrong, in one sentence; empty where all is right. message: the same at length, as the checker
    says it. notes: what was odd about the file, though it was graded. student: who handed it in, where that is known.
    language: that of the page, in which all of this is said.
    """
    file: str
    notebook: str = ""
    label: str = ""
    points: int | None = None
    of: int | None = None
    remark: str = ""
    message: str = ""
    notes: tuple = ()
    student: str = ""
    language: str = field(default_factory=current)

    @property
    def right(self) -> bool:
        return self.points is not None and self.points == self.of


def grade(path, limit: float = 60) -> list:
    """The Marks of a file, one for each exercise of its notebook. limit: seconds that each answer may take.

    What they say is in the language of the page; of a file that cannot be read, in that of the moment. Raises
    OSError only where this machine cannot run answers at all.
    """
    file = printable(str(path))
    try:
        cells = read_cells(path)
    except OSError as error:
        return [Mark(file, remark=_("the file cannot be read ({reason})", reason=error.strerror))]
    except ValueError as error:
        return [Mark(file, remark=str(error))]
    with speaking(language_of(cells)):
        return _marks(file, cells, path, limit)


def _marks(file, cells, path, limit):
    try:
        number = notebook_of(cells, path)
        if number is None:
            return [Mark(file, remark=_("it contains no exercise of this course"))]
        with Runner(limit) as run:
            return [_mark(file, cells, answer, run) for answer in answers_in(cells, number)]
    except OSError:
        raise
    except Exception as error:      # whatever a student has thought of: it stops this file alone
        reason = _("it could not be graded ({error})", error=f"{type(error).__name__}: {error}")
        return [Mark(file, remark=printable(reason))]


def _mark(path, cells, answer: Answer, run):
    task = answer.task
    known = dict(file=path, notebook=task.notebook, label=task.label, of=task.points, notes=tuple(answer.notes))
    if answer.at is None:
        missing = _("no answer was found: no cell defines {name}", name=task.name)
        return Mark(**known, points=0, remark=missing, message=missing)
    outcome = _outcome(cells, answer, run)
    message = printable(outcome["message"])
    if outcome["passed"]:
        return Mark(**known, points=task.points, message=message)
    return Mark(**known, points=0, remark=sentence(message), message=message)


def _outcome(cells, answer, run):
    """What the checker says of an answer. An answer that is no Python is not run."""
    usable = [at for at, cell in enumerate(cells) if cell.kind == "code" or at == answer.at]
    page = ["".join(cell["source"]) for cell in cells_of(answer.task.notebook) if cell["cell_type"] == "code"]
    try:
        needed = pieces([cells[at].source for at in usable], usable.index(answer.at), answer.name, page)
    except SyntaxError as error:
        message = f"{type(error).__name__}: {error.msg}"
        if error.lineno:
            message = _("{error}, in line {n} of your cell", error=message, n=error.lineno)
            message += f": {(error.text or '').strip()}"
        return {"passed": False, "message": message}
    except (ValueError, RecursionError, MemoryError) as error:
        return {"passed": False, "message": _("Python cannot read your cell: {error}", error=error)}
    return run({"label": answer.task.label, "name": answer.name, "pieces": needed})


def printable(text: str) -> str:
    """The text with a question mark for each half of a character, which no file can hold.

    >>> printable("caf\\ud800")
    'caf?'
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def sentence(message: str) -> str:
    """The checker's message in one sentence: the likely reason, where it names one, else what differs.

    >>> sentence("✗ 0.3, case 1 of 4: expected 6, yours gives 9.\\n  It was called with x = 3. Likely: that is x * x")
    'that is x * x'
    >>> sentence("✗ 0.3, case 1 of 4: expected 6, yours gives 9.\\n  A hint waits in hint(\\"0.3\\").")
    'expected 6, yours gives 9'
    >>> sentence("○ 0.3: not started yet; replace the raise line and run both cells again")
    'not started'
    """
    if message.startswith("○"):
        return _("not started")
    likely = _("Likely: {reason}").partition("{")[0]
    if likely in message:
        return " ".join(message.split(likely, 1)[1].split())
    first = message.splitlines()[0]
    return re.sub(r"^✗ [\d.]+(, \w+ \d+ \w+ \d+)?: ", "", first).rstrip(".:")    # ", case 1 of 4", in any language
