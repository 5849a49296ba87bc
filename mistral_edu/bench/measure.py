"""The numbers of one configuration: load time, prompt speed, generation speed, and memory.

Exactly what is measured:

load_seconds     load_model(): open the file, read and check every weight, quantize if asked, attach the engine.
                 Python's start, the imports, the engine's compiled kernels, and a download come before it. The file may
                 already be in the system's cache; the first load after a restart of the machine takes longer. Random
                 weights: the time to make them.
prompt_tps       tokens of the prompts, of all `batch` sequences together, over the time from the first to the logits of
                 the last (prefill).
generation_tps   tokens after the first, of all sequences together, over the time from the prompt's logits to the last
                 token (decode). The first one follows from the prompt's logits, whose work counts with the prompt.
                 Greedy; the end token does not end it.
                 An answer that is not timed comes before each of these: a first one also makes room.
peak_memory_gb   10**9 bytes. On a processor: the most that the whole process has held, Python included, since it began.
                 Prompts go from small to large, so a row's peak is that of its size and the smaller ones.
                 On a GPU: the most that MLX has held during the row's answer, weights included.
above_gb         on a GPU: how much of that MLX did not hold before the answer: keys and values, and room to work in.
taken_gb         on a GPU: how much of its memory was taken at the end of the answer, by whomever. It includes the code
                 of the GPU's libraries, and memory that MLX has let go of and keeps for later.
beyond_gb        on Linux processors, what the answers needed beyond weights and cache: how much more of its own numbers
                 and objects (anonymous pages) the process holds at the end of the row's answer than it held when the
                 weights had been loaded and no engine was attached yet, minus the bytes of the cache. So it counts the
                 engine, its threads, what prompts have left behind, and memory that MLX keeps for later.
libraries_gb     what is not counted there: the growth of the process while the compiled kernels were loaded, before
                 the weights (numba and its compiler), and code of libraries that was first used by the answers.
"""
import ctypes
import os
import time
from dataclasses import dataclass

import mlx.core as mx

from mistral_edu.bench import on_gpu
from mistral_edu.bench.peers.process_memory import process_memory, process_peak
from mistral_edu.bench.random_model import random_model
from mistral_edu.bench.row import OnGpu, OurSample, Precision
from mistral_edu.bench.timed_answers import prompt_ids, timed_answer
from mistral_edu.bench.work import bytes_per_step, operations_per_prompt, weight_bytes_per_step
from mistral_edu.checkpoints.checkpoint import Checkpoint
from mistral_edu.checkpoints.loading import load_model
from mistral_edu.config import MistralConfig
from mistral_edu.fast import accelerate, compiled
from mistral_edu.fast.gpu import choose
from mistral_edu.quantize import quantization, size_in_bytes

WARM_UP = 2  # tokens of the prompt, and of the answer, that are run before anything else
QUICK = 1.0  # seconds: a model whose warm-up takes no longer also reads each prompt once before it is timed. On a GPU
             # every model does: kernels are compiled for each length
KERNELS = 600  # seconds that kernels may take to be compiled, at low priority, on a busy machine


@dataclass(frozen=True)
class Case:
    """One configuration. Raises ValueError for numbers out of range."""

    model: str | None = "tiny"  # what load_model takes; None: random weights
    preset: str | None = None   # the shape of random weights
    bits: int | None = None     # 8 or 4: quantized while loading; 16 or None: as stored
    fast: bool = True
    contexts: tuple = (128, 512)  # lengths of prompts
    max_tokens: int = 64          # tokens to generate after each
    batches: tuple = (1,)         # sequences side by side
    written: str | None = None    # a folder that already holds just these weights, for other engines to read, too

    def __post_init__(self):
        if (self.model is None) == (self.preset is None):
            raise ValueError(f"give a model or a preset for random weights; got {self.model!r} and {self.preset!r}")
        for option, values, least, rule in (
                ("--context", self.contexts, 1, "a prompt has at least 1 token"),
                ("--batch", self.batches, 1, "a batch has at least 1 sequence"),
                ("--max-tokens", (self.max_tokens,), 2, "an answer has at least 2 tokens: the first is not timed")):
            if (smallest := min(values, default=0)) < least:
                raise ValueError(f"{option} {smallest}: {rule}")

    @property
    def sizes(self):
        """(batch, context) of every row, from small to large."""
        pairs = {(batch, context) for batch in self.batches for context in self.contexts}
        return sorted(pairs, key=lambda pair: (pair[0] * pair[1], pair))


