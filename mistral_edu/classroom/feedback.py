"""Feedback for students: a page for each file, which any browser shows without a network."""
import html
import os
import re
from itertools import groupby
from pathlib import Path

from mistral_edu import course
from mistral_edu.language import _, current, speaking
from mistral_edu.machine.whole_files import make_folder, write_text

PAGE = """<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{css}</style>
<main>
{body}
</main>
</html>
"""


def write_feedback(marks, folder, solutions: bool = False) -> int:
    """A page for each file, below `folder` as the files lie below their common folder; returns how many.

    solutions: with the course's solution, explained, after each exercise.
    """
    by_file = [(file, list(group)) for file, group in groupby(marks, key=lambda mark: mark.file)]
    parents = [os.path.dirname(os.path.abspath(file)) for file, __ in by_file]
    home = os.path.commonpath(parents) if parents else ""
    for file, group in by_file:
        path = Path(folder, os.path.relpath(os.path.abspath(file), home))
        path = path.with_name(f"{path.name.removesuffix('.ipynb')}.html")
        make_folder(path.parent)
        write_text(path, feedback(group, solutions))
    return len(by_file)


def feedback(marks, solutions: bool = False) -> str:
    """The page of one file, in its language: how many points, then each exercise with what the checker says."""
    with speaking(marks[0].language):
        return _page(marks, solutions)


def _page(marks, solutions):
    name, graded = Path(marks[0].file).name, [mark for mark in marks if mark.points is not None]
    body = [f"<h1>{html.escape(name)}</h1>"]
    if graded:
        points, full = sum(mark.points for mark in graded), sum(mark.of for mark in graded)
        body.append(f"<p>{_('{points} of {full} points', points=points, full=full)}</p>")
    for mark in marks:
        body += _exercise(mark, solutions) if mark in graded else [
            f"<p>{html.escape(_('This file could not be graded: {reason}.', reason=mark.remark))}</p>"]
    css = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
    return PAGE.format(language=current(), title=html.escape(name), css=css, body="\n".join(body))


def _exercise(mark, solutions):
    points = _("{label}: {points} of {full} points", label=mark.label, points=mark.points, full=mark.of)
    yield f"<h2>{points}</h2>"
    yield f"<pre>{html.escape(mark.message)}</pre>"
    for note in mark.notes:
        yield f"<p>{html.escape(note)}</p>"
    if solutions:
        from mistral_edu.course.markdown import as_html  # here, since it needs what only pages with solutions do
        yield (f"<details><summary>{_('The solution of the course, explained')}</summary>\n"
               f"{as_html(solution(mark.label))}</details>")


def solution(label: str) -> str:
    """The solution of an exercise with its explanation, in Markdown, in the current language where it is translated.

    >>> solution("5.5").splitlines()[:3]
    ['', '```python', 'def merge(out):']
    """
    path = course.SOLUTIONS / f"{label.split('.')[0].zfill(2)}_solutions.md"
    text = course.in_language(path, current()).read_text(encoding="utf-8")
    return re.search(rf"^## {re.escape(label)} [^\n]*\n(.*?)(?=^## |\Z)", text, flags=re.M | re.S)[1]
