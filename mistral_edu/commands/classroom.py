"""`mistral-edu classroom`: a course for nbgrader, made from the pages."""
import sys

EXAMPLES = """examples:
  mistral-edu classroom build --folder course              (all notebooks that have exercises)
  mistral-edu classroom build --folder course 05 06
  cd course; nbgrader generate_assignment 05_attention     (nbgrader learns of the assignment)
  cd course; nbgrader autograde 05_attention               (the files lie in submitted/NAME/05_attention/)
source/ holds the notebooks with solutions and hidden tests, release/ what students get. A file that you have changed
is not written over without --force. To grade without nbgrader, see mistral-edu grade --help."""


def add_arguments(parser):
    actions = parser.add_subparsers(dest="action", required=True, metavar="build")
    build = actions.add_parser("build", help="write source/, release/ and nbgrader_config.py")
    build.add_argument("notebooks", nargs="*", metavar="NN", help="numbers of notebooks (default: all with exercises)")
    build.add_argument("--folder", required=True, metavar="DIR", help="where the course is, or shall be")
    build.add_argument("--force", action="store_true", help="write files anew even if you have changed them")


def run(args) -> int:
    """Print the names of the assignments. Returns the exit code."""
    from mistral_edu.classroom.build import build  # here, since the lab's words take a second to come
    names = build(args.folder, args.notebooks, args.force)
    print(*names, sep="\n")
    print(f"{len(names)} assignment{'s' * (len(names) != 1)} in {args.folder}: source/ for you, release/ for your "
          "students", file=sys.stderr)
    return 0
