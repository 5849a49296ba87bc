"""`mistral-edu lab`: JupyterLab with a learner's own copy of the course."""
import os
import sys
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

from mistral_edu import course, language
from mistral_edu.course import copies

EXAMPLES = """examples:
  mistral-edu lab
  mistral-edu lab 08                       (opens notebook 08)
  mistral-edu lab 08 --finished            (opens it complete with results, from the folder finished/)
  mistral-edu lab --folder ~/course
  mistral-edu lab --language de            (pages, checks and hints in German, as far as they are translated)
  mistral-edu lab --no-browser --port 9999 (options of JupyterLab are passed on)
  mistral-edu lab --pages                  (brings the pages up to date and ends: for a hub, which starts JupyterLab)
The notebooks are copies of your own, in the folder mistral-notebooks: at the root of a clone, else below the current
folder. Results after the first prediction of a page appear when you run it. A page that you have changed is never
overwritten: a newer lesson is put beside it, as "NN_name (new lesson).ipynb". A page that you have deleted stays away
until you ask for it by its number, and is then new again."""


def add_arguments(parser):
    parser.add_argument("notebook", nargs="?", help="its number, or the beginning of its name (default: 00)")
    parser.add_argument("--finished", action="store_true", help="open the page as it is stored, complete with results")
    parser.add_argument("--language", metavar="NAME", help="en or de (default: the variable MISTRAL_EDU_LANG, or en)")
    parser.add_argument("--pages", action="store_true",
                        help="only make the pages, or bring them up to date; JupyterLab is not started")
    parser.add_argument("--folder", metavar="DIR",
                        help="where your pages are, or will be (default: mistral-notebooks)")


def run(args):
    """Replace this process with JupyterLab, at a notebook of the learner's own, with this environment's kernel.

    With --pages it returns 0 when the pages are there.
    """
    if find_spec("jupyterlab") is None and not args.pages:
        package = '"mistral-edu[cpu,lab]"' if course.HOME == course.PACKAGE else '-e ".[cpu,lab]"'
        raise ValueError(f"JupyterLab is not installed in this environment; get it with: pip install {package}")
    if args.language:
        language.language(args.language)
    folder, page, sentences = copies.prepare(args.notebook, args.folder, args.finished, language.current())
    os.environ[language.VARIABLE] = language.current()  # for the kernels
    print(*sentences, sep="\n", file=sys.stderr, flush=True)
    if args.pages:
        return 0
    address = f"/lab/tree/{page}" if page else "/lab"  # --no-browser prints it, too
    bench = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", f"--LabApp.default_url={address}"]
    bench += ["--allow-root"] if hasattr(os, "getuid") and os.getuid() == 0 else []
    # the kernel of this very environment, even if the user's own folder has another kernel of the same name
    here = Path(sys.prefix, "share", "jupyter")
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(here), os.environ.get("JUPYTER_PATH")]))
    # so that a cell finds our command, as in !mistral-edu check 05_attention.ipynb, where no environment is activated
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    sys.stdout.flush()
    os.execv(sys.executable, bench + args.jupyter_options)


def split(argv):
    """(lab's own words, JupyterLab's): lab's options, wherever they are, and words before all others.

    >>> split(["lab", "08", "--no-browser", "--finished", "--port", "9999"])
    (['lab', '08', '--finished'], ['--no-browser', '--port', '9999'])
    """
    first = argv.index("lab") + 1
    own, passed_on, words = argv[:first], [], iter(argv[first:])
    for word in words:
        if word in ("-h", "--help", "--finished", "--pages") or word.startswith(("--folder=", "--language=")):
            own.append(word)
        elif word in ("--folder", "--language"):
            own += [word, *islice(words, 1)]
        elif passed_on or word.startswith("-"):
            passed_on.append(word)
        else:
            own.append(word)
    return own, [word for word in passed_on if word != "--"]
