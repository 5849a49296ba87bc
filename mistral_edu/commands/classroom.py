"""`mistral-edu classroom`: a course for nbgrader, and slides, both made from the pages."""
import sys

EXAMPLES = """examples:
  mistral-edu classroom slides 05                          (slides/05.html opens in any browser, without a network)
  mistral-edu classroom slides mistral-notebooks/05_attention.ipynb    (of your own copy, as it was saved)
  mistral-edu classroom build --folder course              (all notebooks that have exercises)
  mistral-edu classroom build --folder course 05 06
  cd course; nbgrader generate_assignment 05_attention     (nbgrader learns of the assignment)
  cd course; nbgrader autograde 05_attention               (the files lie in submitted/NAME/05_attention/)
source/ holds the notebooks with solutions and hidden tests, release/ what students get. A file of the course that you
have changed is not written over without --force; slides are always written anew. To grade without nbgrader, see
mistral-edu grade --help."""


def add_arguments(parser):
    actions = parser.add_subparsers(dest="action", required=True, metavar="slides|build")
    slides = actions.add_parser("slides", help="write an HTML file of slides for each notebook")
    slides.add_argument("notebooks", nargs="*", metavar="NN", help="numbers of notebooks, or files (default: all)")
    slides.add_argument("--folder", default="slides", metavar="DIR", help="where they are written (default: slides)")
    build = actions.add_parser("build", help="write source/, release/ and nbgrader_config.py")
    build.add_argument("notebooks", nargs="*", metavar="NN", help="numbers of notebooks (default: all with exercises)")
    build.add_argument("--folder", required=True, metavar="DIR", help="where the course is, or shall be")
    build.add_argument("--force", action="store_true", help="write files anew even if you have changed them")


def run(args) -> int:
    """Print the names of the assignments, or of the files with slides. Returns the exit code."""
    return {"slides": run_slides, "build": run_build}[args.action](args)


def run_slides(args) -> int:
    try:
        from mistral_edu.classroom.slides.build import build  # here, since the lab's words take a second to come
    except ModuleNotFoundError as error:
        raise ValueError(f"slides need {error.name}, which is not installed here: pip install 'mistral-edu[cpu,lab]'") \
            from error
    for path, count in build(args.folder, args.notebooks):
        print(f"{path}: {count} slides, {path.stat().st_size / 1e6:.1f} MB")
    return 0


def run_build(args) -> int:
    from mistral_edu.classroom.build import build  # here, since the lab's words take a second to come
    names = build(args.folder, args.notebooks, args.force)
    print(*names, sep="\n")
    print(f"{len(names)} assignment{'s' * (len(names) != 1)} in {args.folder}: source/ for you, release/ for your "
          "students", file=sys.stderr)
    return 0
