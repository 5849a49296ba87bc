"""`tiny` at five moments of its training: which questions it answers, and where its heads look meanwhile."""
from dataclasses import dataclass
from functools import lru_cache

import mlx.core as mx
import numpy as np
from mlx.utils import tree_map

from mistral_edu import course
from mistral_edu.attention import split_heads
from mistral_edu.checkpoints.loading import load_model, load_tokenizer
from mistral_edu.lab.experiments.inside import silenced
from mistral_edu.lab.n10_block.quiz import questions
from mistral_edu.quantize import dequantize

MOMENTS = ("0040M", "0060M", "0100M", "0120M", "tiny")       # millions of tokens seen; `tiny` has seen 1,268
SETS, EACH, FACTS = 3, 8, 6                                   # three sets of eight questions on one of six things


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
    """24 texts that break off where a place has to come: tokens (24, L), the right place (24,), where it stands (24,).

    They are those of notebook 10, with six facts each: "The ball is in the barn. ... Where is the ball?", and the
    answer up to "The ball is in the". Eight texts make a set.
    """
    tokens, places = zip(*(questions(load_tokenizer(), EACH, n_facts, seed) for seed in range(SETS)))
    tokens, places = mx.concatenate(tokens), mx.concatenate(places)
    return tokens, places, np.argmax(np.array(tokens == places[:, None]), axis=1)


@dataclass(frozen=True)
class Reading:
    """What one of MOMENTS makes of the 24 texts: answers that are right, and two attention weights of every head.

    bind: from the token "the" before the right place to the thing that is there, three tokens back. fetch: from the
    last token, which has to name the place, to the place.
    """
    right: np.ndarray           # (24,) bool
    bind: np.ndarray            # (24, n_layers, n_heads)
    fetch: np.ndarray           # (24, n_layers, n_heads)
    states: list                # (24, L, dim) before each layer


@lru_cache
def reading(moment) -> Reading:
    """The texts read once by the model of one of MOMENTS."""
    model, (tokens, places, where) = opened(moment), asked()
    text, last = np.arange(len(where)), tokens.shape[1] - 1
    x, mask = model.model.embed_tokens(tokens), model.model.make_mask(last + 1)
    states, bind, fetch = [], [], []
    for layer in model.layers:
        states.append(x)
        weights = np.array(_pattern(layer, x, mask))                          # (24, n_heads, L, L)
        bind.append(weights[text, :, where - 1, where - 4])                   # (24, n_heads)
        fetch.append(weights[text, :, last, where])
        x = layer(x, mask)
        mx.eval(x)
    return Reading(_named(model, x) == np.array(places), np.stack(bind, axis=1), np.stack(fetch, axis=1), states)


def right_without(moment, heads):
    """Which of the 24 questions are answered rightly while these heads [(layer, head)] are silent? (24,) bool"""
    model, first = opened(moment), min(layer for layer, _ in heads)
    x = reading(moment).states[first]                                         # up to here nothing is silent
    mask = model.model.make_mask(x.shape[1])
    with silenced(model, heads=heads):
        for layer in model.layers[first:]:
            x = layer(x, mask)
    return _named(model, x) == np.array(asked()[1])


def _named(model, x):
    """The token that each text of the states x (B, L, dim) names next: (B,)."""
    return np.array(model.lm_head(model.model.norm(x[:, -1])).argmax(axis=-1))


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
    """The mean of each set of eight: values (24, ...) -> (3, ...)."""
    return np.asarray(values, dtype=float).reshape(SETS, EACH, *np.shape(values)[1:]).mean(axis=1)
