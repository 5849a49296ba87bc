"""From a prompt to an answer: prefill reads the prompt in chunks, decode adds one token after the other.

    prompt -> ids -> prefill -> logits -> sample -> token -> text
                                  ^                   |
                                  +----- decode ------+
"""
import math
import time
import warnings
from dataclasses import dataclass

import mlx.core as mx
import numpy as np

from mistral_edu.chat import encode_chat
from mistral_edu.checkpoints.errors import NonFiniteWeights
from mistral_edu.prefill import Reader
from mistral_edu.sampling import check_settings, random_key, sample
from mistral_edu.text.answer import AnswerText


@dataclass(frozen=True)
class Piece:
    """What one step of generation gives."""

    text: str                # what can be shown now; "" while a character, or a possible stop string, is incomplete
    token: int
    logprob: float           # natural log of the token's probability, by the model alone: before penalty and filters
    logprobs: list           # the most likely tokens [(id, text, logprob), ...]; empty unless asked for
    prompt_tokens: int       # length of the prompt
    reused_tokens: int       # how many of them the cache held already
    prompt_tps: float        # tokens a second, over those that were read
    generation_tokens: int   # so far, this one included
    generation_tps: float    # tokens a second since the prompt was read
    peak_memory: float       # GB (10**9 bytes) that MLX has held at most in this process
    finish_reason: str | None  # "stop": the model ended it; "stop_string"; "length"; None: more to come, or interrupted


def generate(model, tokenizer, prompt, **settings):
    """The answer as a string. Takes what stream_generate takes; with tokenizer None, returns the list of ids.

    >>> from mistral_edu import load
    >>> model, tokenizer = load()
    >>> len(generate(model, None, [1, 3, 500, 4], max_tokens=5))
    5
    """
    pieces = list(stream_generate(model, tokenizer, prompt, **settings))
    return [piece.token for piece in pieces] if tokenizer is None else "".join(piece.text for piece in pieces)


def stream_generate(model, tokenizer, prompt, *, max_tokens=256, temperature=0.0, top_k=0, top_p=1.0, min_p=0.0,
                    repetition_penalty=1.0, seed=None, stop=(), raw=False, logprobs=0, prefill_chunk=256,
                    on_prefill=None, cache=None):
    """Yield a Piece per token, as soon as it is there.

    prompt: a string, sent as a user's message (raw=True: as it is), messages as in encode_chat, or ids; only ids do
    without a tokenizer. Sampling: see sample(); the same seed gives the same answer. stop: one string or several that
    end the answer and are not part of it. logprobs: how many alternatives each piece lists. on_prefill(done, total) is
    called after each chunk of prefill_chunk ids. cache: from model.make_cache(), quantized for instance; the prompt
    follows what it holds. Or a Reader, which reads the prompt only from where it differs from the last one.
    The answer ends at the model's own end token, a stop string, max_tokens, or the end of the context.
    Raises ValueError for a prompt that is empty or fills the context, and for settings out of range.
    """
    sampling = dict(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p,
                    repetition_penalty=repetition_penalty)
    check_settings(**sampling)
    if max_tokens < 1 or prefill_chunk < 1 or logprobs < 0:
        raise ValueError("max_tokens and prefill_chunk are at least 1, logprobs at least 0; "
                         f"got {max_tokens}, {prefill_chunk}, {logprobs}")
    reader = cache if isinstance(cache, Reader) else Reader(model, cache)
    check_length(prompt, tokenizer, model.config)
    ids = prompt_ids(prompt, tokenizer, raw)
    n_tokens = min(max_tokens, check_room(ids, reader.n_before, model.config))
    answer = AnswerText(tokenizer, ids, stop)
    n_ids = tokenizer.n_ids if tokenizer else 0
    show = lambda id: tokenizer.token_text(id) if id < n_ids else ""

    began = time.perf_counter()
    reused = reader.resume(ids)
    logits = prefill(reader, ids[reused:], prefill_chunk, on_prefill)
    read = time.perf_counter()
    steps = decode(reader, logits, n_tokens, random_key(seed), logprobs, sampling, n_ids or None)
    for n, (token, logprob, best) in enumerate(steps, 1):
        if math.isnan(logprob):
            raise NonFiniteWeights("the model's logits are not numbers (NaN): some weight is so large that a product "
                                   "overflows. Its file may be damaged: fetch it again; or float16 is too narrow for "
                                   'it: load it with dtype="float32" or "bfloat16"')
        text = answer.add(token, is_last=n == n_tokens)
        yield Piece(text, token, logprob, [(id, show(id), value) for id, value in best],
                    prompt_tokens=len(ids), reused_tokens=reused, prompt_tps=(len(ids) - reused) / (read - began),
                    generation_tokens=n, generation_tps=n / (time.perf_counter() - read),
                    peak_memory=mx.get_peak_memory() / 1e9, finish_reason=answer.finish_reason)
        if answer.finish_reason:
            return


