"""Predictions without a kernel: what predict and outcome would print for each guess, and what is folded until then.

Choices are few, so all that a notebook could say is made beforehand, by the notebook's own functions. A guess of a
number is judged in the page (`judged` in site.js, which a test compares with the notebook's).
"""
import ast
import contextlib
import io
import re
from dataclasses import dataclass, field

from mistral_edu.lab import outcome, predict
from mistral_edu.language import N_, _

CALL = re.compile(r"(?<![\w.])(predict|outcome)\(")
# What predict and outcome print while there is no guess.
OPEN = N_('Prediction {label}: still open. Put your guess in place of "?", and run the cell again.')
OUTCOME = N_("Outcome {label}: {result}. No prediction was recorded.")


@dataclass
class Prediction:
    """label, choices (none: a number is asked for), and the positions of the cells that ask and that tell.

    result: what the stored page shows as the outcome. within: how far off a number may be, as a share.
    end: the position of the cell before which the fold ends.
    """
    label: str
    choices: tuple
    asked: int
    told: int = 0
    result: str = ""
    within: float = 0.0
    end: int = 0
    verdicts: dict = field(default_factory=dict)


def predictions(cells: list) -> list:
    """The predictions of a page, in order. cells: its cells, prose already cut before each heading.

    Raises ValueError for a prediction without an outcome below it.
    """
    found: dict = {}
    for n, cell in enumerate(cells):
        for name, call in calls(cell):
            label = ast.literal_eval(call.args[0])
            options = {keyword.arg: number_or_text(keyword.value) for keyword in call.keywords}
            if name == "predict":
                found[label] = Prediction(label, tuple(options.get("choices", ())), n)
            else:
                one = found[label]
                one.told, one.result, one.within = n, result_of(label, cell), options.get("within", 0.0)
    for one in found.values():
        if not one.told:
            raise ValueError(f"prediction {one.label} has no outcome below it; add outcome({one.label!r}, ...)")
        one.verdicts = {choice: verdict(one, choice) for choice in one.choices}
    find_ends(list(found.values()), cells)
    return list(found.values())


def calls(cell):
    """The calls of predict and outcome in a cell: (name, call)."""
    if cell.cell_type == "code" and CALL.search(cell.source):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("predict", "outcome"):
                yield node.func.id, node


def number_or_text(node):
    """The value of an argument that names nothing: a literal, or a fraction such as 1 / 3."""
    return eval(compile(ast.Expression(node), "argument", "eval"), {"__builtins__": {}})


def result_of(label: str, cell) -> str:
    """What a stored cell tells as the outcome. Raises ValueError if it does not."""
    for output in cell.outputs:
        found = re.search(outcome_of(label), output.get("text", ""))
        if found:
            return " ".join(found["result"].split())
    raise ValueError(f"the stored output of cell {cell.id} does not tell outcome {label}; make refresh stores it")


def outcome_of(label: str) -> str:
    """The form, as a regular expression, of what outcome(label, ...) prints without a guess; `result` is a group."""
    return printed_as(OUTCOME, label=re.escape(label), result=r"(?P<result>(?:.|\n)*?)")


def printed_as(message: str, **values) -> str:
    """A regular expression for a message as `say` prints it, in the language of the moment and with any line breaks.

    values: what stands in its {places}, as regular expressions.

    >>> printed_as("No {n}.", n="[0-9]")
    'No\\\\s[0-9]\\\\.'
    """
    form = r"\s".join(map(re.escape, _(message).split(" ")))
    for name, value in values.items():
        form = form.replace(re.escape(f"{{{name}}}"), value)
    return form


def verdict(one: Prediction, choice) -> str:
    """What the notebook prints as the outcome when this was the guess."""
    said(predict, one.label, choice, one.choices)
    text = said(outcome, one.label, one.result)
    said(predict, one.label)                                    # open again: nothing stays behind
    return text


def said(function, *arguments) -> str:
    """What a call prints, in a line."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        function(*arguments)
    return " ".join(printed.getvalue().split())


def find_ends(found: list, cells: list) -> None:
    """A fold ends at the first heading after the outcome: what stands before explains the result. A prediction inside
    a fold ends with it or earlier, so folds nest."""
    for one in reversed(found):
        one.end = next((n for n in range(one.told + 1, len(cells)) if cells[n].cell_type == "markdown"
                        and cells[n].source.startswith("#")), len(cells))
        one.end = max([one.end, *(other.end for other in found if one.asked < other.asked < one.end)])
