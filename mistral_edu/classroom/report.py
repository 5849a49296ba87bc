"""Marks as tables, which spreadsheets read."""
import csv
import io

COLUMNS = ("student", "file", "notebook", "exercise", "points", "of", "remark")
MARK = "\ufeff"     # how a file in UTF-8 begins for Excel, which takes it for another encoding without


def as_csv(marks) -> str:
    """The marks as CSV, a line for each exercise. Points are empty where a file could not be graded.

    >>> from mistral_edu.classroom.grade import Mark
    >>> marks = [Mark("ann.ipynb", "05", "5.4", 3, 3, student="ann"), Mark("=1+1.ipynb", remark="no JSON")]
    >>> print(as_csv(marks), end="")
    student,file,notebook,exercise,points,of,remark
    ann,ann.ipynb,05,5.4,3,3,
    ,'=1+1.ipynb,,,,,no JSON
    """
    return table([COLUMNS, *((mark.student, mark.file, mark.notebook, mark.label, mark.points, mark.of, mark.remark)
                             for mark in marks)])


def table(rows) -> str:
    """Rows as CSV, with commas. None is an empty cell."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([_harmless(value) for value in row] for row in rows)
    return out.getvalue()


def _harmless(value):
    """A spreadsheet takes a text that begins with one of these signs for a formula, and students choose the texts."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else value
