"""What the embedded model can do, measured in seconds: exact match of eight skills, recall, and the loss on stories.

Two tests that see different faults. Exact match asks for short answers and is blind to much; the loss on stories weighs
every token. All texts are held out of training, by content, and the same seed gives the same texts everywhere.
"""
import random
from functools import lru_cache

import mlx.core as mx
import numpy as np

from mistral_edu.chat import encode_chat
from mistral_edu.tiny.answers import answered
from mistral_edu.tiny.exam import Item, task_items
from mistral_edu.tiny.training.data import EOS
from mistral_edu.tiny.world import held_out
from mistral_edu.tiny.world.scenes import at
from mistral_edu.tiny.world.words import OBJECTS, PLACES

SKILLS = ("fact", "arithmetic", "scene_where", "rivals", "copy", "spell", "count", "order")


def skills(model, tokenizer, n=16, names=SKILLS):
    """{skill: share of n held-out items that greedy decoding answers exactly}. names: any of tiny.exam.TASKS."""
    return {name: share_right(model, tokenizer, skill_items(tokenizer, name, n)) for name in names}


def recall(model, tokenizer, n=24):
    """The share of recall_items that the model answers exactly."""
    return share_right(model, tokenizer, recall_items(tokenizer, n))


def share_right(model, tokenizer, items):
    """The share of items that greedy decoding answers exactly: in one pass, since each token must be the likeliest."""
    return sum(answered(model, tokenizer, items)) / len(items)


@lru_cache
def skill_items(tokenizer, name, n):
    """n held-out items of one task of the exam, a tuple of tiny.exam.Item."""
    return tuple(task_items(tokenizer, name, n))


@lru_cache
def recall_items(tokenizer, n, n_facts=3, seed=0):
    """n short questions about one of n_facts things: "The ball is in the barn. The key is ... Where is the key?"

    A tuple of tiny.exam.Item; meta is (thing, place, number of the fact asked for). Fact k begins at token 2 + 7 k, its
    thing is one token further on and its place five; all words are single tokens, so you can point at them.
    """
    objects, places = ([word for word in words if len(tokenizer.encode(" " + word, bos=False)) == 1]
                       for words in (OBJECTS, PLACES))
    r, items = random.Random(f"{seed}/places"), []
    while len(items) < n:
        things, where = r.sample(objects, n_facts), r.sample(places, n_facts)
        facts = tuple(f"The {thing} is {at(place)}." for thing, place in zip(things, where))
        if held_out(("rivals", facts)):             # the key of such a list in the world: none is trained on
            k = r.randrange(n_facts)
            text = f"{' '.join(facts)} Where is the {things[k]}?"
            prompt = encode_chat([{"role": "user", "content": text}], tokenizer)
            items.append(Item("recall", prompt, facts[k], (things[k], where[k], k), text))
    return tuple(items)


def story_loss(model, tokenizer, n=8):
    """Mean cross-entropy per token, in nats, on n held-out stories; the wishes before them do not count."""
    logits, targets = story_logits(model, tokenizer, n)
    chosen = mx.take_along_axis(logits, targets[:, None], axis=-1)[:, 0]
    return (mx.logsumexp(logits, axis=-1) - chosen).mean().item()


def story_logits(model, tokenizer, n=8):
    """What the model says at each of the N tokens of n held-out stories: logits (N, vocab_size) fp32, targets (N,)."""
    logits, targets = [], []
    for prompt, story in held_out_stories(tokenizer, n):
        said = model(mx.array([(prompt + story)[:-1]]))[0, -len(story):]      # (len(story), vocab_size)
        logits.append(said.astype(mx.float32))
        targets += story
    return mx.concatenate(logits), mx.array(targets)


@lru_cache
def held_out_stories(tokenizer, n):
    """n pairs (ids of a wish, ids of a story that the world tells for it, including </s>)."""
    return tuple((item.prompt, tokenizer.encode(" " + item.answer, bos=False) + [EOS])
                 for item in task_items(tokenizer, "story", n))


EDGES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0001)


def said_against_true(model, tokenizer, n=60, temperature=1.0, edges=EDGES):
    """Calibration on n held-out stories: a list of (said, true, count), one for each pair of neighbouring edges.

    Of all tokens to which the model gives a probability between two edges: said is the mean of these probabilities,
    true the share of them that came, count their number. Empty ranges are left out.
    """
    logits, targets = story_logits(model, tokenizer, n)
    said = np.array(mx.softmax(logits / temperature, axis=-1))                # (N, vocab_size)
    came = np.zeros(said.shape, bool)
    came[np.arange(len(came)), np.array(targets)] = True
    rows = []
    for low, high in zip(edges, edges[1:]):
        inside = (said >= low) & (said < high)
        if inside.any():
            rows.append((float(said[inside].mean()), float(came[inside].mean()), int(inside.sum())))
    return rows
