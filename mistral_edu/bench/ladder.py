"""What each step of fast/ gained: one model, one prompt, one answer, on one rung after another.

    python -m mistral_edu.bench.ladder                      the shape 230m with random weights, 16 and 4 bit
    python -m mistral_edu.bench.ladder --random tiny --bits 16 --repeats 1

Each rung is measured in a process of its own, since what lies under MLX cannot be changed later, and rungs take turns
in every round. Prompt and answer are short, because the first rungs are slow.
"""
import argparse
import sys
from typing import NamedTuple

from mistral_edu.bench.ask import in_fresh_process
from mistral_edu.bench.measure import Case
from mistral_edu.bench.results import number, spread
from mistral_edu.bench.tables import figure, markdown, rounds, short
from mistral_edu.fast import onednn
from mistral_edu.machine import large_pages

SPEEDS = ("prompt_tps", "generation_tps")


class Rung(NamedTuple):
    name: str
    under: dict        # environment variables
    fast: bool = True  # whether an engine is attached


RUNGS = [
    Rung("MLX as it comes", {"MISTRAL_EDU_BLAS": "0"}, fast=False),
    Rung("OpenBLAS under it", {}, fast=False),
    Rung("float32 copy of the weights", {"NUMBA_DISABLE_JIT": "1"}),
    Rung("compiled kernels, one thread", {"OMP_NUM_THREADS": "1", "MISTRAL_EDU_ONEDNN": "0",
                                          "MISTRAL_EDU_LARGE_PAGES": "0"}),
    Rung("the same, all processors", {"MISTRAL_EDU_ONEDNN": "0", "MISTRAL_EDU_LARGE_PAGES": "0"}),
]
ON_LARGE_PAGES = Rung("large pages under the weights", {"MISTRAL_EDU_ONEDNN": "0"})
WITH_ONEDNN = Rung("bfloat16 products by oneDNN", {})


def rungs():
    """The rungs of this machine: the last ones only if it has large pages to ask for, and bfloat16 products."""
    return RUNGS + [ON_LARGE_PAGES] * large_pages.are_wanted() + [WITH_ONEDNN] * bool(onednn.status().library)


def climb(cases, repeats=1, progress=lambda text: None, run=in_fresh_process):
    """A list of {"bits", "rung", "prompt_tps", "generation_tps"}, figures of the rounds. cases: one per precision."""
    samples = {}
    for n in range(1, repeats + 1):
        for case in cases:
            for rung in rungs():
                progress(f"round {n} of {repeats}: {case.bits} bit, {rung.name}")
                row, = run("measure", Case(**{**vars(case), "fast": rung.fast}), under=rung.under)
                samples.setdefault((case.bits, rung.name), []).append(row)
    return [{"bits": bits, "rung": name, **{speed: spread([row[speed] for row in rows]) for speed in SPEEDS}}
            for (bits, name), rows in samples.items()]


def as_table(rows):
    """Markdown; "gain" is how many times as fast a rung is as the one above it, by the medians."""
    body = []
    for row, above in zip(rows, [None, *rows]):
        is_first = above is None or above["bits"] != row["bits"]
        gains = ["" if is_first else f"{short(number(row, speed) / number(above, speed))}x" for speed in SPEEDS]
        body.append([row["bits"], row["rung"], figure(row, "prompt_tps"), gains[0], figure(row, "generation_tps"),
                     gains[1]])
    return "\n".join(markdown(["bits", "rung", "prompt, tok/s", "gain", "generation, tok/s", "gain"], body))


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m mistral_edu.bench.ladder", description=__doc__.splitlines()[0])
    parser.add_argument("--random", default="230m", metavar="PRESET", help="shape of the model (default: 230m)")
    parser.add_argument("--bits", type=int, nargs="+", default=[16, 4], choices=(16, 8, 4))
    parser.add_argument("--context", type=int, default=16, help="tokens of the prompt (default: 16)")
    parser.add_argument("--max-tokens", type=int, default=6, help="tokens of the answer (default: 6)")
    parser.add_argument("--repeats", type=int, default=3, help="rounds (default: 3)")
    args = parser.parse_args(argv)
    cases = [Case(model=None, preset=args.random, bits=bits, contexts=(args.context,), max_tokens=args.max_tokens)
             for bits in args.bits]
    rows = climb(cases, args.repeats, lambda text: print(text, file=sys.stderr))
    print(f"random weights of the shape {args.random}, a prompt of {args.context} tokens, an answer of "
          f"{args.max_tokens}, {rounds(args.repeats)}: medians, with the lowest and the highest\n")
    print(as_table(rows))


if __name__ == "__main__":
    main()
