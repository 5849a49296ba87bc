"""`mistral-edu classroom`: slides and an nbgrader course, made from the pages, and what a hub needs."""
import asyncio
import sys
from importlib.util import find_spec

from mistral_edu.commands.terminal import tidy_when_killed

EXAMPLES = """examples:
  mistral-edu classroom slides 05                          (slides/05.html opens in any browser, without a network)
  mistral-edu classroom slides mistral-notebooks/05_attention.ipynb    (of your own copy, as it was saved)
  mistral-edu classroom build --folder course              (all notebooks that have exercises)
  mistral-edu classroom build --folder course 05 06
  cd course; nbgrader generate_assignment 05_attention     (nbgrader learns of the assignment)
  cd course; nbgrader autograde 05_attention               (the files lie in submitted/NAME/05_attention/)
  mistral-edu classroom prepare                            (on a hub, once, as the user who installed the package)
  mistral-edu classroom load-test --students 30            (what they take, how long they wait)
build: source/ holds the notebooks with solutions and hidden tests, release/ what students get. A file of the course
that you have changed is not written over without --force; slides are always written anew. To grade without nbgrader,
see mistral-edu grade --help.
load-test: each student has a Jupyter server, a kernel and a home in a temporary folder, and runs the cells of notebook
00 up to its section 0.2, or with --notebook all cells of another page."""


def add_arguments(parser):
    actions = parser.add_subparsers(dest="action", required=True, metavar="slides|build|prepare|load-test")
    slides = actions.add_parser("slides", help="write an HTML file of slides for each notebook")
    slides.add_argument("notebooks", nargs="*", metavar="NN", help="numbers of notebooks, or files (default: all)")
    slides.add_argument("--folder", default="slides", metavar="DIR", help="where they are written (default: slides)")
    build = actions.add_parser("build", help="write source/, release/ and nbgrader_config.py")
    build.add_argument("notebooks", nargs="*", metavar="NN", help="numbers of notebooks (default: all with exercises)")
    build.add_argument("--folder", required=True, metavar="DIR", help="where the course is, or shall be")
    build.add_argument("--force", action="store_true", help="write files anew even if you have changed them")
    actions.add_parser("prepare", help="compile the kernels into this environment, once for all of its users")
    test = actions.add_parser("load-test", help="how many students this machine carries at once")
    test.add_argument("--students", type=int, default=30, metavar="N", help="the most to try (default: 30)")
    test.add_argument("--notebook", metavar="NN", help="a page of which all cells are run (default: the first of 00)")


def run(args) -> int:
    """Do what the action says. Returns the exit code."""
    return {"slides": run_slides, "build": run_build, "prepare": run_prepare,
            "load-test": run_load_test}[args.action](args)


def run_slides(args):
    """Print the names of the files with slides."""
    try:
        from mistral_edu.classroom.slides.build import build  # here, since the lab's words take a second to come
    except ModuleNotFoundError as error:
        raise ValueError(f"slides need {error.name}, which is not installed here: pip install 'mistral-edu[cpu,lab]'") \
            from error
    for path, count in build(args.folder, args.notebooks):
        print(f"{path}: {count} slides, {path.stat().st_size / 1e6:.1f} MB")
    return 0


def run_build(args):
    """Print the names of the assignments."""
    from mistral_edu.classroom.build import build  # here, since the lab's words take a second to come
    names = build(args.folder, args.notebooks, args.force)
    print(*names, sep="\n")
    print(f"{len(names)} assignment{'s' * (len(names) != 1)} in {args.folder}: source/ for you, release/ for your "
          "students", file=sys.stderr)
    return 0


def run_prepare(args):
    """Print what all users of this environment now share."""
    from mistral_edu.classroom.prepare import prepare
    print("compiling kernels for this processor, for a minute or more", file=sys.stderr, flush=True)
    for name, made in prepare().items():
        print(f"{name}: {made}")
    return 0


def run_load_test(args):
    """Print the table, row by row, and what it means for a hub."""
    if args.students < 1:
        raise ValueError(f"--students is at least 1; got {args.students}")
    if find_spec("jupyterlab") is None:
        raise ValueError('JupyterLab is not installed in this environment; get it with: pip install "mistral-edu[lab]"')
    from mistral_edu.classroom import load_test, student
    from mistral_edu.course.copies import find
    cells = student.all_cells(find(args.notebook).number) if args.notebook else student.first_cells()
    with tidy_when_killed():
        rows = asyncio.run(load_test.load_test(cells, args.students))
    print(f"\n{load_test.NOTES}\n\n{load_test.advice(rows)}")
    return 0
