"""`tiny` at five moments of its training: which questions it answers, and where its heads look meanwhile."""
from functools import lru_cache

import mlx.core as mx
import numpy as np
from mlx.utils import tree_map

from mistral_edu import course
from mistral_edu.attention import split_heads
from mistral_edu.checkpoints import load_model, load_tokenizer
from mistral_edu.lab.experiments.inside import silenced
from mistral_edu.lab.n10_block.quiz import questions
from mistral_edu.quantize import dequantize

MOMENTS = ("0040M", "0060M", "0100M", "0120M", "tiny")       # millions of tokens seen; `tiny` has seen 1,268
SETS, EACH, FACTS = 6, 8, 6                                   # six sets of eight questions on one of six things


@lru_cache
def opened(moment):
    """The model of one of MOMENTS, in float32: a checkpoint of 4 bit is turned back into the numbers it stands for."""
    folder = "tiny" if moment == "tiny" else course.NOTEBOOKS / "data" / "tiny_checkpoints" / moment
    model = dequantize(load_model(folder, dtype="float32", fast=False))
    # Stored as x @ weight.T reads them, matrices multiply twice as fast where there is no fast BLAS.
    model.update(tree_map(lambda w: mx.contiguous(w.T).T if w.ndim == 2 else w, model.parameters()))
    mx.eval(model.parameters())
    return model


@lru_cache
def asked(n_facts=FACTS):
    """48 texts that break off where a place has to come: tokens (48, L), the right place (48,), where it stands (48,).

    They are those of notebook 10, with six facts each: "The ball is in the barn. ... Where is the ball?", and the
    answer up to "The ball is in the". Eight texts make a set.
    """
    tokens, places = zip(*(questions(load_tokenizer(), EACH, n_facts, seed) for seed in range(SETS)))
    tokens, places = mx.concatenate(tokens), mx.concatenate(places)
    return tokens, places, np.argmax(np.array(tokens == places[:, None]), axis=1)


def right(model, heads=()):
    """Of the 48 questions, which does the model answer rightly while these heads [(layer, head)] are silent? (48,)"""
    tokens, places, _ = asked()
    with silenced(model, heads=heads):
        return np.array(model(tokens)[:, -1].argmax(axis=-1) == places)


def looks(model):
    """Two attention weights of every head, for each of the 48 texts: {leg: (48, n_layers, n_heads)}.

    "bind": from the token "the" before the right place to the thing that is there (three tokens back). "fetch": from the
    last token, which has to name the place, to the place.
    """
    tokens, _, where = asked()
    text, last = np.arange(len(where)), tokens.shape[1] - 1
    x, mask, found = model.model.embed_tokens(tokens), model.model.make_mask(last + 1), {"bind": [], "fetch": []}
    for layer in model.layers:
        weights = np.array(_pattern(layer, x, mask))                          # (48, n_heads, L, L)
        found["bind"].append(weights[text, :, where - 1, where - 4])          # (48, n_heads)
        found["fetch"].append(weights[text, :, last, where])
        x = layer(x, mask)
    return {leg: np.stack(each, axis=1) for leg, each in found.items()}


def _pattern(layer, x, mask):
    """The attention weights of a layer for states x (B, L, dim): (B, n_heads, L, L)."""
    attention, normed = layer.self_attn, layer.input_layernorm(x)
    q = split_heads(attention.q_proj(normed), attention.n_heads)              # (B, n_heads, L, head_dim)
    k = split_heads(attention.k_proj(normed), attention.n_kv_heads)           # (B, n_kv_heads, L, head_dim)
    q, k = (attention.rotate(each, 0, attention.rope_theta) for each in (q, k))
    # attention returns weights @ v: with the rows of the identity as values, it returns the weights themselves
    rows = mx.broadcast_to(mx.eye(x.shape[1]), (*k.shape[:3], x.shape[1]))
    return attention.attend(q, k, rows, attention.scale, mask)


def per_set(values):
    """The mean of each set of eight: values (48, ...) -> (6, ...)."""
    return np.asarray(values, dtype=float).reshape(SETS, EACH, *np.shape(values)[1:]).mean(axis=1)
