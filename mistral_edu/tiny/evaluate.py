"""Measure the embedded model with its exam, at 16, 8 and 4 bit.

    mistral-edu evaluate tiny [--json] [--quick]

Quantized weights are turned back into the numbers they stand for (quantize.dequantize) before the many-row passes:
that gives the same numbers on every machine, and is much faster on most.
"""
import multiprocessing
import os
import random
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import mlx.core as mx

from mistral_edu.checkpoints.loading import load
from mistral_edu.fast import accelerate
from mistral_edu.machine.processors import processors
from mistral_edu.quantize import dequantize
from mistral_edu.tiny import FOLDER
from mistral_edu.tiny import exam as exams
from mistral_edu.tiny.answers import accuracy, answered, distinct, perplexity, satisfied, told
from mistral_edu.tiny.training.data import encode_documents
from mistral_edu.tiny.world import sample


# ---------------------------------------------------------------- one precision
def held_out_documents(name, n, seed="perplexity"):
    """n documents of the test split, as token ids with their classes, in a model's vocabulary."""
    from tokenizers import Tokenizer  # the bare library: it encodes many texts in one call

    r, folder = random.Random(seed), FOLDER if name == "tiny" else Path(name)
    bare = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return list(encode_documents(bare, [sample(r, "test") for _ in range(n)]))


def print_progress(text):
    print(text, file=sys.stderr, flush=True)


def say_nothing(text):
    pass


def measure(model, tokenizer, exam, documents, progress=say_nothing) -> dict:
    """One precision's results, as `mistral-edu evaluate --json` gives them."""
    tasks = {}
    for task, items in exam["tasks"].items():
        tasks[task] = {"exact_match": accuracy(answered(model, tokenizer, items)), "n": len(items)}
        progress(f"{task} {tasks[task]['exact_match']:.3f}")
    recall = []
    for (distance, rivals), items in exam["recall"].items():
        right = accuracy(answered(model, tokenizer, items))
        recall.append({"distance": distance, "rivals": rivals, "accuracy": right, "n": len(items)})
        progress(f"recall at {distance} tokens, {rivals} rivals: {right:.3f}")
    stories, wishes = told(model, tokenizer, exam["stories"]), told(model, tokenizer, exam["wishes"])
    progress("stories told")
    sums, real_world = exam["sums"], exam["real_world"]
    return {
        "exact_match": round(sum(t["exact_match"] for t in tasks.values()) / len(tasks), 4),
        "tasks": tasks,
        "stories": {
            "satisfied": accuracy(satisfied(stories, exam["stories"])),
            "distinct": distinct(stories),
            "n": len(stories),
        },
        "recall": recall,
        "sums": {"exact_match": accuracy(answered(model, tokenizer, sums)), "n": len(sums)},
        "wishes": {"satisfied": accuracy(satisfied(wishes, exam["wishes"])), "n": len(wishes)},
        "real_world": {"declined": accuracy(answered(model, tokenizer, real_world)), "n": len(real_world)},
        "perplexity": perplexity(model, documents),
    }


def at_precision(name, bits):
    """The model with the numbers of its 16-, 8- or 4-bit form, in the dtype in which this machine is fast."""
    model, tokenizer = load(name, bits=None if bits == 16 else bits, fast=False)
    on_cpu = mx.default_device() == mx.Device(mx.cpu)
    return accelerate(dequantize(model, mx.float32 if on_cpu else mx.bfloat16)), tokenizer


def evaluate_one(name, bits, n=100, n_recall=50, distances=exams.DISTANCES, progress=print_progress):
    """One precision: see measure()."""
    model, tokenizer = at_precision(name, bits)
    exam, documents = exams.make_exam(tokenizer, n, n_recall, distances), held_out_documents(name, 2 * n)
    mark = time.perf_counter()

    def say(text):
        progress(f"{bits} bit, {time.perf_counter() - mark:4.0f} s: {text}")

    return measure(model, tokenizer, exam, documents, say)


