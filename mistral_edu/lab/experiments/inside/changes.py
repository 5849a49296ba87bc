"""Change a run to see what depends on what: silence a part, or patch a state from one run into another.

Silencing replaces a part's output with zeros ("zero ablation"): what gets worse needed it. Patching goes the other way
("activation patching", Meng et al. 2022, arXiv:2202.05262): what gets better was carried by the patched state.
"""
from contextlib import contextmanager

import mlx.core as mx
import mlx.nn as nn

from mistral_edu.lab.experiments.inside.recording import unembed


@contextmanager
def silenced(model, heads=(), feed_forwards=()):
    """In this block, the named parts of the model add nothing to the stream; afterwards it is as before.

    heads: (layer, head) pairs; feed_forwards: layers. Both count from 0. An engine gives way to the readable code in
    the meantime. Raises ValueError for a part that the model does not have.

        with silenced(model, heads=[(3, 7)]):
            logits = model(tokens)
    """
    kept = {layer: mx.ones((model.config.n_heads, 1, 1), dtype=mx.bool_) for layer, _ in heads}
    for layer, head in heads:
        check_place(model, layer, head)
        kept[layer][head] = False
    for layer in feed_forwards:
        check_place(model, layer)
    attentions = {layer: model.layers[layer].self_attn for layer in kept}
    before = {layer: vars(attention).get("attend") for layer, attention in attentions.items()}
    mlps = {layer: model.layers[layer].mlp for layer in feed_forwards}
    try:
        for layer, attention in attentions.items():
            attention.attend = without(attention.attend, kept[layer])
        for layer in mlps:
            model.layers[layer].mlp = Silent()
        yield model
    finally:
        for layer, attention in attentions.items():
            del attention.attend
            if before[layer] is not None:
                attention.attend = before[layer]
        for layer, mlp in mlps.items():
            model.layers[layer].mlp = mlp


def without(attend, kept):
    """An attention function with zeros for the output of some heads: kept (n_heads, 1, 1) bool."""
    def attend_without(*arguments):
        out = attend(*arguments)                                              # (B, n_heads, L, head_dim)
        return mx.where(kept, out, mx.zeros_like(out))
    return attend_without


class Silent(nn.Module):
    """Takes the place of a feed-forward, and adds nothing."""

    def __call__(self, x):
        return mx.zeros_like(x)


def check_place(model, layer, head=0):
    """Raise ValueError unless the model has this layer, and this head in it."""
    for what, number, n in (("layer", layer, len(model.layers)), ("head", head, model.config.n_heads)):
        if not 0 <= number < n:
            raise ValueError(f"there is no {what} {number}; the model has {n}, and they count from 0")


def patched(model, run, donor, layer, position):
    """Logits (L, vocab_size) of a run in which the state after `layer` layers, at a position, comes from another run.

    run, donor: recorded from texts of equal length. layer: 0 (the embedding) .. n_layers. position: a number, a list of
    numbers, or a slice. The layers after the patch continue from it.
    """
    check_patch(model, run, donor, layer)
    x = mx.array(run.states[layer])                                           # (L, dim), a copy
    x[position] = donor.states[layer][position]
    return continued(model, x[None], layer)[0]                                # (L, vocab_size)


def patch_map(model, run, donor, asked=-1):
    """`patched` for every layer and position: the logits at position `asked`, (n_layers + 1, L, vocab_size).

    Entry [k, p] is for the patch after k layers at position p. Each layer's L patches are computed side by side.
    """
    check_patch(model, run, donor, 0)
    here = mx.eye(run.stream.shape[1], dtype=mx.bool_)[:, :, None]            # (L, L, 1): text p has its patch at p
    rows = []
    for layer in range(len(model.layers) + 1):
        x = mx.where(here, donor.states[layer], run.states[layer])            # (L, L, dim)
        rows.append(continued(model, x, layer)[:, asked])                     # (L, vocab_size)
        mx.eval(rows)
    return mx.stack(rows)


def continued(model, x, layer):
    """The rest of the forward pass, from the states x (B, L, dim) after `layer` layers: (B, L, vocab_size)."""
    mask = model.model.make_mask(x.shape[1])
    for block in model.layers[layer:]:
        x = block(x, mask)
    return unembed(model, model.model.norm(x))


def check_patch(model, run, donor, layer):
    """Raise ValueError unless the runs are equally long, and layer counts layers of the model."""
    if donor.stream.shape != run.stream.shape:
        raise ValueError(f"both runs should be equally long, so that a state has a place in each; one has "
                         f"{len(run.tokens)} tokens, the other {len(donor.tokens)}")
    if not 0 <= layer <= len(model.layers):
        raise ValueError(f"layer counts the layers before the patch, 0 to {len(model.layers)}; got {layer}")
