"""Marks written down: a table of all of them, and a page of feedback for each file."""
import csv
import io
import os
import textwrap
from itertools import groupby
from pathlib import Path

from mistral_edu.machine.whole_files import write_text

WIDTH, INDENT = 88, " " * 4     # of feedback, in letters
COLUMNS = ("file", "notebook", "exercise", "points", "of", "remark")


def as_csv(marks) -> str:
    """The marks as CSV, a line for each exercise. Points are empty where a file could not be graded.

    >>> from mistral_edu.classroom.grade import Mark
    >>> print(as_csv([Mark("ann.ipynb", "05", "5.4", 3, 3), Mark("=1+1.ipynb", remark="no JSON")]), end="")
    file,notebook,exercise,points,of,remark
    ann.ipynb,05,5.4,3,3,
    '=1+1.ipynb,,,,,no JSON
    """
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for mark in marks:
        row = (mark.file, mark.notebook, mark.label, mark.points, mark.of, mark.remark)
        table.writerow(map(_harmless, row))
    return out.getvalue()


def _harmless(value):
    """A spreadsheet takes a text that begins with one of these signs for a formula, and students choose the texts."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value


def write_feedback(marks, folder) -> int:
    """A page in Markdown for each file, below `folder` as the files lie below their common folder; returns how many."""
    by_file = [(file, list(group)) for file, group in groupby(marks, key=lambda mark: mark.file)]
    parents = [os.path.dirname(os.path.abspath(file)) for file, _ in by_file]
    home = os.path.commonpath(parents) if parents else ""
    for file, group in by_file:
        path = Path(folder, os.path.relpath(os.path.abspath(file), home)).with_suffix(".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, feedback(group))
    return len(by_file)


def feedback(marks) -> str:
    """The page of one file: how many points, then each exercise with what the checker says."""
    graded = [mark for mark in marks if mark.points is not None]
    lines = [f"# {Path(marks[0].file).name}", ""]
    if graded:
        lines += [f"{sum(mark.points for mark in graded)} of {sum(mark.of for mark in graded)} points", ""]
    for mark in marks:
        if mark.points is None:
            lines += [f"This file could not be graded: {mark.remark}.", ""]
            continue
        lines += [f"## {mark.label}: {mark.points} of {mark.of} points", ""]
        for line in mark.message.splitlines():      # indented: shown as it stands, so a long line would be cut off
            lines += textwrap.wrap(line, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT) or [""]
        lines.append("")
        for note in mark.notes:
            lines += [note, ""]
    return "\n".join(lines)
