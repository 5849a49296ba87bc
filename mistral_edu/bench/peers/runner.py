"""Measures a peer. Run by the peer's own Python, which knows nothing of mistral_edu, with its own folder as the path.

    python -s -E runner.py < task.json      prints one line of JSON: {"result": ...}, or {"error": "..."}

There are two tasks: "prepare" writes the weights in the peer's own format if it needs one, "measure" takes the times,
in the same way as ../measure.py does for ours. What a peer's libraries print goes to stderr.
"""
import json
import os
import sys
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

WARM_UP = 2  # as in ../measure.py
QUICK = 1.0
LONG = 20    # seconds: generation that takes longer is not waited for; its speed is known by then


def measure(peer, folder, precision, batches, max_tokens, threads, sample, on_gpu=False):
    """Times and memory of one precision: {"versions": {...}, "seconds": of what is timed, "rows": [one per batch]}.

    peer: a module of this folder, which has an Engine. batches: lists of B prompts, which are lists of L ids, small to
    large. sample: ids whose log probabilities after the first prompt are returned, to show that all engines compute the
    same model. on_gpu: whether it is to compute there; its module then also has begin(), peak() and taken(), of memory,
    as ../on_gpu.py.
    """
    module = import_module(peer)
    module.start(threads, on_gpu)  # imports come before the clock is read, as for ours
    longest = max(len(prompts[0]) for prompts in batches)
    began = time.perf_counter()
    engine = module.Engine(Path(folder), precision, threads, room=longest + max_tokens)
    load_seconds = seconds = time.perf_counter() - began
    began = time.perf_counter()
    timed_answer(engine, [batches[0][0][:WARM_UP]], WARM_UP)
    is_quick = time.perf_counter() - began < QUICK or on_gpu
    rows = []
    for prompts in batches:
        if is_quick:
            timed_answer(engine, prompts, WARM_UP)
        held, began = module.begin() if on_gpu else None, time.perf_counter()
        prompt_tps, generation_tps, generated = timed_answer(engine, prompts, max_tokens)
        seconds += time.perf_counter() - began
        rows.append({"batch": len(prompts), "context": len(prompts[0]), "generated": generated,
                     "weights_gb": engine.weight_bytes / 1e9, "load_seconds": load_seconds,
                     "prompt_tps": prompt_tps, "generation_tps": generation_tps,
                     **(memory_on_gpu(module, held) if on_gpu else {"peak_memory_gb": peak_memory() / 1e9}),
                     "logprobs": logprobs(engine.logits(), sample)})
    return {"versions": {name: version(name) for name in module.PACKAGES}, "rows": rows,
            "seconds": seconds}


def timed_answer(engine, prompts, n_tokens):
    """(prompt tokens per second, generated tokens per second, how many were generated after each prompt).

    Tokens per second are those of all prompts together. The first tokens of the answers mark the end of the prompts.
    """
    batch, began, arrivals = len(prompts), time.perf_counter(), []
    steps = engine.answer(prompts[0], n_tokens) if batch == 1 else engine.answer_side_by_side(prompts, n_tokens)
    for _ in steps:
        arrivals.append(time.perf_counter())
        if len(arrivals) > 1 and arrivals[-1] - arrivals[0] > LONG:
            break
    if len(arrivals) < 2:
        raise ValueError(f"asked for {n_tokens} tokens, got {len(arrivals)}")
    generated = len(arrivals)
    return (batch * len(prompts[0]) / (arrivals[0] - began), batch * (generated - 1) / (arrivals[-1] - arrivals[0]),
            generated)


def logprobs(logits, sample):
    """Log probabilities of the ids `sample`, from the logits (V,), a numpy array."""
    import numpy as np
    logits = logits.astype(np.float64)
    largest = logits.max()
    return (logits - largest - np.log(np.exp(logits - largest).sum()))[sample].tolist()


def prepare(peer, **settings):
    """What has to be done once, before the rounds."""
    return import_module(peer).prepare(**settings)


def memory_on_gpu(module, held):
    """What a row says of it, as in ../measure.py. held: bytes before the answer."""
    most, taken = module.peak(), module.taken()
    return {"peak_memory_gb": most / 1e9, "above_gb": (most - held) / 1e9,
            **({} if taken is None else {"taken_gb": taken / 1e9})}


def peak_memory():
    from process_memory import process_peak  # beside this file
    return process_peak()


def main():
    answer_to = os.dup(1)
    os.dup2(2, 1)  # what libraries print must not end up in the answer
    order = json.load(sys.stdin)
    try:
        answer = {"result": {"prepare": prepare, "measure": measure}[order.pop("task")](**order)}
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # whatever a peer's libraries raise is its answer
        answer = {"error": f"{type(error).__name__}: {error}"}
    os.write(answer_to, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
