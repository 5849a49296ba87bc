"""A small model whose heads are merged by a given function, and its training: does a wrong merge show?"""
import math

import mlx.core as mx
import mlx.nn as nn

from mistral_edu.attention import fused_attention, merge_heads, split_heads
from mistral_edu.config import MistralConfig
from mistral_edu.lab.experiments.training import train
from mistral_edu.transformer import Model

ALPHABET, LENGTH, ROWS = 16, 16, 32      # different tokens; tokens per text; texts per step
NO_CLUE = math.log(ALPHABET)             # the loss of 16 equal chances: ln 16 = 2.77
CONFIG = MistralConfig(dim=32, n_layers=2, head_dim=8, hidden_dim=64, n_heads=4, n_kv_heads=4, window_size=None,
                       context_len=LENGTH, vocab_size=ALPHABET)


def small_model(merge, seed=0):
    """A Mistral of 2 layers with 4 heads and random weights, the same ones for the same seed, whatever the merge.

    merge: (B, n_heads, L, head_dim) -> (B, L, n_heads * head_dim).
    """
    def attend(q, k, v, scale, mask=None):
        merged = merge(fused_attention(q, k, v, scale, mask))             # (B, L, n_heads * head_dim)
        return split_heads(merged, q.shape[1])                            # the layer's own merge_heads undoes this

    mx.random.seed(seed)
    model = Model(CONFIG)
    for layer in model.layers:
        layer.self_attn.attend = attend
    return model


def trained(merge, texts, asked=0, seed=0, steps=200):
    """Train small_model(merge, seed) to name each next token: (the model, the mean loss of its last ten steps).

    texts(number) gives the texts of a step, (ROWS, LENGTH), new ones for each number. asked: the first position whose
    next token counts.
    """
    model = small_model(merge, seed)

    def loss(model, tokens):
        logits = model(tokens[:, :-1])[:, asked:]                         # (ROWS, LENGTH - 1 - asked, ALPHABET)
        return nn.losses.cross_entropy(logits, tokens[:, 1 + asked:], reduction="mean")

    losses = list(train(model, loss, (texts(steps * seed + step) for step in range(steps)), step_size=0.003))
    return model, sum(losses[-10:]) / 10


def forgotten(out):
    """merge_heads without its transpose."""
    B, n_heads, L, head_dim = out.shape
    return out.reshape(B, L, n_heads * head_dim)


def copies(number):
    """Half a text of random tokens, then the same half again."""
    half = mx.random.randint(0, ALPHABET, (ROWS, LENGTH // 2), key=mx.random.key(number))
    return mx.concatenate([half, half], axis=1)


def noise(number):
    """Random tokens."""
    return mx.random.randint(0, ALPHABET, (ROWS, LENGTH), key=mx.random.key(number))


def written(model, halves, filled=False):
    """The share of right tokens when the model writes the second halves itself, token by token.

    filled: the text always has its full length; what is not written yet is random.
    """
    half = halves.shape[1]
    text = mx.concatenate([halves, noise(10**6)[:len(halves), half:]], axis=1)
    for place in range(half, LENGTH):
        seen = text[:, :-1] if filled else text[:, :place]
        text[:, place] = model(seen)[:, place - 1].argmax(axis=-1)
    return (text[:, half:] == halves).mean().item()


def eight_seeds():
    """What recorded/copy_and_noise.json holds: a line for each seed and merge."""
    halves = copies(10**6)[:, :LENGTH // 2]
    for seed in range(8):
        for merge in (merge_heads, forgotten):
            copier, copy_loss = trained(merge, copies, LENGTH // 2 - 1, seed)
            _, noise_loss = trained(merge, noise, seed=seed)
            print(f"{seed} {merge.__name__:12} copy {copy_loss:.3f}, written {written(copier, halves):.2f}, "
                  f"filled {written(copier, halves, True):.2f}, noise {noise_loss:.2f}", flush=True)
