"""Where the time goes: how long MLX's operations take on this processor, and what makes up the engine's time per token.

    python -m mistral_edu.bench.account                     the shape 230m with random weights, 16, 8 and 4 bit
    python -m mistral_edu.bench.account --random tiny --bits 16

A token is taken apart within one answer, where its weights have just driven everything else out of the processor's
caches. One token after another leaves out a different part of what the engine does (the answer is then nonsense), round
after round, so that all parts meet the same machine. The time that a token without products saves is that of products.
"""
import argparse
import time
from contextlib import contextmanager
from itertools import cycle, pairwise
from statistics import median

import mlx.core as mx
import numpy as np

from mistral_edu.bench.ask import in_fresh_process
from mistral_edu.bench.limits import best_time, read_speed_cpu
from mistral_edu.bench.measure import wait_for_kernels
from mistral_edu.bench.random_model import random_model
from mistral_edu.bench.tables import markdown, short
from mistral_edu.bench.work import weight_bytes_per_step
from mistral_edu.fast import accelerate, compiled
from mistral_edu.generate import decode
from mistral_edu.prefill import Reader, prefill
from mistral_edu.sampling import GREEDY

ROWS, SIZE, VOCABULARY, MANY = 256, 1024, 32768, 100
CONTEXT, ROUNDS = 256, 40
IDLE = -1  # an operation that no kernel has: such a job is taken, and nothing is done


def parts_of_mlx():
    """Seconds that some of MLX's operations take on this processor: {name: seconds}."""
    x = mx.random.normal((ROWS, SIZE))
    w = mx.random.normal((SIZE, SIZE))
    narrow_x, narrow_w = x.astype(mx.bfloat16), w.astype(mx.bfloat16)
    packed = mx.quantize(narrow_w, group_size=64, bits=4)
    logits, one = mx.random.normal((VOCABULARY,)), mx.array(1.0)

    def additions(n):
        total = one
        for _ in range(n):
            total = total + one
        return total
    mx.eval(x, w, narrow_x, narrow_w, packed, logits, one)
    operations = {
        "float32 product": lambda: x @ w.T,
        "bfloat16 product": lambda: narrow_x @ narrow_w.T,
        "4-bit product": lambda: mx.quantized_matmul(narrow_x, *packed, group_size=64, bits=4),
        "e**x": lambda: mx.exp(logits),
        "one addition": lambda: additions(1),
        "additions": lambda: additions(MANY),
    }
    return {name: best_time(lambda: mx.eval(operation()), 3) for name, operation in operations.items()}


def about_mlx(run=in_fresh_process):
    """Lines: the same operations with the BLAS that comes with MLX, and with OpenBLAS under it."""
    alone, with_openblas = run("parts", under={"MISTRAL_EDU_BLAS": "0"}), run("parts")
    numbers = np.random.default_rng(0).standard_normal(VOCABULARY).astype(np.float32)
    operations = 2 * ROWS * SIZE * SIZE / 1e9
    rows = [[f"a {name}, {ROWS} x {SIZE} x {SIZE}, GFLOPS",
             *(short(operations / parts[name]) for parts in (alone, with_openblas))]
            for name in ("float32 product", "bfloat16 product", "4-bit product")]
    rows += [[f"{name}, {unit}", *(short(parts[part] * factor) for parts in (alone, with_openblas))]
             for name, unit, part, factor in (
                 (f"e**x of one number, of {VOCABULARY}", "ns", "e**x", 1e9 / VOCABULARY),
                 ("one addition of two numbers, waited for", "us", "one addition", 1e6),
                 (f"each of {MANY} additions, waited for together", "us", "additions", 1e6 / MANY))]
    rows.append(["for comparison, e**x in numpy, ns", "", short(best_time(lambda: np.exp(numbers)) / VOCABULARY * 1e9)])
    return markdown(["what MLX takes", "as it comes", "with OpenBLAS"], rows)


