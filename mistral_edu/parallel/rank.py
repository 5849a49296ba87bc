"""What runs in every rank: join the group, then do what all ranks do.

    python -c START call FOLDER                  a function that is in FOLDER, pickled (cells.py)
    python -c START module NAME WORDS...         the module's run_in_rank(group, words) (commands/launch.py)

Ctrl-C is ignored here: whoever started the ranks ends them.
"""
import os
import pickle
import random
import sys
import traceback
from importlib import import_module
from pathlib import Path

import mlx.core as mx

from mistral_edu import sampling
from mistral_edu.parallel import report
from mistral_edu.parallel.process import BACKEND, CALL, RESULT, SEED, SIZE
from mistral_edu.parallel.shipping import dumps


def main():
    kind, *words = sys.argv[1:]
    sys.stdout.reconfigure(line_buffering=True)
    reporter = report.Reporter()
    reporter.start()
    group = join(reporter)
    share_chance(os.environ[SEED])
    sys.stdin = Listening(sys.stdin, reporter)
    try:
        code = call(group, Path(words[0])) if kind == "call" else import_module(words[0]).run_in_rank(group, words[1:])
    except Exception as error:
        reporter.report(failed=report.place(traceback.extract_tb(error.__traceback__)))
        lines = traceback.format_exception(error)
        print(*[line for line in lines if __file__ not in line], sep="", end="", file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.exit(code)


def join(reporter):
    """The group of all ranks. The threads that come with it only carry bytes, and do not count as busy."""
    mx.eval(mx.ones(2) + 1)  # MLX's own thread is there from here on
    before = report.threads()
    alone = os.environ[SIZE] == "1"
    group = mx.distributed.init(strict=not alone, backend="any" if alone else os.environ[BACKEND])
    mx.eval(mx.distributed.all_sum(mx.array(1), group=group))  # all of them are there
    reporter.carriers = report.threads() - before
    hostfile = os.environ.get("MLX_HOSTFILE", "")
    if os.path.basename(hostfile).startswith("tmp."):  # mlx.launch's script makes it on other machines, and leaves it
        Path(hostfile).unlink(missing_ok=True)
    return group


def share_chance(seed):
    """When a program asks the system for a seed, all ranks get the same one: they must draw the same tokens."""
    shared = random.Random(int(seed))
    sampling.secrets = type("Shared", (), {"randbits": staticmethod(shared.getrandbits)})
    mx.random.seed(int(seed))


def call(group, folder):
    """Call the function in a folder with the group, and leave its result there. Returns the exit code."""
    function, arguments = pickle.loads((folder / CALL).read_bytes())
    result = function(group, *arguments)
    (folder / RESULT.format(group.rank())).write_bytes(dumps(result, "the result"))
    return 0


class Listening:
    """Standard input that reports when it is being waited for: a person may take as long as they like."""

    def __init__(self, stream, reporter):
        self._stream, self._reporter = stream, reporter

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def readline(self, *size):
        return self._waiting(self._stream.readline, *size)

    def read(self, *size):
        return self._waiting(self._stream.read, *size)

    def _waiting(self, read, *size):
        self._reporter.state = "reads"
        self._reporter.report()
        try:
            return read(*size)
        finally:
            self._reporter.state = "runs"
            self._reporter.report()