def prefill(reader, ids, chunk=256, on_prefill=None):
    """Read ids, chunk by chunk, and return the logits after the last (V,).

    Chunks bound the memory, since scores are (chunk, S), and let an interrupt come between them. Of the chunks before
    the last only keys and values are evaluated: nobody asks for their logits.
    """
    for start in range(0, len(ids), chunk):
        logits = reader.read(mx.array(ids[start:start + chunk]))
        mx.eval([layer.state for layer in reader.cache])
        if on_prefill:
            on_prefill(min(start + chunk, len(ids)), len(ids))
    mx.eval(logits)
    return logits


def decode(reader, logits, n_tokens, key, n_best, sampling, n_ids=None):
    """Yield (token, logprob, [(id, logprob), ...]) n_tokens times, starting from the prompt's logits.

    n_ids: how many ids the tokenizer knows. Some models have more rows than that; such ids are never chosen.

    The next step is under way before this one is handed out, so whoever shows it does not keep the device waiting.
    At that moment a token is read into the cache; the last one never is.
    """
    def choose(logits):
        nonlocal key
        now = None
        if n_ids is not None and n_ids < logits.shape[-1]:
            logits = mx.where(mx.arange(logits.shape[-1]) < n_ids, logits, -mx.inf)
        if sampling["temperature"] > 0:
            key, now = mx.random.split(key)
        history = reader.history if sampling["repetition_penalty"] != 1 else ()
        ids = sample(logits, ids=history, key=now, **sampling)[None]  # (1,)
        if n_best:
            ids = mx.concatenate([ids, mx.argsort(-logits)[:n_best].astype(ids.dtype)])  # (1 + n_best,)
        mx.async_eval(ids)  # and meanwhile:
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
    """The log probabilities of ids (n,) by logits (V,): (n,)."""
    logits = logits.astype(mx.float32)
    return logits[ids] - log_sum_exp(logits)


def log_sum_exp(logits):
    """log(sum(e**logits)) of logits (V,) float32: (). On a processor by numpy, whose e**x takes less time than MLX's.

    `python -m mistral_edu.bench.account` prints how much.

    >>> round(mx.exp(log_sum_exp(mx.log(mx.array([1.0, 3.0, 4.0])))).item(), 4)
    8.0
    """
    if mx.default_device() != mx.Device(mx.cpu):
        return mx.logsumexp(logits)
    numbers = np.array(logits)
    largest = numbers.max()
    return mx.array(largest + np.log(np.exp(numbers - largest).sum()))


