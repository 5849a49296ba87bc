"""What every rank measures for `mistral-edu launch -n 1,2 bench`: prompts, tokens, and where the time of each goes.

    whole            as a user sees it
    without sums     the same part of the model, whose ranks do not wait for each other: its answers are wrong, its
                     products and their order are the same
    sums alone       all sums of one call, one after another, with nothing between them

A sum may overlap with other work, so the two parts need not add up to the whole. Only what is shown depends on a clock:
ranks that made decisions by their own clocks would diverge.
"""
import os
import statistics
import time

import mlx.core as mx

from mistral_edu.bench.limits import times_of
from mistral_edu.bench.timed_answers import prompt_ids, timed_answer
from mistral_edu.parallel.counted import SUMS_PER_LAYER, bytes_per_call, bytes_received, nvlink_bytes
from mistral_edu.parallel.model import load_sharded, random_sharded, without_sums
from mistral_edu.parallel.process import BACKEND
from mistral_edu.prefill import CHUNK
from mistral_edu.quantize import size_in_bytes

GPU_CHUNK = 2048  # tokens of a prompt that a GPU reads at once: with 256 it waits for the next call most of the time


def samples(args, group):
    """Yield a dict for each precision, batch and length of the prompt that the arguments of a bench command ask for."""
    for bits in dict.fromkeys(args.bits or [16, 8, 4]):
        fewer = None if bits == 16 else bits
        model = random_sharded(args.random, fewer, group) if args.random else \
            load_sharded(args.model or "tiny", group, bits=fewer)[0]
        apart = without_sums(model)
        for batch in args.batch:
            for context in args.context:
                yield {"ranks": group.size(), "bits": bits, "batch": batch, "context": context,
                       "weights_mb": size_in_bytes(model) / 1e6, **sample(model, apart, batch, context, args.max_tokens,
                                                                          group)}


def sample(model, apart, batch, context, n_tokens, group):
    """Milliseconds of a prompt and of a token, and their parts; bytes that a rank sends for a token."""
    prompts = prompt_ids(model.config.vocab_size, context, batch)
    chunk = CHUNK if mx.default_device() == mx.Device(mx.cpu) else GPU_CHUNK
    itemsize = model.model.norm.weight.itemsize
    timed_answer(model, prompts, 3, chunk)  # the first use of a size makes room for it, and compiles
    answer = timed_answer(model, prompts, n_tokens, chunk)
    timed_answer(apart, prompts, 3, chunk)
    alone = timed_answer(apart, prompts, n_tokens, chunk)
    rows = [batch * min(chunk, context - start) for start in range(0, context, chunk)]
    sender = group.rank() + 1  # in a ring, the rank that sends to us
    return {
        "prompt_ms": 1000 * batch * context / answer.prompt_tps, "token_ms": 1000 * batch / answer.generation_tps,
        "prompt_without_sums_ms": 1000 * batch * context / alone.prompt_tps,
        "token_without_sums_ms": 1000 * batch / alone.generation_tps,
        "prompt_sums_ms": sums_ms(model, rows, group), "token_sums_ms": sums_ms(model, [batch], group),
        "token_built_ms": built_ms(model, batch),
        "bytes_counted": counted(model, batch, group),
        "bytes_by_formula": bytes_per_call(model.config, group.size(), batch, itemsize, sender),
        "logprobs": answer.logprobs}


def sums_ms(model, calls, group):
    """Milliseconds of all sums of several calls of the model, each with so many tokens; None for one rank."""
    if group.size() == 1:
        return None
    starts = [mx.ones((n, model.config.dim), dtype=model.model.norm.weight.dtype) for n in calls]

    def one_after_the_other():
        for total in starts:
            for _ in range(SUMS_PER_LAYER * model.config.n_layers):
                total = mx.distributed.all_sum(total, group=group) / group.size()
            mx.eval(total)

    return 1000 * statistics.median(times_of(one_after_the_other, 5))


def built_ms(model, batch):
    """Milliseconds in which Python has described one step to MLX, before anything is computed."""
    cache, tokens, times = model.make_cache(), mx.zeros((batch, 1), dtype=mx.int32), []
    for _ in range(10):
        began = time.perf_counter()
        logits = model(tokens, cache=cache, last_only=True)
        times.append(time.perf_counter() - began)
        mx.eval(logits)
    return 1000 * statistics.median(times)


def counted(model, batch, group, n_calls=20):
    """Bytes that a rank sends for one token of all sequences, as the system or the driver counts; None: nobody does."""
    if group.size() == 1:
        return 0
    count = nvlink_bytes if os.environ[BACKEND] == "nccl" else bytes_received
    cache, tokens = model.make_cache(), mx.zeros((batch, 1), dtype=mx.int32)
    before = count()
    for _ in range(n_calls):
        mx.eval(model(tokens, cache=cache, last_only=True))
    mx.eval(mx.distributed.all_sum(mx.array(1), group=group))  # nobody is behind
    after = count()
    return None if None in (before, after) else round((after - before) / n_calls)
