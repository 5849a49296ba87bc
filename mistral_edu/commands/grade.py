"""`mistral-edu grade`: marks and feedback for notebooks that were handed in, without nbgrader."""
import sys
from pathlib import Path

EXAMPLES = """examples:
  mistral-edu grade submissions/*.ipynb
  mistral-edu grade submissions --csv marks.csv --feedback feedback
  mistral-edu grade ann.ipynb --limit 10
Files may be renamed, cells deleted, metadata changed: answers are found by their cells' ids, by their metadata, or by
the names of their functions. Only what an answer needs is run, in another process and with a time limit. It is still
somebody else's code and runs with your rights. The exit code is 1 where a file could not be graded, else 0."""


def add_arguments(parser):
    parser.add_argument("files", nargs="+", metavar="FILE", help="notebooks, or folders that hold some")
    parser.add_argument("--csv", metavar="FILE", help="write the marks there as a table")
    parser.add_argument("--feedback", metavar="DIR", help="write a page for each file there: what the checker says")
    parser.add_argument("--limit", type=float, default=60, metavar="S",
                        help="seconds that an answer may take (default: 60)")


def run(args) -> int:
    """Print a line for each exercise of each file. Returns the exit code."""
    from mistral_edu.classroom.grade import grade  # here, since the lab's words take a second to come
    from mistral_edu.classroom.report import as_csv, write_feedback
    from mistral_edu.machine.whole_files import write_text
    if args.limit <= 0:
        raise ValueError(f"--limit is a number of seconds above 0; got {args.limit:g}")
    marks = []
    try:
        for file in files_in(args.files):
            new = grade(file, args.limit)
            marks += new
            for mark in new:
                points = "not graded" if mark.points is None else f"{mark.label:>5}  {mark.points}/{mark.of}"
                print(f"{file}  {points}  {mark.remark}".rstrip(), flush=True)
    finally:                                # an interrupt loses none of the marks so far
        if args.csv and marks:
            write_text(args.csv, as_csv(marks))
        if args.feedback and marks:
            write_feedback(marks, args.feedback)
    missed = {mark.file for mark in marks if mark.points is None}
    print(f"{len({mark.file for mark in marks}) - len(missed)} files graded, {len(missed)} could not be",
          file=sys.stderr)
    return 1 if missed else 0


def files_in(paths) -> list:
    """The files as given, and all notebooks below the folders among them. Raises ValueError where there is none."""
    files = []
    for path in map(Path, paths):
        found = sorted(path.rglob("*.ipynb")) if path.is_dir() else [path]
        files += [file for file in found if ".ipynb_checkpoints" not in file.parts]
    if not files:
        raise ValueError(f"no notebook (*.ipynb) in {', '.join(paths)}")
    return list(dict.fromkeys(files))
