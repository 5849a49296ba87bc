"""From a prompt to an answer: prefill reads the prompt in chunks, decode adds one token after another.

    prompt -> ids -> prefill -> logits -> sample -> token -> text
                                  ^                   |
                                  +----- decode ------+

`generate_ids` is this loop written out. `stream_generate` is the one in use: a cache keeps what was read, so each token
is read once; it starts on the next token while the last one is being shown; and it turns tokens into text.
"""
import math
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import mlx.core as mx

from mistral_edu.checkpoints.errors import NonFiniteWeights
from mistral_edu.fast.log_sum_exp import at, log_sum_exp
from mistral_edu.prefill import Reader, prefill
from mistral_edu.quantized_cache import Cache
from mistral_edu.sampling import Sampling
from mistral_edu.text.answer import AnswerText
from mistral_edu.text.prompt import ids_and_room
from mistral_edu.tokenizer import Tokenizer
from mistral_edu.transformer import Model


def generate_ids(model, ids, n_tokens, temperature=0.0, seed=0):
    """Generation written out: predict, choose, append, and read the whole text again.

    model: from load().
    ids: the prompt, a list of L ids.
    n_tokens: how many ids to add; they are returned as a list.
    temperature: 0 takes the likeliest token each time; above 0 one is drawn.
    seed: the same seed draws the same tokens.

    A test checks that it agrees with stream_generate.

    >>> from mistral_edu import load
    >>> model, tokenizer = load(dtype="float32")
    >>> tokenizer.decode(generate_ids(model, tokenizer.encode("Once upon a"), n_tokens=3))
    ' time there was'
    """
    text, key = list(ids), mx.random.key(seed)
    for _ in range(n_tokens):
        logits = model(mx.array([text]))[0, -1]                 # (1, L, vocab_size) -> (vocab_size,), of the last token
        if temperature == 0:
            token = mx.argmax(logits)                           # ()
        else:
            key, now = mx.random.split(key)                     # each draw has a key of its own
            token = mx.random.categorical(logits.astype(mx.float32) / temperature, key=now)     # ()
        text.append(token.item())                               # now L is greater by 1
    return text[len(ids):]


@dataclass(frozen=True)
class Piece:
    """What one step of generation gives."""

    text: str                # what can be shown now; "" while a character, or a possible stop string, is incomplete
    token: int
    logprob: float           # natural log of the model's own probability for the token, before penalty and filters
    logprobs: list           # the most likely tokens [(id, text, logprob), ...]; empty unless asked for
    prompt_tokens: int       # length of the prompt
    reused_tokens: int       # how many of them the cache held already
    prompt_tps: float        # tokens per second, counting those that were read
    generation_tokens: int   # so far, this one included
    generation_tps: float    # tokens per second since the prompt was read
    peak_memory: float       # the most GB (10**9 bytes) that MLX has held in this process
    finish_reason: str | None  # "stop": the model ended it; "stop_string"; "length"; None: more to come, or interrupted


def generate(model: Model, tokenizer: Tokenizer | None, prompt: str | list[dict] | list[int],
             **settings: Any) -> str | list[int]:
    """The answer as a string. Takes what stream_generate takes; with tokenizer None, returns the list of ids.

    >>> from mistral_edu import load
    >>> model, tokenizer = load()
    >>> len(generate(model, None, [1, 3, 500, 4], max_tokens=5))
    5
    """
    pieces = list(stream_generate(model, tokenizer, prompt, **settings))
    return [piece.token for piece in pieces] if tokenizer is None else "".join(piece.text for piece in pieces)