def prompt_ids(prompt, tokenizer, raw=False) -> list[int]:
    """Ids of a prompt in any of its forms: a string, messages, or ids already. Raises ValueError for anything else."""
    is_text = isinstance(prompt, str)
    if is_text or (isinstance(prompt, (list, tuple)) and len(prompt) and isinstance(prompt[0], dict)):
        if tokenizer is None:
            raise ValueError("a prompt in words needs a tokenizer; with tokenizer=None the prompt is a list of ids")
        messages = [{"role": "user", "content": prompt}] if is_text else prompt
        ids = tokenizer.encode(prompt) if is_text and raw else encode_chat(messages, tokenizer)
        hint_at_format(prompt, tokenizer, raw=is_text and raw)
        return ids
    if isinstance(prompt, (dict, bytes)) or not hasattr(prompt, "__len__"):
        raise ValueError(f"a prompt is a string, a list of messages, or a list of ids; got {type(prompt).__name__} "
                         f"{str(prompt)[:100]!r}" + "; a single message goes into a list" * isinstance(prompt, dict))
    if getattr(prompt, "ndim", 1) != 1:
        raise ValueError(f"one prompt at a time: expected ids of shape (L,), got {prompt.shape}")
    ids = prompt.tolist() if hasattr(prompt, "tolist") else list(prompt)
    for n, id in enumerate(ids):
        if isinstance(id, (bool, np.bool_)) or not isinstance(id, (int, np.integer)):
            raise ValueError(f"ids are whole numbers; number {n} of the prompt is {str(id)[:100]!r}, of type "
                             f"{type(id).__name__}")
    return [int(id) for id in ids]


def hint_at_format(prompt, tokenizer, raw):
    """Warn, once, where a prompt in words has not the form that the model knows; see tokenizer.is_instruct."""
    text = prompt if isinstance(prompt, str) else "".join(str(message.get("content")) for message in prompt)
    by_hand = [name for name in {"[INST]", "[/INST]", *tokenizer.control_ids} if name in text]
    in_v1 = raw and "[INST]" not in tokenizer.control_ids  # there a mark is written as text
    by_hand = sorted(name for name in by_hand if not (in_v1 and name in ("[INST]", "[/INST]")))
    if raw and tokenizer.is_instruct and not (in_v1 and "[INST]" in text):
        warnings.warn("this model answers messages, and a raw prompt lacks their marks, so it may ramble. "
                      "Leave raw out to send the prompt as a message")
    elif by_hand:
        marks = "<s> goes in front by itself" if raw else "a message gets its marks by itself"
        warnings.warn(f"the prompt spells {', '.join(by_hand[:5])}: written in a text, this stays text, which the "
                      f"model has not seen in its training. Leave it out; {marks}")
    elif not raw and tokenizer.is_instruct is False:
        warnings.warn("this seems to be a base model, which continues text and knows no messages (there is no chat "
                      "template beside it). Give a string with raw=True, or take its Instruct version")


def check_length(prompt, tokenizer, config):
    """ValueError for words that cannot fit into the context, before they are encoded, which would take minutes.

    prompt: a string or messages; ids have their length. Each token stands for so many bytes at most.
    """
    if tokenizer is None:
        return
    said = [prompt]
    if isinstance(prompt, (list, tuple)):
        said = [each.get("content") for each in prompt if isinstance(each, dict)]
    n_bytes = sum(len(text.encode("utf-8", errors="replace")) for text in said if isinstance(text, str))
    least = n_bytes // tokenizer.longest_token
    if least >= config.context_len:
        raise ValueError(f"the prompt takes {least:,} tokens at least, and the context of this model has "
                         f"{config.context_len:,}, the answer's included; shorten the prompt")


def check_room(ids, n_before, config) -> int:
    """How many tokens fit into the context after ids; ValueError where there are no ids, unknown ones, or no room.

    n_before: tokens that stand before ids in the cache.
    """
    if not ids:
        raise ValueError("the prompt is empty; expected at least one id")
    if unknown := [id for id in ids if not 0 <= id < config.vocab_size]:
        raise ValueError(f"ids {unknown[:5]} are not in the vocabulary; expected 0 to {config.vocab_size - 1}")
    room = config.context_len - n_before - len(ids)
    if room < 1:
        raise ValueError(f"the prompt takes {n_before + len(ids)} tokens, and the context of this model has "
                         f"{config.context_len}, the answer's included; shorten the prompt, or take back turns of the "
                         "chat (chat.undo)")
    return room
