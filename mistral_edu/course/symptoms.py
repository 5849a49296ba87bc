"""docs/symptoms.md: the symptom tables that end the pages, sorted by what one sees, whichever notebook explains it.

`make readme` stores the page; a test compares it with the tables.
"""
import json
import re
from dataclasses import dataclass

from mistral_edu import course

TABLE = re.compile(r"^\| symptom \| likely cause \| what to check \|\n\|[-|]+\n((?:\|.*\n?)+)", re.MULTILINE)
CELLS = re.compile(r"\s*(?<!\\)\|\s*")

KINDS = (  # a heading, and a pattern of the symptoms under it; a symptom goes under the first heading that fits
    ("Short texts right, longer ones wrong",
     r"short (answers|questions|texts)|equal to .* up to|good up to|long texts (wrong|lose)|only when the prompt"),
    ("Right in one pass, wrong in pieces, or the other way round",
     r"one token at a time, non|one pass|whole prompts|token by token|a token later|turn is taken"),
    ("It begins well, then goes wrong", r"beginning|begins well|first token is right|right names"),
    ("Answers right, something else not", r"answers (are )?right|greedy text fine|copies from"),
    ("Nonsense", r"nonsense|answers nothing|nothing works"),
    ("A loss that is too high or too low", r"\bloss\b"),
    ("NaN, infinities, zeros", r"\bNaN\b|zeros|\b0 does not"),
    ("Other text on another machine, or on another rank", r"machines?\b|ranks (give|agree|wait)|parts from|all ranks"),
    ("Too much memory, or a wrong count",
     r"memory|too high|another model|\d %|cache is|file|parameters|heads are"),
    ("Too slow, or too fast to be true", r"slow|fast|time$|longer than|tokens a second|limit"),
    ("Tokens, prompts and conversations",
     r"�|words run|the answers? (are|begins|repeats)|`\[INST\]`|^ids|context|^answers|forgets|conversation"),
    ("Python, Jupyter, shapes", r"No module|slider|is not defined|shapes?\b"),
    ("Anything else", r""),
)

OPENING = """\
# Symptoms

You have written or changed a part of a model, and something is odd. Every notebook ends in a table of symptoms; here
are the rows of all of them, sorted by what you see, so that the causes of one symptom stand together. The last column
is the notebook that explains the cause. (For an installation that does not work, see
[troubleshooting](troubleshooting.md).)
"""


@dataclass(frozen=True)
class Row:
    """One line of a table, and the notebook that it is from."""
    symptom: str
    cause: str
    check: str
    notebook: course.Notebook

    @property
    def as_before(self) -> bool:
        """Whether a cell says "the same", so that the row needs the one before it."""
        return any(cell.startswith("the same") for cell in (self.symptom, self.cause, self.check))

    def __str__(self):
        link = f"[{self.notebook.number}](../notebooks/{self.notebook.path.name})"
        return f"| {self.symptom} | {self.cause} | {self.check} | {link} |"


def rows_of(notebook: course.Notebook) -> list:
    """The symptom table of a page, row by row."""
    cells = json.loads(notebook.path.read_text(encoding="utf-8"))["cells"]
    prose = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return [Row(*CELLS.split(line)[1:-1], notebook) for table in TABLE.findall(prose) for line in table.splitlines()]


def kind_of(symptom: str) -> str:
    """The heading that a symptom stands under.

    >>> kind_of("equal for short texts, then different")
    'Short texts right, longer ones wrong'
    """
    return next(heading for heading, said in KINDS if re.search(said, symptom))


def by_kind() -> dict:
    """{heading: its rows}, of all pages that are ready, in the order of the course."""
    found = {heading: [] for heading, _ in KINDS}
    for notebook in course.ready():
        for row in rows_of(notebook):
            if not row.as_before:
                heading = kind_of(row.symptom)
            found[heading].append(row)
    return found


def page() -> str:
    """docs/symptoms.md."""
    parts = [OPENING]
    for heading, rows in by_kind().items():
        table = ["| symptom | likely cause | what to check | notebook |", "|---|---|---|---|", *map(str, rows)]
        parts.append(f"## {heading}\n\n" + "\n".join(table) + "\n")
    return "\n".join(parts)