def stream_generate(model: Model, tokenizer: Tokenizer | None, prompt: str | list[dict] | list[int], *,
                    max_tokens: int = 256, temperature: float = 0.0, top_k: int = 0, top_p: float = 1.0,
                    min_p: float = 0.0, repetition_penalty: float = 1.0, seed: int | None = None,
                    stop: str | Sequence[str] = (), raw: bool = False, logprobs: int = 0,
                    prefill_chunk: int | None = None, on_prefill: Callable[[int, int], None] | None = None,
                    cache: list[Cache] | Reader | None = None) -> Generator[Piece]:
    """Yield a Piece per token, as soon as it is ready. (`generate_ids` is the same without the machinery.)

    The answer ends at the model's own end token, a stop string, max_tokens, or the end of the context.

    model, tokenizer: from load(). With tokenizer None the prompt is ids, and pieces carry ids only.
    prompt: a string, sent as a user's message; or messages, as in encode_chat; or ids.
    max_tokens: the most tokens to write.
    temperature: 0 takes the most likely token each time; 1 draws as the model says; above 1 the choice is more even.
    top_k: choose among the k most likely tokens; 0 keeps all.
    top_p: choose among the fewest most likely tokens that together reach this probability; 1 keeps all.
    min_p: choose among the tokens at least this many times as likely as the likeliest; 0 keeps all.
    repetition_penalty: above 1 makes tokens of the prompt and the answer less likely to come again.
    seed: the same seed gives the same answer; None gives a different one each time.
    stop: one or more strings that end the answer and are not part of it.
    raw: send a string as it is, not as a message.
    logprobs: how many alternatives each piece lists.
    prefill_chunk: how many ids of the prompt are read in one call of the model; None: as many as suit this machine.
    on_prefill: a function, called as on_prefill(done, total) after each of these calls.
    cache: from model.make_cache(), perhaps quantized; the prompt follows what it holds. Or a Reader, which reads the
        prompt only from where it differs from the last one.

    Raises ValueError for a prompt that is empty or fills the context, and for settings out of range.
    """
    sampling = Sampling(temperature, top_k, top_p, min_p, repetition_penalty, seed)
    for name, value, least in (("max_tokens", max_tokens, 1), ("prefill_chunk", prefill_chunk, 1),
                               ("logprobs", logprobs, 0)):
        if value is not None and value < least:
            raise ValueError(f"{name} should be at least {least}; got {value}")
    reader = cache if isinstance(cache, Reader) else Reader(model, cache)
    ids, room = ids_and_room(prompt, tokenizer, model.config, raw, reader.n_before)
    n_tokens = min(max_tokens, room)
    answer = AnswerText(tokenizer, ids, stop)
    n_ids = tokenizer.n_ids if tokenizer else 0
    show = lambda id: tokenizer.token_text(id) if tokenizer and id < n_ids else ""

    began = time.perf_counter()
    reused = reader.resume(ids)
    logits = prefill(reader, ids[reused:], prefill_chunk, on_prefill)
    read = time.perf_counter()
    steps = decode(reader, logits, n_tokens, sampling, logprobs, n_ids or None)
    for n, (token, logprob, best) in enumerate(steps, 1):
        if math.isnan(logprob):
            raise NonFiniteWeights("the model's logits are not numbers (NaN): some weight is so large that a product "
                                   "overflows. The file may be damaged: download it again. Or float16 is too narrow "
                                   'for this model: load it with dtype="float32" or "bfloat16"')
        text = answer.add(token, is_last=n == n_tokens)
        yield Piece(text, token, logprob, [(id, show(id), value) for id, value in best],
                    prompt_tokens=len(ids), reused_tokens=reused, prompt_tps=(len(ids) - reused) / (read - began),
                    generation_tokens=n, generation_tps=n / (time.perf_counter() - read),
                    peak_memory=mx.get_peak_memory() / 1e9, finish_reason=answer.finish_reason)
        if answer.finish_reason:
            return


def decode(reader, logits, n_tokens, sampling, n_best=0, n_ids=None):
    """Yield (token, logprob, [(id, logprob), ...]) n_tokens times, starting from the prompt's logits (V,).

    reader: has read the prompt. Each token but the last is read into its cache, too.
    sampling: a Sampling.
    n_best: how many of the most likely tokens are listed at each step.
    n_ids: how many ids the tokenizer knows. Some models have more rows than that; the extra ids are never chosen.

    The next step is under way before this one is yielded, so whoever shows it does not keep the device waiting.
    """
    key = sampling.key()

    def choose(logits):
        nonlocal key
        now = None
        if n_ids is not None and n_ids < logits.shape[-1]:
            logits = mx.where(mx.arange(logits.shape[-1]) < n_ids, logits, -mx.inf)
        if sampling.temperature > 0:
            key, now = mx.random.split(key)
        history = reader.history if sampling.repetition_penalty != 1 else ()
        ids = sampling.draw(logits, history, now)[None]  # (1,)
        if n_best:
            ids = mx.concatenate([ids, mx.argsort(-logits)[:n_best].astype(ids.dtype)])  # (1 + n_best,)
        mx.async_eval(ids)  # meanwhile:
        logprobs = logprobs_of(ids, logits)
        mx.async_eval(logprobs)
        return ids, logprobs

    chosen = choose(logits)
    for left in reversed(range(n_tokens)):
        ids, logprobs = chosen
        if left:
            chosen = choose(reader.read(ids[:1]))
        token, *best = zip(ids.tolist(), logprobs.tolist())
        yield *token, best


def logprobs_of(ids, logits):
    """The log probabilities of ids (n,) under logits (V,): (n,)."""
    logits = logits.astype(mx.float32)
    return at(logits, ids) - log_sum_exp(logits)
