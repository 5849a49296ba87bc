"""Measure the embedded model: exact match per task, recall against distance, stories, perplexity; at 16, 8 and 4 bit.

    mistral-edu evaluate tiny [--json] [--quick]

Exact match takes one pass for each item: greedy decoding gives an answer exactly when each of its tokens, the closing
</s> included, is the likeliest one after those before it. (A test holds this against real greedy decoding.) Stories
have no one right answer: they are decoded, and judged by whether they end and contain what was wished for.

Quantized weights are turned back into the numbers they stand for (quantize.dequantize) before the many-row passes:
the same numbers on every machine, and much faster on most.
"""
import multiprocessing
import os
import random
import re
import sys
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import mlx.core as mx
import numpy as np

from mistral_edu.checkpoints.loading import load
from mistral_edu.fast import accelerate
from mistral_edu.machine.processors import processors
from mistral_edu.quantize import dequantize
from mistral_edu.tiny import FOLDER
from mistral_edu.tiny import exam as exams
from mistral_edu.tiny.training.data import EOS, PROMPT, encode_documents, split_bits
from mistral_edu.tiny.world import sample, words

TOKENS_AT_ONCE = 16_384  # of all rows together, in one pass
SIMILAR = 0.85  # the shortest row of a pass has more than this share of the longest one's tokens


# ---------------------------------------------------------------- exact match
def answered(model, tokenizer, items) -> list[bool]:
    """For each item: would greedy decoding give exactly the answer, and then end?"""
    endings = [tokenizer.encode(" " + item.answer, bos=False) + [EOS] for item in items]
    right = [False] * len(items)
    for batch in _by_length([len(item.prompt) + len(e) for item, e in zip(items, endings)]):
        L = max(len(items[i].prompt) + len(endings[i]) for i in batch)
        tokens, asked = np.zeros((len(batch), L), np.int32), np.zeros((len(batch), L), bool)
        for row, i in enumerate(batch):
            start, ids = len(items[i].prompt), items[i].prompt + endings[i]
            tokens[row, : len(ids)] = ids
            asked[row, start : len(ids)] = True
        wrong = (likeliest(model, tokens)[:, :-1] != tokens[:, 1:]) & asked[:, 1:]
        for row, i in enumerate(batch):
            right[i] = not wrong[row].any()
    return right


