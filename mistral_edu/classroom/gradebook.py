"""The table for a gradebook: a line for each student, a column for each page, and what they add up to."""
from pathlib import Path

from mistral_edu.classroom.report import table
from mistral_edu.language import _


def as_gradebook(marks) -> str:
    """The marks as CSV, a line for each student. What was not handed in, or could not be graded, is empty.

    `of` is the most that the pages of the table give, the same for all. After the remark, a column for each exercise.
    Of several files for one page, the one with the most points counts, and the remark names all.

    >>> from mistral_edu.classroom.grade import Mark
    >>> marks = [Mark("ann_05.ipynb", "05", "5.4", 3, 3, student="ann"), Mark("bob.zip", remark="a zip", student="bob"),
    ...          Mark("ann_00.ipynb", "00", "0.3", 0, 2, student="ann")]
    >>> print(as_gradebook(marks), end="")
    student,00 (of 2),05 (of 3),points,of,remark,0.3 (of 2),5.4 (of 3)
    ann,0,3,3,5,,0,3
    bob,,,,5,bob.zip was not graded: a zip,,
    """
    most = {mark.label: mark.of for mark in sorted(marks, key=_place) if mark.points is not None}
    page_of = {mark.label: mark.notebook for mark in marks}
    pages = {page: sum(most[label] for label in most if page_of[label] == page)
             for page in dict.fromkeys(page_of[label] for label in most)}
    rows = [("student", *_with_most(pages), "points", "of", "remark", *_with_most(most))]
    for student in sorted({mark.student for mark in marks}, key=lambda name: (name.casefold(), name)):
        own = [mark for mark in marks if mark.student == student]
        counting, remarks = _counting(own)
        sums = [_sum(mark for mark in counting if mark.notebook == page) for page in pages]
        single = [_sum(mark for mark in counting if mark.label == label) for label in most]
        rows.append((student, *sums, _sum(counting), sum(pages.values()), "; ".join(remarks), *single))
    return table(rows)


def _place(mark):
    """5.4 comes before 5.10."""
    return [int(part) for part in mark.label.split(".") if part]


def _with_most(columns):
    return (f"{name} (of {most})" for name, most in columns.items())


def _sum(marks):
    """Their points; None where there are none, since nobody knows what a missing page is worth."""
    points = [mark.points for mark in marks]
    return sum(points) if points else None


def _counting(marks):
    """(the Marks of a student that count, what to know of the others)."""
    remarks = [_("{file} was not graded: {reason}", file=Path(mark.file).name, reason=mark.remark)
               for mark in marks if mark.points is None]
    counting = []
    for page in dict.fromkeys(mark.notebook for mark in marks if mark.points is not None):
        files = {}
        for mark in marks:
            if mark.notebook == page:
                files.setdefault(mark.file, []).append(mark)
        best = max(files, key=lambda file: _sum(files[file]))
        counting += files[best]
        if len(files) > 1:
            points = ", ".join(f"{name} ({_sum(own)})" for name, own in zip(_short(files), files.values()))
            remarks.append(_("{page} was handed in {n} times: {points}; the most points count", page=page,
                             n=len(files), points=points))
    return counting, remarks


def _short(files):
    """Their names, or their paths where names are the same."""
    names = [Path(file).name for file in files]
    return names if len(set(names)) == len(names) else list(files)
