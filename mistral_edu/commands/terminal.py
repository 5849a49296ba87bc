"""How answers, figures and progress are shown at a terminal, and streams that can be used."""
import os
import sys

from mistral_edu.prefill import CHUNK
from mistral_edu.text.harmless import harmless


def printable(text):
    """What a model wrote, as a terminal may show it: without the characters that steer one. A pipe gets all."""
    return harmless(text) if sys.stdout.isatty() else text


def say_compiling():
    """Tell who watches the first answers of a new installation why they are not the fastest."""
    from mistral_edu.fast import compiled
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
            f"{n['generation_tokens']} written at {n['generation_tps']} a second; {n['peak_memory_gb']} GB at most; "
            f"{model.answered_by}]")


def show_reading(done, total):
    """Progress for a prompt so long that it is read in several steps; a line of its own, wiped at the end."""
    if sys.stderr.isatty() and total > CHUNK:
        print(f"\rreading the prompt: {done} of {total} tokens" if done < total else "\r" + " " * 60 + "\r",
              end="", file=sys.stderr, flush=True)


def show_writing(done, total):
    """Progress of a conversion: one line that is written over, where a person watches."""
    if sys.stderr.isatty():
        print(f"\rwritten: {done / 1e6:,.1f} of {total / 1e6:,.1f} MB", end="" if done < total else "\n",
              file=sys.stderr, flush=True)


def speaks_unicode(stream):
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def open_streams():
    """Standard input and outputs that can be used: a closed one, as under cron, is empty, or says nothing.

    Else the next file that is opened would take its place. And an output that knows ASCII only shows other characters
    as escapes, instead of losing the answer.
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