# ---------------------------------------------------------------- all of them
def evaluate(name="tiny", bits=(16, 8, 4), processes=1, **sizes):
    """{"model": name, "precisions": {"16": {...}, ...}}: see measure(). sizes: as evaluate_one takes them.

    processes: how many precisions are measured side by side; the cores are divided among them.
    Raises ValueError for a model that learned a world other than the village.
    """
    refuse_another_world(name)
    if processes > 1:
        results = side_by_side(name, bits, processes, sizes)
    else:
        results = [evaluate_one(name, b, **sizes) for b in bits]
    return {"model": str(name), "precisions": {str(b): result for b, result in zip(bits, results)}}


def refuse_another_world(name):
    """Raise ValueError for a run on a world of your own, or a checkpoint of it: this exam asks about the village."""
    folder = Path(name)
    run = folder.parent.parent if folder.parent.name == "checkpoints" else folder
    if (run / "world.py").exists():
        raise ValueError(f"{name} learned a world of its own, {run / 'world.py'}, but this exam asks about the "
                         "village. The exam of its own world is part of the training: the results are the lines with "
                         f"exact_match in {run / 'log.jsonl'}")


def side_by_side(name, bits, processes, sizes):
    """The results of evaluate_one for each precision, from processes of their own."""
    others = multiprocessing.active_children()
    before = {variable: os.environ.get(variable) for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
    os.environ |= dict.fromkeys(before, str(max(1, processors() // processes)))  # read when a process starts
    try:
        with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), signal.signal,
                                 (signal.SIGINT, signal.SIG_IGN)) as pool:  # Ctrl-C, which reaches all, is for this one
            try:
                return list(pool.map(partial(evaluate_one, name, **sizes), bits))
            except BaseException:  # leaving the block waits for the others, which measure for minutes
                for child in multiprocessing.active_children():
                    if child not in others:
                        child.kill()
                raise
    finally:
        for variable, value in before.items():
            if value is None:
                del os.environ[variable]
            else:
                os.environ[variable] = value


# ---------------------------------------------------------------- the report
def table(results) -> str:
    """The results as Markdown, one column per precision."""
    columns = list(results["precisions"])
    parts = list(results["precisions"].values())
    lines = ["| | n | " + " | ".join(f"{bits} bit" for bits in columns) + " |",
             "|---|---" + "|---:" * len(columns) + "|"]

    def row(label, n, values, form="{:.1%}"):
        lines.append(f"| {label} | {n} | " + " | ".join(form.format(v) for v in values) + " |")

    total = sum(t["n"] for t in parts[0]["tasks"].values())
    row(f"**exact match, mean over {len(parts[0]['tasks'])} tasks**", total, [p["exact_match"] for p in parts])
    for task, result in parts[0]["tasks"].items():
        row(task, result["n"], [p["tasks"][task]["exact_match"] for p in parts])
    for i, point in enumerate(parts[0]["recall"]):
        label = f"recall {point['distance']} tokens back" + (", among two rivals" if point["rivals"] else "")
        row(label, point["n"], [p["recall"][i]["accuracy"] for p in parts])
    row("sums and differences to 20", parts[0]["sums"]["n"], [p["sums"]["exact_match"] for p in parts])
    stories, wishes, real = parts[0]["stories"], parts[0]["wishes"], parts[0]["real_world"]
    row("stories: every wish met, and ended", stories["n"], [p["stories"]["satisfied"] for p in parts])
    row("stories still distinct when names and things are masked", stories["n"],
        [p["stories"]["distinct"] for p in parts])
    row("hand-written wishes with unseen words, copied whole", wishes["n"], [p["wishes"]["satisfied"] for p in parts])
    row("hand-written real-world questions, declined", real["n"], [p["real_world"]["declined"] for p in parts])
    row("perplexity of held-out answers", "", [p["perplexity"] for p in parts], "{:.4f}")
    return "\n".join(lines)
