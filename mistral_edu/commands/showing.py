"""How answers and their figures are shown at a terminal."""
import sys
import unicodedata


def printable(text):
    """What a model wrote, as a terminal may show it: without the characters that steer one. A pipe gets all."""
    if not sys.stdout.isatty():
        return text
    return "".join(c if c in "\n\t" or unicodedata.category(c) != "Cc" else "\ufffd" for c in text)


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
            f"{model.path}]")
