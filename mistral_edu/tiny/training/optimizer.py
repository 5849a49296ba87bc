"""One step of training: Muon for matrices, AdamW for the rest, and the learning rate.

AdamW (Loshchilov & Hutter 2017, algorithm 2) takes the embedding, the head and the norms. It comes from
mlx.optimizers, as does the clipping of its gradients; muon.py says why Muon does not.
"""
import mlx.core as mx
import mlx.optimizers as optim
from mlx.utils import tree_flatten, tree_map_with_path, tree_unflatten

from mistral_edu.tiny.training.muon import Muon
from mistral_edu.tiny.training.stacks import unstack_layers

MOMENTUM, BETAS = 0.95, [0.9, 0.98]
DECAY, CLIP = 0.05, 1.0


def is_matrix(name):
    """Muon's part: the projections inside the layers."""
    return name.endswith("_proj.weight")


def make_optimizer(dtype):
    """Muon and AdamW under one roof; `step` sets their learning rate. dtype: of Muon's products."""
    rate = 0.0
    return optim.MultiOptimizer(
        [Muon(rate, MOMENTUM, DECAY, dtype),
         optim.AdamW(rate, BETAS, weight_decay=DECAY, bias_correction=True),
         optim.Adam(rate, BETAS, bias_correction=True)],  # the embedding and the norms do not decay
        [lambda name, _: is_matrix(name), lambda name, _: name == "lm_head.weight"])


def make_step(model, loss_of, optimizer, dtype, compiled: bool):
    """Return step(weights, rows, rate) -> (weights, loss, parts), with float32 master weights.

    optimizer has been initialized (optimizer.init); what it remembers is in optimizer.state. Loss and gradients are one
    graph that may be compiled. The optimizer stays outside: a handful of large products, and kernels that MLX has.
    """

    def loss_with(weights, rows):
        cast = {name: weight.astype(dtype) for name, weight in weights.items()}
        model.update(as_tree(unstack_layers(cast)))
        return loss_of(model, rows)

    value_and_grad = mx.value_and_grad(loss_with)
    value_and_grad = mx.compile(value_and_grad) if compiled else value_and_grad

    def step(weights, rows, rate):
        (loss, parts), gradients = value_and_grad(weights, rows)
        # The norm is a sum over the weights, and MultiOptimizer returns them in the order of a set of names, which
        # changes with PYTHONHASHSEED. Sorted, the same weights make the same step, to the last bit, in every process.
        in_order = dict(sorted(gradients.items()))
        clipped, _ = optim.clip_grad_norm(in_order, CLIP)  # Muon needs none: its steps all have the same size
        gradients = {name: g if is_matrix(name) else clipped[name] for name, g in gradients.items()}
        optimizer.learning_rate = rate
        weights = optimizer.apply_gradients(as_tree(gradients), as_tree(weights))
        return dict(tree_flatten(weights)), loss, parts

    return step


def as_tree(weights: dict) -> dict:
    """{"model.norm.weight": w} -> {"model": {"norm": {"weight": w}}}, as mlx.optimizers takes them."""
    return tree_unflatten(list(weights.items()))


# ---------------------------------------------------------------- what is remembered from step to step
def moments(optimizer) -> dict:
    """{"m/model.norm.weight": array, "v/model.norm.weight": array, ...}: m for all, v only for AdamW's part."""
    named = {moment_name(path): array for path, array in tree_flatten(optimizer.state)}
    return {name: array for name, array in named.items() if name not in ("step", "learning_rate")}


def resume(optimizer, saved: dict, step: int):
    """Put the moments of a run that was saved after `step` steps in the place of those of an initialized optimizer."""
    saved = saved | {"step": mx.array(step, mx.uint64), "learning_rate": mx.array(0.0)}  # the next step sets the rate
    optimizer.state = tree_map_with_path(lambda path, _: saved[moment_name(path)], optimizer.state)


def moment_name(path):
    """
    >>> moment_name("states.0.model.norm.weight.m"), moment_name("states.2.step")
    ('m/model.norm.weight', 'step')
    """
    *name, moment = path.split(".")[2:]
    return f"{moment}/{'.'.join(name)}" if name else moment


def rate_at(progress, step, peak, warm_up=200, flat=0.4):
    """Learning rate: up, flat until `flat` of the run is done, then straight down to zero.

    It goes up in `warm_up` steps, or within a twentieth of a run that has few. (The schedules of mlx.optimizers count
    steps; how many there will be is not known where a run ends by the clock.)
    """
    return peak * min(1.0, max(step / warm_up, 20 * progress)) * min(1.0, max(0.0, 1 - progress) / (1 - flat))
