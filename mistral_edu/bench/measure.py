"""The four numbers of one configuration: load time, prompt speed, generation speed, peak memory.

Exactly what is measured:

load_seconds     load_model(): open the file, read and check every weight, quantize when asked, attach the engine.
                 Python's start, the imports, and a download come before it. The file may lie in the system's cache
                 already; the first load after a start of the machine takes longer. Random weights: the time to make
                 them.
prompt_tps       tokens of the prompt, over the time from the first to the logits of the last (prefill).
generation_tps   tokens after the first, over the time from the first to the last (decode). The first one comes from
                 the prompt's logits, so its work belongs to the prompt. Greedy; the end token does not end it.
                 Before each of these, an answer that is not timed: a first one also makes kernels and room.
peak_memory_gb   10**9 bytes. On a processor: the most that the whole process has held, Python included, since it began.
                 On a GPU: the most that MLX has held. Prompts go from short to long, so a row's peak is that of its
                 length and the shorter ones.
"""
import os
import random
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx

from mistral_edu.bench.random_model import random_model
from mistral_edu.bench.work import bytes_per_token, operations_per_prompt
from mistral_edu.checkpoints import find_folder, load_model
from mistral_edu.fast import accelerate
from mistral_edu.generate import decode, prefill
from mistral_edu.quantize import quantization, size_in_bytes
from mistral_edu.reader import Reader

GREEDY = dict(temperature=0.0, top_k=0, top_p=1.0, min_p=0.0, repetition_penalty=1.0)
WARM_UP = 2  # tokens of the prompt, and of the answer, that are run before anything else
QUICK = 1.0  # seconds: a model whose warm-up takes no longer also reads each prompt once before it is timed
CHUNK = 256  # tokens of a prompt that are read at once, as in stream_generate


@dataclass(frozen=True)
class Case:
    """One configuration. Raises ValueError for numbers out of range."""

    model: str | None = "tiny"  # what load_model takes; None: random weights
    preset: str | None = None   # the shape of random weights
    bits: int | None = None     # 8 or 4: quantized while loading; 16 or None: as stored
    fast: bool = True
    contexts: tuple = (128, 512)  # lengths of prompts
    max_tokens: int = 64          # tokens to generate after each

    def __post_init__(self):
        if (self.model is None) == (self.preset is None):
            raise ValueError(f"give a model or a preset for random weights; got {self.model!r} and {self.preset!r}")
        if self.max_tokens < 2 or not self.contexts or min(self.contexts) < 1:
            raise ValueError("prompts have at least 1 token, and answers at least 2, since the first is not timed; "
                             f"got {self.contexts} and {self.max_tokens}")


def measure(case):
    """A list of rows, one per length of the prompt, shortest first: dicts as schema.json has them, single values."""
    if case.model is not None:
        find_folder(case.model)  # a name of the hub is fetched here, before the clock is read
    began = time.perf_counter()
    model = make_model(case)
    load_seconds = time.perf_counter() - began
    check_room(model, case)
    began = time.perf_counter()
    timed_answer(model, WARM_UP, WARM_UP)
    is_quick = time.perf_counter() - began < QUICK
    precision = describe_precision(model)
    rows = []
    for context in sorted(case.contexts):
        if is_quick:
            timed_answer(model, context, WARM_UP)
        prompt_tps, generation_tps = timed_answer(model, context, case.max_tokens)
        rows.append({
            "engine": "mistral_edu", "path": model.path, **precision, "batch": 1, "context": context,
            "generated": case.max_tokens, "weights_gb": size_in_bytes(model) / 1e9,
            "bytes_per_token": round(bytes_per_token(model, context, case.max_tokens)),
            "operations_per_prompt": operations_per_prompt(model.config, context),
            "load_seconds": load_seconds, "prompt_tps": prompt_tps, "generation_tps": generation_tps,
            "peak_memory_gb": peak_memory(), "mlx_peak_gb": mx.get_peak_memory() / 1e9,
        })
    return rows


def make_model(case):
    """The model in memory, all weights computed."""
    bits = None if case.bits == 16 else case.bits
    longest = max(case.contexts) + case.max_tokens
    if case.preset is None:
        return load_model(case.model, bits=bits, fast=case.fast, context=longest)
    model = random_model(case.preset, bits, context=longest)
    return accelerate(model) if case.fast and os.environ.get("MISTRAL_EDU_FAST") != "0" else model


def check_room(model, case):
    """Raise ValueError when a prompt and its answer do not fit the context, or the weights are not as asked for."""
    longest = max(case.contexts) + case.max_tokens
    if longest > model.config.context_len:
        raise ValueError(f"a prompt of {max(case.contexts)} tokens and an answer of {case.max_tokens} take {longest}; "
                         f"the context of this model has {model.config.context_len}: take fewer")
    stored = quantization(model)
    if case.bits == 16 and stored:
        raise ValueError(f"{case.model} is stored in {stored['bits']} bit; measure it as it is, without --bits")


def timed_answer(model, context, n_tokens):
    """Read a random prompt of `context` tokens, generate n_tokens: (prompt tokens, generated tokens) a second."""
    draw = random.Random(0)
    ids = [draw.randrange(model.config.vocab_size) for _ in range(context)]
    reader = Reader(model)
    began = time.perf_counter()
    logits = prefill(reader, ids, CHUNK)
    read = time.perf_counter()
    arrivals = [time.perf_counter() for _ in decode(reader, logits, n_tokens, None, 0, GREEDY)]
    return context / (read - began), (n_tokens - 1) / (arrivals[-1] - arrivals[0])


def describe_precision(model):
    """{"bits", "group_size", "dtype"}: how the weights are held; dtype is that of norms and activations."""
    stored = quantization(model) or {"bits": 8 * model.model.norm.weight.itemsize, "group_size": None}
    return {**stored, "dtype": str(model.model.norm.weight.dtype).removeprefix("mlx.core.")}


def peak_memory():
    """GB that this process has held at most so far; on a GPU, what MLX has held there."""
    if mx.default_device() != mx.Device(mx.cpu):
        return mx.get_peak_memory() / 1e9
    return process_peak() / 1e9


def process_peak():
    """Bytes of memory that this process has held at most.

    Not ru_maxrss on Linux: a process inherits that from the one which started it, so behind a large parent every child
    looks large.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024  # high water mark of the resident set, in KiB
    except (OSError, IndexError):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
