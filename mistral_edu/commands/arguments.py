"""Arguments that several commands take: which model, how tokens are chosen; and what they may hold."""
import argparse
import math

from mistral_edu.checkpoints.window import argument, window_size
from mistral_edu.sampling import NAMES

DTYPES = ("float32", "float16", "bfloat16")


def filled(text):
    """An argument that is not empty. An empty one, such as a variable that the shell does not know, is a mistake."""
    if not text.strip(" ,"):
        raise argparse.ArgumentTypeError(f"{text!r} names nothing")
    return text


def number(text, kind, least, most=float("inf"), open_end=False):
    """The number that a command-line argument gives. Raises argparse's error, in a sentence, for anything else."""
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if not least <= value < most or (open_end and value == least):
        what = "a whole number" if kind is int else "a number"
        raise argparse.ArgumentTypeError(f"{text!r} is not {what} {'above' if open_end else 'of at least'} {least}"
                                         + f" and below {most:g}" * (most < math.inf))
    return value


def whole(text):
    return number(text, int, 0, most=2**32)


def at_least_1(text):
    return number(text, int, 1, most=2**32)


def add_model_arguments(parser):
    add = parser.add_argument
    add("--model", type=filled, default="tiny", metavar="NAME", help='"tiny" (default), a folder that holds a '
        "checkpoint, or a name on the Hugging Face hub, such as mistralai/Mistral-7B-Instruct-v0.3 (fetched once; the "
        "cache keeps it)")
    add("--revision", metavar="NAME", help="branch, tag or commit of a model on the hub (default: the newest)")
    add("--bits", type=int, choices=(8, 4), help="quantize the weights while loading")
    add("--window", type=argument, default="config", metavar="W", help="let a token see W tokens, its own included; "
        "none: all of them; config: as the model was published (default)")
    add("--dtype", choices=DTYPES, help="dtype of the weights (default: as stored)")
    add("--context", type=int, metavar="N", help="tokens that have to fit into memory (default: 2048)")
    add("--chat-format", metavar="V", help="how a question is written for the model: v1, v3, v7-tekken and others, or "
        "template for the chat template beside the tokenizer (default: what the model speaks)")
    add("--no-fast", action="store_true", help="answer with the readable code, without the engine of mistral_edu.fast")


def add_sampling_arguments(parser):
    add = parser.add_argument
    add("--max-tokens", type=int, default=256, metavar="N", help="the most tokens to write (default: 256)")
    add("--temperature", type=float, default=0.0, metavar="T", help="0 takes the likeliest token each time (default)")
    add("--top-k", type=int, default=0, metavar="K", help="choose among the K likeliest; 0: among all (default)")
    add("--top-p", type=float, default=1.0, metavar="P", help="among the likeliest that add up to probability P")
    add("--min-p", type=float, default=0.0, metavar="P", help="among those at least P times as likely as the likeliest")
    add("--repetition-penalty", type=float, default=1.0, metavar="R", help="above 1: avoid what was said (default: 1)")
    add("--seed", type=int, metavar="N", help="the same seed gives the same answer")
    add("--stop", action="append", default=[], metavar="TEXT", help="end before this text; may be given several times")


def model_settings(args):
    return {"bits": args.bits, "window_size": window_size(args.window), "dtype": args.dtype, "fast": not args.no_fast,
            "context": args.context, "revision": args.revision}


def sampling_settings(args):
    return {name: getattr(args, name) for name in ("max_tokens", *NAMES, "stop")}


def given(args, add_arguments) -> list:
    """The names of the arguments that differ from their defaults, of those that add_arguments(parser) declares."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return [name for name, default in vars(parser.parse_args([])).items() if getattr(args, name) != default]


def option(name):
    """How an argument is written.

    >>> option("set_up"), option("model")
    ('--set-up', 'a model')
    """
    return "a model" if name == "model" else f"--{name.replace('_', '-')}"
