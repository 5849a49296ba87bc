"""`mistral-edu check`: a learner's own answers, checked as they would be graded."""
import os
from pathlib import Path

from mistral_edu.language import _, current, speaking

EXAMPLES = """examples:
  mistral-edu check 05                        (your copy, where mistral-edu lab puts it)
  mistral-edu check 05 --folder ~/course
  mistral-edu check Downloads/my_page.ipynb
The file counts as it was saved last; save the page before."""


def add_arguments(parser):
    parser.add_argument("notebook", help="its number, or the path of a file")
    parser.add_argument("--folder", metavar="DIR", help="where your pages are (default: mistral-notebooks)")


def run(args) -> int:
    """Print a line for each exercise. Returns the exit code: 0 where all are right."""
    from mistral_edu.classroom.grade import grade  # here, since the lab's words take a second to come
    path = path_of(args.notebook, args.folder)
    marks = grade(path)
    with speaking(marks[0].language):
        for mark in marks:
            if mark.points is None:
                raise ValueError(f"{path}: {mark.remark}")
            sign = "✓" if mark.right else "○" if mark.message.startswith("○") else "✗"
            points = _("{label}: {points} of {full} points", label=mark.label, points=mark.points, full=mark.of)
            print(f"{sign} {points}" + (f": {mark.remark}" if mark.remark else ""))
    return 0 if all(mark.right for mark in marks) else 1


def path_of(notebook: str, folder: str | None = None) -> Path:
    """The file that is meant by a number, or by a path. Raises FileNotFoundError, which says how to get one."""
    from mistral_edu.course import copies
    if notebook.endswith(".ipynb") or os.sep in notebook or not notebook.isdigit() and Path(notebook).exists():
        path, cure = Path(notebook), "give the path of a notebook, or a number, as in: mistral-edu check 05"
    else:
        home = Path(folder).expanduser() if folder else copies.folder_of_learner()
        path = home / copies.find(notebook).page_in(current()).name
        cure = (f"mistral-edu lab {notebook} makes it; if yours is elsewhere, give its path, as in: "
                f"mistral-edu check Downloads/{path.name}")
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name the file in it, as in: mistral-edu check "
                         f"{path / '05_attention.ipynb'}")
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; {cure}")
    return path