def _by_length(lengths):
    """Indices in batches of similar length. Padding on the right disturbs no one: a causal model never looks there."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    while order:
        longest = lengths[order[0]]
        batch = [i for i in order[: max(1, TOKENS_AT_ONCE // longest)] if lengths[i] > SIMILAR * longest]
        yield batch
        order = order[len(batch) :]


def in_chunks(model, tokens):
    """(B, L) ids -> logits (B, chunk, vocab_size), chunk after chunk of the window's length, through the rotating
    cache: attention then costs 2 W keys a token, not L."""
    cache, chunk = model.make_cache(), model.config.window_size or tokens.shape[1]
    for start in range(0, tokens.shape[1], chunk):
        yield model(mx.array(tokens[:, start : start + chunk]), cache)


def likeliest(model, tokens):
    """(B, L) ids -> (B, L) the likeliest next id at each place."""
    return np.concatenate([np.array(mx.argmax(logits, axis=-1)) for logits in in_chunks(model, tokens)], axis=1)


def accuracy(right) -> float:
    return round(sum(right) / len(right), 4)


# ---------------------------------------------------------------- stories
def told(model, tokenizer, items, longest=exams.LONGEST_STORY):
    """Greedy texts: for each item (text, whether it ended). Prompts of equal length are decoded side by side."""
    groups, texts = defaultdict(list), [None] * len(items)
    for i, item in enumerate(items):
        groups[len(item.prompt)].append(i)
    for group in groups.values():
        for i, ids in zip(group, _greedy(model, [items[i].prompt for i in group], longest)):
            texts[i] = (tokenizer.decode([t for t in ids if t != EOS]).strip(), ids[-1] == EOS)
    return texts


def _greedy(model, prompts, longest):
    """Prompts of one length -> for each the new ids, up to and including the first </s>."""
    cache = model.make_cache()
    ids = mx.argmax(model(mx.array(prompts), cache)[:, -1], axis=-1)  # (B,)
    steps = []
    for n in range(longest):
        steps.append(np.array(ids))
        if n % 8 == 7 and all((np.stack(steps) == EOS).any(axis=0)):
            break
        ids = mx.argmax(model(ids[:, None], cache)[:, -1], axis=-1)
    for row in np.stack(steps).T.tolist():
        yield row[: row.index(EOS) + 1] if EOS in row else row


def contains(text, word):
    """`word` occurs whole in the text, whatever its capitals; a plural s may follow."""
    return re.search(rf"\b{re.escape(word)}s?\b", text, re.IGNORECASE) is not None


def satisfied(texts, items):
    """For each story: it ended, and every wish occurs in it."""
    return [ended and all(contains(text, wish) for wish in item.meta) for (text, ended), item in zip(texts, items)]


def masked(text):
    """A story with its names, animals, objects, colours and places masked: what is left is how it is told."""
    things = words.GIRLS + words.BOYS + words.ANIMALS + words.OBJECTS + words.COLOURS + list(words.PLACES)
    return re.sub(r"\b(" + "|".join(things) + r")s?\b", "_", text, flags=re.IGNORECASE)


def distinct(texts):
    """Share of texts that are still different from all others when masked."""
    return round(len({masked(text) for text, _ in texts}) / len(texts), 4)


# ---------------------------------------------------------------- perplexity
def perplexity(model, documents) -> float:
    """exp(mean loss) over the tokens of all answers and stories. documents: lists as data.encode_documents makes."""
    total = count = 0
    for document in documents:
        ids, classes = split_bits(np.array(document, np.int32))
        logits = mx.concatenate(list(in_chunks(model, ids[None])), axis=1)[0, :-1].astype(mx.float32)
        target = mx.array(ids[1:])[:, None]
        loss = mx.logsumexp(logits, axis=-1) - mx.take_along_axis(logits, target, axis=-1)[:, 0]
        told = classes[1:] != PROMPT
        total, count = total + float(np.array(loss)[told].sum()), count + int(told.sum())
    return round(float(np.exp(total / count)), 4)


def held_out_documents(name, n, seed="perplexity"):
    """n documents of the test split, as token ids with their classes, in a model's vocabulary."""
    from tokenizers import Tokenizer  # the bare library: it encodes many texts in one call

    r, folder = random.Random(seed), FOLDER if name == "tiny" else Path(name)
    bare = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return list(encode_documents(bare, [sample(r, "test") for _ in range(n)]))


# ---------------------------------------------------------------- all of it
def refuse_another_world(name):
    """Raise ValueError for a run of a world of one's own, or a checkpoint of it: this exam asks about the village."""
    folder = Path(name)
    run = folder.parent.parent if folder.parent.name == "checkpoints" else folder
    if (run / "world.py").exists():
        raise ValueError(f"{name} learned a world of its own, {run / 'world.py'}, and this exam asks about the "
                         "village. The exam of its own world is part of the training: the results are the lines with "
                         f"exact_match in {run / 'log.jsonl'}")


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
    """The model with the numbers that its 16, 8 or 4 bit form computes with, in the type this machine is fast at."""
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


def evaluate(name="tiny", bits=(16, 8, 4), processes=1, **sizes):
    """{"model": name, "precisions": {"16": {...}, ...}}: see measure(). sizes: as evaluate_one takes them.

    processes: how many precisions are measured side by side; the cores are shared out among them.
    Raises ValueError for a model that learned another world than the village.
    """
    refuse_another_world(name)
    if processes > 1:
        results = side_by_side(name, bits, processes, sizes)
    else:
        results = [evaluate_one(name, b, **sizes) for b in bits]
    return {"model": str(name), "precisions": {str(b): result for b, result in zip(bits, results)}}


def side_by_side(name, bits, processes, sizes):
    """The results of evaluate_one for each precision, from processes of their own."""
    before = {variable: os.environ.get(variable) for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
    os.environ |= dict.fromkeys(before, str(max(1, processors() // processes)))  # read when a process starts
    try:
        with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
            return list(pool.map(partial(evaluate_one, name, **sizes), bits))
    finally:
        for variable, value in before.items():
            if value is None:
                del os.environ[variable]
            else:
                os.environ[variable] = value


def table(results) -> str:
    """The results as Markdown, one column a precision."""
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
