"""How answers, figures and progress are shown in a terminal, and streams that can be used."""
import os
import signal
import sys
from contextlib import contextmanager

from mistral_edu.text.harmless import harmless

BAR = "{l_bar}{bar}| {n_fmt} of {total_fmt}{unit}, {remaining} left"  # of tqdm: how every bar looks


def printable(text):
    """What a model wrote, as a terminal may show it: without control characters. A pipe gets everything."""
    return harmless(text) if sys.stdout.isatty() else text


def say_compiling():
    """Tell whoever watches the first answers of a new installation why they are not the fastest."""
    from mistral_edu.fast import compiled
    from mistral_edu.fast.gpu import first_time
    if sys.stderr.isatty() and first_time.is_now():
        print("MLX compiles kernels for this GPU when they are first used: the first answer takes some seconds, later "
              "ones do not wait.", file=sys.stderr)
    if sys.stderr.isatty() and compiled.are_being_compiled():
        print(f"Compiling kernels for this processor in the background, {compiled.how_often()}. Answers get faster "
              "when they are done.", file=sys.stderr)


def figures(piece):
    return {"prompt_tokens": piece.prompt_tokens, "reused_tokens": piece.reused_tokens,
            "prompt_tps": round(piece.prompt_tps, 1), "generation_tokens": piece.generation_tokens,
            "generation_tps": round(piece.generation_tps, 1), "peak_memory_gb": round(piece.peak_memory, 3)}


def stats(piece, model):
    n = figures(piece)
    return (f"[{n['prompt_tokens']} tokens read ({n['reused_tokens']} kept from before), "
            f"{n['generation_tokens']} written at {n['generation_tps']} per second; {n['peak_memory_gb']} GB at most; "
            f"{model.answered_by}]")


@contextmanager
def bar(what, unit, leave=False):
    """Yield show(done, total), which draws a bar on stderr where a person watches. What is done in one go has none.

    what: "reading the prompt". unit: of done and total, " tokens". leave: keep the full bar; else its line is wiped.
    """
    drawn = None

    def show(done, total):
        nonlocal drawn
        if drawn is None and done < total and sys.stderr.isatty():
            from tqdm import tqdm  # slow to import, and mostly not needed
            drawn = tqdm(desc=what, total=total, unit=unit, leave=leave, file=sys.stderr, dynamic_ncols=True,
                         unit_scale=True, bar_format=BAR, mininterval=0, miniters=0)  # calls are seldom: draw at each
        if drawn is not None:
            drawn.update(done - drawn.n)
            if done >= total:
                drawn.close()

    try:
        yield show
    finally:
        if drawn is not None:
            drawn.close()


@contextmanager
def tidy_when_killed():
    """`kill` would end this program at once. It raises SystemExit, so that temporary folders are removed, and other
    processes ended, first."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def say(text, stream=None):
    """Print a line at once, to stdout or `stream`, above a bar that is drawn."""
    from tqdm import tqdm
    stream = stream or sys.stdout
    tqdm.write(text, file=stream)
    stream.flush()


def speaks_unicode(stream):
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def open_streams():
    """Usable standard input and outputs: a closed input, as under cron, is empty; a closed output discards.

    Otherwise the next file that is opened would take its place. And an output that knows only ASCII shows other
    characters as escapes, instead of losing the answer.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and not speaks_unicode(stream):
            stream.reconfigure(errors="backslashreplace")
