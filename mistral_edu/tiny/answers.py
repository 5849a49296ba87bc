"""What a model answers to many prompts at once: exact match, stories, perplexity.

Exact match takes one pass per item: greedy decoding gives an answer exactly when each of its tokens, including the
closing </s>, is the likeliest one after those before it. (A test checks this against real greedy decoding.) Stories
have no single right answer: they are decoded, and judged by whether they end and contain what was requested.
"""
import re
from collections import defaultdict

import mlx.core as mx
import numpy as np

from mistral_edu.tiny.exam import LONGEST_STORY
from mistral_edu.tiny.training.data import EOS, PROMPT, split_bits
from mistral_edu.tiny.world import words

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
    """Indices in batches of similar length. Padding on the right does no harm: a causal model never looks there."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    while order:
        longest = lengths[order[0]]
        batch = [i for i in order[: max(1, TOKENS_AT_ONCE // longest)] if lengths[i] > SIMILAR * longest]
        yield batch
        order = order[len(batch) :]


def in_chunks(model, tokens):
    """(B, L) ids -> logits (B, chunk, vocab_size), in chunks of the window's length, through the rotating cache:
    attention then costs 2 W keys per token, not L."""
    cache, chunk = model.make_cache(), model.config.window_size or tokens.shape[1]
    for start in range(0, tokens.shape[1], chunk):
        yield model(mx.array(tokens[:, start : start + chunk]), cache)


def likeliest(model, tokens):
    """(B, L) ids -> (B, L) the likeliest next id at each place."""
    return np.concatenate([np.array(mx.argmax(logits, axis=-1)) for logits in in_chunks(model, tokens)], axis=1)


def accuracy(right) -> float:
    return round(sum(right) / len(right), 4)


# ---------------------------------------------------------------- stories
def told(model, tokenizer, items, longest=LONGEST_STORY):
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
    """Whether `word` occurs whole in the text, in upper or lower case; a plural s may follow."""
    return re.search(rf"\b{re.escape(word)}s?\b", text, re.IGNORECASE) is not None


def satisfied(texts, items):
    """For each story: whether it ended and contains every wish."""
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
