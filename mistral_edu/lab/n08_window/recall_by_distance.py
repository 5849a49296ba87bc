"""Recall against distance, measured along the way: a text is read once, and its fact is asked for again and again.

The exam (tiny/exam.py) has a text of its own for each distance. For a curve in a notebook that would be slow and noisy.
Here one fact is asked for at growing distances while the same text goes on: the text is read once through a cache, and
each question is put to a copy of the cache, which is then discarded.
"""
import re

import mlx.core as mx

from mistral_edu.chat import encode_chat
from mistral_edu.checkpoints.saved_cache import restored
from mistral_edu.tiny.exam import recall_items
from mistral_edu.tiny.training.data import EOS

SENTENCE_END = r"(?<=[.?!]) "


def recall_curve(model, tokenizer, distances, rivals=0, n=5):
    """How many of n facts the model recalls at each distance in tokens, each fact among `rivals` others of its kind.

    Returns a list as long as `distances`, each 0 .. n. Every fact is held out of training and asked for at all
    distances.
    """
    items = recall_items(tokenizer, max(distances), rivals, n)
    right = [asked_on_the_way(model, tokenizer, nearer(tokenizer, item, distances)) for item in items]
    return [sum(column) for column in zip(*right)]


def nearer(tokenizer, item, distances):
    """A recall item at each of these distances (tokens from the fact to the question's end); item.meta is the largest.

    The last sentences before the question are left out until the distance is met to within half a sentence.
    """
    *told, question = re.split(SENTENCE_END, item.text)
    family = []
    for kept in range(len(told), 0, -1):
        text = " ".join([*told[:kept], question])
        prompt = encode_chat([{"role": "user", "content": text}], tokenizer)
        family.append(item._replace(prompt=prompt, text=text, meta=item.meta - (len(item.prompt) - len(prompt))))
    return [min(family, key=lambda one: abs(one.meta - distance)) for distance in distances]


def asked_on_the_way(model, tokenizer, items):
    """For each item: would greedy decoding give exactly the answer, and then end?

    Like tiny.answers.answered, for items with a common beginning: what they share is read once.
    """
    trunk = max((item.prompt for item in items), key=len)
    cache, read, right = model.make_cache(), 0, {}
    for n, item in sorted(enumerate(items), key=lambda pair: len(pair[1].prompt)):
        shared = shared_length(item.prompt[:-1], trunk)  # [/INST] is always read in the branch: it names the answer
        if shared > read:
            model(mx.array([trunk[read:shared]]), cache)
            mx.eval([layer.state for layer in cache])
            read = shared
        ending = tokenizer.encode(" " + item.answer, bos=False) + [EOS]
        branch = [restored(layer.meta, layer.state) for layer in cache]
        logits = model(mx.array([(item.prompt + ending)[read:-1]]), branch)  # (1, L, vocab_size)
        right[n] = mx.argmax(logits[0, -len(ending):], axis=-1).tolist() == ending
    return [right[n] for n in range(len(items))]


def shared_length(a, b):
    """How many tokens two lists have in common at their beginning."""
    return next((n for n, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
