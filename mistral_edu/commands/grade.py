"""`mistral-edu grade`: marks and feedback for notebooks that were handed in, without nbgrader."""
import sys
from dataclasses import replace
from pathlib import Path

EXAMPLES = """examples:
  mistral-edu grade submissions/*.ipynb
  mistral-edu grade submissions --csv marks.csv --gradebook gradebook.csv --feedback feedback
  mistral-edu grade submissions --feedback feedback --solutions      (after the deadline)
  mistral-edu grade ann.ipynb --limit 10
Files may be renamed, cells deleted, metadata changed: answers are found by their cells' ids, by their metadata, or by
the names of their functions. Only what an answer needs is run, in another process and with a time limit. It is still
somebody else's code and runs with your rights.
A student is a file (ann.ipynb, ann_05.ipynb) or a folder (ann/05_attention.ipynb), as nbgrader, Moodle and Canvas name
them, too. In the gradebook, what was not handed in or could not be graded is empty. The exit code is 1 where a file
could not be graded, else 0."""


def add_arguments(parser):
    parser.add_argument("files", nargs="+", metavar="FILE", help="notebooks, or folders that hold some")
    parser.add_argument("--csv", metavar="FILE", help="write the marks there as a table: a line for each exercise")
    parser.add_argument("--gradebook", metavar="FILE",
                        help="write the marks there as a table: a line for each student, a column for each page")
    parser.add_argument("--feedback", metavar="DIR", help="write a page for each file there: what the checker says")
    parser.add_argument("--solutions", action="store_true",
                        help="in the feedback, show the course's solutions, for right answers too")
    parser.add_argument("--limit", type=float, default=60, metavar="S",
                        help="seconds that an answer may take (default: 60)")


def run(args) -> int:
    """Print a line for each exercise of each file. Returns the exit code."""
    from mistral_edu.classroom.collected import files_in, student_of  # here: the lab's words take a second to come
    from mistral_edu.classroom.grade import grade
    if args.limit <= 0:
        raise ValueError(f"--limit is a number of seconds above 0; got {args.limit:g}")
    if args.solutions and not args.feedback:
        raise ValueError("--solutions shows them in the feedback; say where it goes, as in: --feedback feedback")
    outputs = list(filter(None, (args.csv, args.gradebook, args.feedback)))
    _make_room(args)
    files = files_in(args.files, apart=outputs)
    marks = []
    try:
        for file, home in files.items():
            new = [replace(mark, student=student_of(file, home, mark.notebook)) for mark in grade(file, args.limit)]
            marks += new
            for mark in new:
                points = "not graded" if mark.points is None else f"{mark.label:>5}  {mark.points}/{mark.of}"
                print(f"{file}  {points}  {mark.remark}".rstrip(), flush=True)
    finally:                                # an interrupt loses none of the marks so far
        if marks:
            _write(marks, args)
    missed = {mark.file for mark in marks if mark.points is None}
    print(f"{len({mark.file for mark in marks}) - len(missed)} files graded, {len(missed)} could not be",
          file=sys.stderr)
    return 1 if missed else 0


def _make_room(args):
    """Find out before grading, not after it, whether the results can be written."""
    from mistral_edu.machine.whole_files import make_folder
    for option, file in (("--csv", args.csv), ("--gradebook", args.gradebook)):
        if file and Path(file).is_dir():
            raise ValueError(f"{option} is the name of a file, and {file} is a folder; give, for example, "
                             f"{Path(file, 'marks.csv')}")
        if file:
            make_folder(Path(file).parent)
    if args.feedback:
        make_folder(args.feedback)


def _write(marks, args):
    from mistral_edu.classroom.feedback import write_feedback
    from mistral_edu.classroom.gradebook import as_gradebook
    from mistral_edu.classroom.report import MARK, as_csv
    from mistral_edu.machine.whole_files import write_text
    for file, as_table in ((args.csv, as_csv), (args.gradebook, as_gradebook)):
        if file:
            write_text(file, MARK + as_table(marks))
    if args.feedback:
        write_feedback(marks, args.feedback, args.solutions)
