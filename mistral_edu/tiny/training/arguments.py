"""The arguments of `mistral-edu train`. One that makes no sense is refused in a sentence, before anything is made."""
import argparse
import math

LOG_EVERY = 100  # steps


def number(text, kind, least, most=float("inf"), open_end=False):
    """The number that an argument of the command line says. Raises argparse's error, in a sentence, for another."""
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if not least <= value < most or (open_end and value == least):
        what = "a whole number" if kind is int else "a number"
        raise argparse.ArgumentTypeError(f"{text!r} is not {what} {'above' if open_end else 'of at least'} {least}"
                                         + f" and below {most:g}" * (most < math.inf))
    return value


def above_0(text):
    return number(text, float, 0, open_end=True)


def millions_above_0(text):
    return number(text, float, 0, open_end=True) * 1e6


def millions(text):
    return number(text, float, 0) * 1e6


def whole(text):
    return number(text, int, 0, most=2**32)


def at_least_1(text):
    return number(text, int, 1, most=2**32)


def add_arguments(parser):
    add, on_gpu = parser.add_argument, "64 on a GPU, 1 on a CPU"
    add("--out", default="runs/tiny", help="folder of the run; an unfinished run in it goes on (default: runs/tiny)")
    add("--tokens", type=millions_above_0, default=800e6, metavar="M", help="millions of tokens to see (default: 800)")
    add("--minutes", type=above_0, help="end after so many minutes of learning, whatever the machine")
    add("--start", metavar="FOLDER", help="go on from a model's weights instead of random ones; `tiny`: the shipped ones")
    add("--tasks", nargs="+", help="learn only these tasks of the world (story, scene, arithmetic, fact, ...)")
    add("--world", metavar="FILE", help="a world of your own in place of the village: docs/train_your_own_world.md")
    add("--seed", type=whole, default=0)
    add("--batch", type=at_least_1, help=f"rows of 1024 tokens a step (default: {on_gpu})")
    add("--rate", type=above_0, default=3e-3, help="peak learning rate (default: 0.003)")
    add("--workers", type=whole, help="processes that tell the world (default: two fewer than there are cores)")
    add("--keep", type=millions, nargs="*", default=[], metavar="M", help="keep a 4-bit checkpoint at these millions")
    add("--evaluate-every", type=millions_above_0, default=50e6, metavar="M",
        help="millions of tokens between two exams (default: 50)")
    add("--log-every", type=at_least_1, default=LOG_EVERY, help="steps, or 30 s if those come first (default: 100)")
    add("--save-minutes", type=above_0, default=2.0, help="how often the state is saved (default: 2)")