class Account:
    """One model in the middle of an answer: how long each part of a token takes, in seconds.

    Raises ValueError if the compiled kernels do not answer for it.
    """

    def __init__(self, model):
        wait_for_kernels()
        k = compiled.kernels()
        accelerate(model)
        reader = Reader(model)
        logits = prefill(reader, list(range(1, CONTEXT + 1)))
        stepper = getattr(getattr(model, "engine", None), "stepper", None)
        if stepper is None:
            raise ValueError(f"there is no account of this path: {model.answered_by}")
        self.step, self.cache = stepper.step(1, 1, False), reader.cache
        self.left_out = {"nothing": [], "products": [k.PACKED_ROWS, k.PLAIN_ROWS, k.SHUFFLE], "attention": [k.ATTEND],
                         "small": [k.NORM, k.ROTATE, k.GATE, k.LOOK_UP], "checks": [], "store": []}
        n_tokens = len(self.left_out) * (ROUNDS + 1)
        with timed(stepper, "place") as place, self.in_turn() as runs:
            steps = decode(reader, logits, n_tokens + 1, GREEDY)
            ends = [time.perf_counter() for _ in steps]
        tokens = [later - earlier for earlier, later in pairwise(ends[:-1])]  # the last token is no longer read
        self.place = median(place)
        self.run = {name: median(seconds for which, seconds in runs[len(self.left_out):] if which == name)
                    for name in self.left_out}
        whole = [(token, run) for token, (name, run) in zip(tokens, runs[1:]) if name == "nothing"]
        self.token = median(token for token, _ in whole)
        self.around = median(token - run for token, run in whole)

    @contextmanager
    def in_turn(self):
        """A context in which each token omits the next entry of `left_out`: a list of (name, seconds of the rest)."""
        operations = [jobs.jobs[:, compiled.kernels().OPERATION] for jobs, _ in self.step.lists]
        kept, names, run, runs = [part.copy() for part in operations], cycle(self.left_out), self.step.run, []

        def run_without(crew, n_past, is_valid, meanwhile):
            name = next(names)
            for part, whole in zip(operations, kept):
                part[np.isin(whole, self.left_out[name])] = IDLE
            began = time.perf_counter()
            try:
                return run(crew, n_past, (lambda: True) if name == "checks" else is_valid,
                           None if name == "store" else meanwhile)
            finally:
                runs.append((name, time.perf_counter() - began))
                for part, whole in zip(operations, kept):
                    part[:] = whole
        self.step.run = run_without
        try:
            yield runs
        finally:
            del self.step.run  # the class still has it

    def rows(self):
        """(part, seconds), in turn; what cannot be left out by itself is what the others leave of the token."""
        whole = self.run["nothing"]
        parts = {name: whole - self.run[without] for name, without in (
            ("products with the weights", "products"), ("attention", "attention"), ("norms, rope, gates", "small"),
            ("to see whether a weight has changed", "checks"), ("to hand keys and values to the caches", "store"))}
        around = {"to find the caches": self.place,
                  "to choose the token, and all else in Python": self.around - self.place}
        shared_out = self.token - sum(parts.values()) - sum(around.values())
        return [*parts.items(), ("to share out the jobs, and wait for the last", shared_out), *around.items()]


@contextmanager
def timed(owner, name):
    """A context that gives a list, to which the seconds of each call of a method are added."""
    times, method = [], getattr(owner, name)

    def timing(*arguments):
        began = time.perf_counter()
        try:
            return method(*arguments)
        finally:
            times.append(time.perf_counter() - began)
    setattr(owner, name, timing)
    try:
        yield times
    finally:
        delattr(owner, name)  # the class still has it


def about_token(preset, bits):
    """Lines: how long a token takes at best, and how long it takes."""
    model = random_model(preset, None if bits == 16 else bits)
    account, n_bytes, speed = Account(model), weight_bytes_per_step(model), read_speed_cpu(10**9)
    rows = [*([name, f"{1000 * seconds:.2f}"] for name, seconds in account.rows()),
            ["the token", f"{1000 * account.token:.2f}"]]
    return [f"{bits} bit: {n_bytes / 1e6:.0f} MB of weights per token; this machine reads {speed:.1f} GB/s, so "
            f"{n_bytes / speed / 1e6:.2f} ms at best", "", *markdown([f"after {CONTEXT} tokens", "ms"], rows)]


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m mistral_edu.bench.account", description=__doc__.splitlines()[0])
    parser.add_argument("--random", default="230m", metavar="PRESET", help="shape of the model (default: 230m)")
    parser.add_argument("--bits", type=int, nargs="+", default=[16, 8, 4], choices=(16, 8, 4))
    args = parser.parse_args(argv)
    print("\n".join(about_mlx()))
    for bits in args.bits:
        print("\n" + "\n".join(about_token(args.random, bits)))


if __name__ == "__main__":
    main()
