"""One timed answer: prompts are read, then tokens are generated, for one sequence or several.

A single sequence goes the way of stream_generate. Several of the same length go through the model side by side, one row
of the batch each: every weight that is read then serves all of them.
"""
import random
import time
from typing import NamedTuple

import mlx.core as mx
import numpy as np

from mistral_edu.bench import on_gpu
from mistral_edu.bench.peers.process_memory import process_memory
from mistral_edu.generate import decode
from mistral_edu.prefill import CHUNK, Reader, chunk_for, prefill
from mistral_edu.sampling import GREEDY

SAMPLED = 256  # ids whose log probabilities are compared with those of other engines


class Answer(NamedTuple):
    prompt_tps: float       # tokens per second, of all sequences together
    generation_tps: float
    cache_bytes: int        # of keys and values, at the end
    memory: tuple           # process_memory() at that moment, bytes
    peak: int               # the most bytes that MLX has held so far
    taken: int | None       # of a GPU's memory, by whomever; None where nobody says
    logprobs: list          # of sample_ids(), after the first prompt


def prompt_ids(vocab_size, context, batch=1):
    """Random prompts, always the same: `batch` lists of `context` ids. The first does not depend on the others.

    >>> prompt_ids(100, 3), prompt_ids(100, 3, batch=2)[0]
    ([[49, 97, 53]], [49, 97, 53])
    """
    draw = random.Random(0)
    return [[draw.randrange(vocab_size) for _ in range(context)] for _ in range(batch)]


def sample_ids(vocab_size):
    """Some ids from all over the vocabulary."""
    return list(range(0, vocab_size, max(1, vocab_size // SAMPLED)))[:SAMPLED]


def timed_answer(model, prompts, n_tokens, chunk=None) -> Answer:
    """Read prompts, B lists of L ids, `chunk` tokens of each in a call, and generate n_tokens after each, greedily.

    chunk: None for as many as suit the model on this machine.
    """
    batch, context, chunk = len(prompts), len(prompts[0]), chunk or chunk_for(model)
    began = time.perf_counter()
    if batch == 1:
        reader = Reader(model)
        cache, logits = reader.cache, prefill(reader, prompts[0], chunk)
        steps = decode(reader, logits, n_tokens, GREEDY)
    else:
        cache = model.make_cache()
        logits = prefill_side_by_side(model, cache, mx.array(prompts), chunk)
        steps = decode_side_by_side(model, cache, logits, n_tokens)
    read = time.perf_counter()
    for _ in steps:
        pass
    done = time.perf_counter()
    peak, taken = mx.get_peak_memory(), on_gpu.taken()  # before the cache is looked at, which may copy it
    return Answer(batch * context / (read - began), batch * (n_tokens - 1) / (done - read),
                  sum(layer.nbytes for layer in cache), process_memory(), peak, taken,
                  sampled_logprobs(logits if batch == 1 else logits[0]))


def prefill_side_by_side(model, cache, prompts, chunk=CHUNK):
    """Read prompts (B, L), chunk by chunk, and return the logits after the last tokens (B, V)."""
    for start in range(0, prompts.shape[1], chunk):
        logits = model(prompts[:, start:start + chunk], cache=cache, last_only=True)[:, -1]
        mx.eval([layer.state for layer in cache])
    mx.eval(logits)
    return logits


def decode_side_by_side(model, cache, logits, n_tokens):
    """Yield the likeliest tokens (B,) n_tokens times. The next step is under way before each is waited for."""
    def choose(logits):
        tokens = mx.argmax(logits, axis=-1)  # (B,)
        mx.async_eval(tokens)
        return tokens

    chosen = choose(logits)
    for left in reversed(range(n_tokens)):
        tokens = chosen
        if left:
            chosen = choose(model(tokens[:, None], cache=cache, last_only=True)[:, -1])
        mx.eval(tokens)
        yield tokens


def sampled_logprobs(logits):
    """Log probabilities of sample_ids(), from logits (V,)."""
    logits = np.array(logits.astype(mx.float32)).astype(np.float64)
    largest = logits.max()
    everything = largest + np.log(np.exp(logits - largest).sum())
    return (logits[sample_ids(len(logits))] - everything).tolist()
