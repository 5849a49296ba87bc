"""The command `mistral-edu`: finds the command's own file, reads its arguments, runs it.

Each command has a file of its name here, with EXAMPLES, add_arguments(parser), and run(args), which returns the exit
code. What several of them share is in arguments.py and terminal.py.
Exit codes: 0 success; 1 something failed, or doctor found a problem; 2 the command line was wrong; 130 Ctrl-C.
Answers and JSON go to stdout, everything else to stderr.
"""
import argparse
import os
import sys
import warnings
from importlib import import_module

from mistral_edu import __version__, load
from mistral_edu.commands.terminal import open_streams

COMMANDS = {
    "generate": "answer one prompt, token by token",
    "chat": "talk with the model, in turns",
    "convert": "rewrite a checkpoint in 4 or 8 bits or another dtype, for this package and mlx-lm",
    "evaluate": "measure the embedded model: exact match, recall, stories, in 16, 8 and 4 bits",
    "bench": "measure load time, prompt speed, generation speed and memory of a model",
    "launch": "run generate, chat or bench with the model divided among several processes",
    "doctor": "look at this machine: what works, what does not, and what to do about it",
    "lab": "open JupyterLab at a notebook; other options are passed on to JupyterLab",
    "check": "check the exercises of your own copy of a notebook, as they would be graded",
    "grade": "grade notebooks that were handed in: marks as CSV, feedback for each student",
    "classroom": "for a class: slides, a course for nbgrader; prepare a hub, and try how many students it carries",
    "train": "train the embedded model from scratch; resumes where it was stopped",
}


def build_parser(command=None):
    """The parser, with the arguments of this command; other commands' files are not read. None: those of all."""
    parser = argparse.ArgumentParser(prog="mistral-edu", description="A small Mistral, and notebooks that build it up.",
                                     epilog="Each command has its own help: mistral-edu generate --help")
    parser.add_argument("--version", action="version", version=f"mistral-edu {__version__}")
    parser.add_argument("--traceback", action="store_true",
                        help="show where an error comes from (or set MISTRAL_EDU_TRACEBACK=1)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".",
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
        if command in (name, None):
            module = import_module(f"mistral_edu.commands.{name}")
            module.add_arguments(sub)
            sub.epilog = module.EXAMPLES
            sub.set_defaults(run=module.run)
    return parser


def main(argv=None, load=load) -> int:
    """load: gives generate and chat their model and tokenizer. `launch` has ranks load a part of one."""
    open_streams()
    argv = sys.argv[1:] if argv is None else list(argv)
    if not argv:
        build_parser("").print_help(sys.stderr)
        return 2
    command = next((word for word in argv if not word.startswith("-")), "")
    passed_on = []
    if command == "lab":
        argv, passed_on = import_module("mistral_edu.commands.lab").split(argv)
    args = build_parser(command).parse_args(argv)
    args.jupyter_options, args.load = passed_on, load
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *where: print(f"hint: {message}", file=sys.stderr)
            return args.run(args)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    except BrokenPipeError:  # `mistral-edu generate ... | head -1`: the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        if args.traceback or os.environ.get("MISTRAL_EDU_TRACEBACK", "0") != "0":
            raise
        print(f"mistral-edu {args.command}: {error}", file=sys.stderr)
        return 1
