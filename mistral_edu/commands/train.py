"""`mistral-edu train`: train the embedded model from scratch. Invalid arguments are refused before anything is made."""
import os
import shlex
import signal

import mlx.core as mx

from mistral_edu.commands.arguments import at_least_1, filled, number, whole
from mistral_edu.commands.terminal import bar, say
from mistral_edu.tiny import FOLDER
from mistral_edu.tiny.train import Run
from mistral_edu.tiny.training.counted import counted

EXAMPLES = """examples:
  mistral-edu train --minutes 14             (all of it: on a fast GPU)
  mistral-edu train --minutes 4 --tasks fact (one task from scratch: enough for a processor to learn)
  mistral-edu train --out runs/mine        (run it again to go on after a stop)"""
LOG_EVERY = 100  # steps


def above_0(text):
    return number(text, float, 0, open_end=True)


def millions_above_0(text):
    return number(text, float, 0, open_end=True) * 1e6


def millions(text):
    return number(text, float, 0) * 1e6


def add_arguments(parser):
    add, on_gpu = parser.add_argument, "64 on a GPU, 1 on a CPU"
    add("--out", type=filled, default="runs/tiny",
        help="folder of the run; an unfinished run in it goes on (default: runs/tiny)")
    add("--tokens", type=millions_above_0, default=800e6, metavar="M", help="millions of tokens to see (default: 800)")
    add("--minutes", type=above_0, help="end after this many minutes of learning, whatever the machine")
    add("--start", metavar="FOLDER",
        help="go on from a model's weights instead of random ones; `tiny`: the shipped ones")
    add("--tasks", nargs="+", help="learn only these tasks of the world (story, scene, arithmetic, fact, ...)")
    add("--world", metavar="FILE", help="a world of your own in place of the village: docs/train_your_own_world.md")
    add("--seed", type=whole, default=0)
    add("--batch", type=at_least_1, help=f"rows of 1024 tokens per step (default: {on_gpu})")
    add("--rate", type=above_0, default=3e-3, help="peak learning rate (default: 0.003)")
    add("--workers", type=whole, help="processes that tell the world (default: two fewer than there are cores)")
    add("--keep", type=millions, nargs="*", default=[], metavar="M", help="keep a 4-bit checkpoint at these millions")
    add("--evaluate-every", type=millions_above_0, default=50e6, metavar="M",
        help="millions of tokens between two exams (default: 50)")
    add("--log-every", type=at_least_1, default=LOG_EVERY, help="steps, or 30 s, whichever comes first (default: 100)")
    add("--save-minutes", type=above_0, default=2.0, help="how often the state is saved (default: 2)")


def run(arguments) -> int:
    """Train, print progress, and say where the model is. Returns the exit code."""
    on_gpu = mx.default_device() != mx.Device(mx.cpu)
    arguments.batch = arguments.batch or (64 if on_gpu else 1)
    if arguments.workers is None:
        arguments.workers = max(0, (os.cpu_count() or 1) - 2)
    if arguments.start == "tiny":
        arguments.start = FOLDER
    with bar("learning", "%") as show:
        training = Run(arguments, say, on_step=lambda progress: show(100 * min(1, progress), 100))
        before = {s: signal.signal(s, training.stop) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            training.train()
        finally:
            for s, handler in before.items():
                signal.signal(s, handler)
    steps = f"{training.step} step" + "s" * (training.step != 1)
    done = f"{steps}, {counted(training.tokens)}, {training.seconds:.0f} s of learning"
    print(f"done: {done}" if training.progress >= 1 else f"stopped after {done}; the same command goes on from there")
    out = shlex.quote(str(training.out))
    asked = "" if training.world else f"; mistral-edu evaluate {out}"  # which asks about the village
    print(f"the model: {training.out}   (mistral-edu chat --model {out}{asked})")
    return 130 if training.stopped else 0
