"""Eight questions about one of six things, and how many places `tiny` still names when parts of it are silent."""
import random
from functools import cache

import mlx.core as mx
from mlx.utils import tree_map

from mistral_edu.chat import encode_chat
from mistral_edu.checkpoints.loading import load_model, load_tokenizer
from mistral_edu.lab.experiments.inside import silenced
from mistral_edu.tiny.world import held_out
from mistral_edu.tiny.world.scenes import at
from mistral_edu.tiny.world.words import OBJECTS, PLACES

QUESTIONS, FACTS = 8, 6      # many rivals: of two places, half would be right by chance


def place_ids(tokenizer):
    """The ids of all places of the village that are a single token, with the space before them."""
    encoded = [tokenizer.encode(f" {place}", bos=False) for place in PLACES]
    return [ids[0] for ids in encoded if len(ids) == 1]


def questions(tokenizer, n=QUESTIONS, n_facts=FACTS, seed=0):
    """n texts that break off where a place has to come: tokens (n, L), the id of the right place (n,).

    "The ball is in the barn. The key is ... Where is the key?", and the answer up to "The key is in the". All places
    are such that one is *in* them, else the preposition would tell them apart; things and places are single tokens, so
    all texts are equally long. No list of facts is one that `tiny` was trained on.
    """
    def one_token(word):
        return len(tokenizer.encode(" " + word, bos=False)) == 1

    things = [thing for thing in OBJECTS if one_token(thing)]
    places = [place for place in PLACES if one_token(place) and at(place).startswith("in the")]
    draw, texts, answers = random.Random(seed), [], []
    while len(texts) < n:
        pairs = list(zip(draw.sample(things, n_facts), draw.sample(places, n_facts)))
        facts = tuple(f"The {thing} is {at(place)}." for thing, place in pairs)
        if held_out(("rivals", facts)):
            thing, place = draw.choice(pairs)
            message = {"role": "user", "content": f"{' '.join(facts)} Where is the {thing}?"}
            texts.append(encode_chat([message], tokenizer) + tokenizer.encode(f" The {thing} is in the", bos=False))
            answers += tokenizer.encode(f" {place}", bos=False)
    return mx.array(texts), mx.array(answers)


def places_right(*, heads=(), feed_forwards=(), seed=0):
    """How many of the 8 places `tiny` names while these parts are silent: heads [(layer, head)], feed_forwards [layer].

    seed: which 8 questions. Each answer is kept, since the same parts are asked for more than once. Raises ValueError
    for a part that `tiny` does not have.
    """
    return _places_right(tuple(sorted((layer, head) for layer, head in heads)), tuple(sorted(feed_forwards)), seed)


@cache
def _places_right(heads, feed_forwards, seed):
    model, _ = _tiny()
    states, answers = _read(seed)
    layers = [layer for layer, _ in heads] + list(feed_forwards)
    with silenced(model, heads=heads, feed_forwards=feed_forwards):
        first = min(layers, default=len(states) - 1)                  # up to here nothing is silent
        said = _from(model, states[first], first)[-1][:, -1]          # (n, dim)
        said = model.lm_head(model.model.norm(said)).argmax(axis=-1)  # (n,)
    return (said == answers).sum().item()


@cache
def _tiny():
    """The readable model, and its tokenizer."""
    model, tokenizer = load_model("tiny", dtype="float32", fast=False), load_tokenizer("tiny")
    # Stored as x @ weight.T reads them, matrices multiply twice as fast if there is no fast BLAS.
    model.update(tree_map(lambda w: mx.contiguous(w.T).T if w.ndim == 2 else w, model.parameters()))
    return model, tokenizer


@cache
def _read(seed):
    """The states of the 8 texts before each layer and after the last, and the right places."""
    model, tokenizer = _tiny()
    tokens, answers = questions(tokenizer, seed=seed)
    states = _from(model, model.model.embed_tokens(tokens), 0)
    mx.eval(states)
    return states, answers


def _from(model, x, first):
    """The states [x, after layer `first`, ..., after the last layer], each (n, L, dim)."""
    states, mask = [x], model.model.make_mask(x.shape[1])
    for block in model.layers[first:]:
        states.append(block(states[-1], mask))
    return states