def measure(case: Case) -> list[OurSample]:
    """A list of rows, one per batch and length of the prompt."""
    check_case(case)
    if case.model is not None and case.written is None:
        Checkpoint.open(case.model).fetched()  # a model on the hub is fetched here, before the clock is read
    before = process_memory()
    is_fast = case.fast and os.environ.get("MISTRAL_EDU_FAST") != "0"
    if is_fast:
        wait_for_kernels()
    libraries = grown(sum, before, process_memory())
    began = time.perf_counter()
    model = make_model(case)
    load_seconds = time.perf_counter() - began
    settle()
    loaded = process_memory()
    if is_fast:
        began = time.perf_counter()
        accelerate(model)
        load_seconds += time.perf_counter() - began
    began = time.perf_counter()
    timed_answer(model, prompt_ids(model.config.vocab_size, WARM_UP), WARM_UP)
    is_quick = time.perf_counter() - began < QUICK or on_gpu.is_used()
    precision = describe_precision(model)
    rows: list[OurSample] = []
    for batch, context in case.sizes:
        prompts = prompt_ids(model.config.vocab_size, context, batch)
        if is_quick:
            timed_answer(model, prompts, WARM_UP)
        held = on_gpu.begin() if on_gpu.is_used() else None
        answer = timed_answer(model, prompts, case.max_tokens)
        used = grown(lambda memory: memory[0], loaded, answer.memory)
        code = grown(lambda memory: memory[1], loaded, answer.memory)
        rows.append({
            "engine": "mistral_edu", "path": model.answered_by, **precision, "batch": batch, "context": context,
            "generated": case.max_tokens, "weights_gb": size_in_bytes(model) / 1e9,
            "weight_bytes_per_step": weight_bytes_per_step(model),
            "bytes_per_step": round(bytes_per_step(model, context, case.max_tokens, batch)),
            "operations_per_prompt": operations_per_prompt(model.config, context),
            "load_seconds": load_seconds, "prompt_tps": answer.prompt_tps, "generation_tps": answer.generation_tps,
            "peak_memory_gb": (process_peak() if held is None else answer.peak) / 1e9, "mlx_peak_gb": answer.peak / 1e9,
            "beyond_gb": None if used is None else (used - answer.cache_bytes) / 1e9,
            "libraries_gb": None if used is None else (libraries + code) / 1e9, "logprobs": answer.logprobs,
            **memory_on_gpu(held, answer),
        })
    return rows


def wait_for_kernels():
    """Get the engine's kernels, if there can be any: otherwise another engine would answer first, and they later.

    None are needed on a GPU. Raises ValueError if they are not ready after KERNELS seconds.
    """
    if choose.is_wanted():
        return
    compiled.kernels(wait=KERNELS)
    if compiled.is_coming():
        raise ValueError(f"the engine's kernels are not compiled after {KERNELS} s; is this machine busy? Try again, "
                         "or measure the readable code (--no-fast)")


def make_model(case):
    """The model in memory, all weights computed, no engine attached."""
    bits = None if case.bits == 16 else case.bits
    longest = max(case.contexts) + case.max_tokens
    tokens = longest * max(case.batches)
    if case.written is not None:
        return load_model(case.written, fast=False, context=tokens)
    if case.preset is None:
        return load_model(case.model, bits=bits, fast=False, context=tokens)
    return random_model(case.preset, bits, context=tokens)


def check_case(case):
    """Raise ValueError or OSError for what the model's config.json alone shows to be impossible: there is no such
    model, a prompt and its answer do not fit its context, or its weights do not have the precision asked for.
    """
    checkpoint = None if case.model is None else Checkpoint.open(case.model)
    config = MistralConfig.preset(case.preset) if checkpoint is None else checkpoint.config
    longest = max(case.contexts) + case.max_tokens
    if longest > config.context_len:
        raise ValueError(f"--context {max(case.contexts)} and --max-tokens {case.max_tokens} take {longest} tokens; "
                         f"the context of this model has {config.context_len}: take fewer")
    if checkpoint is not None and case.bits == 16 and checkpoint.quantization:
        raise ValueError(f"--bits 16: {case.model} is stored quantized; measure it as it is, without --bits")


def describe_precision(model) -> Precision:
    """How the weights are held, and the dtype of norms and activations."""
    stored = quantization(model) or {"bits": 8 * model.model.norm.weight.itemsize, "group_size": None}
    return {"bits": stored["bits"], "group_size": stored["group_size"],
            "dtype": str(model.model.norm.weight.dtype).removeprefix("mlx.core.")}


def settle():
    """Return memory that was used while loading and is now free, so that later growth shows."""
    mx.clear_cache()
    try:
        ctypes.CDLL(None).malloc_trim(0)  # glibc keeps freed memory for later
    except AttributeError:
        pass


def grown(part, before, now):
    """By how many bytes a part of process_memory() has grown; None if the system does not say, or on a GPU."""
    if None in before or on_gpu.is_used():
        return None
    return part(now) - part(before)


def memory_on_gpu(held, answer) -> OnGpu:
    """What a row on a GPU says besides. held: bytes before the answer; None on a processor, where nothing is added."""
    if held is None:
        return {}
    row: OnGpu = {"above_gb": (answer.peak - held) / 1e9}
    if answer.taken is not None:
        row["taken_gb"] = answer.taken / 1e9
    return row
