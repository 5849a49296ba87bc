"""Muon for matrices, AdamW for the rest.

Muon (Jordan et al. 2024) replaces the momentum of a matrix by the nearest matrix whose singular values are all about
one, so that every direction is learned at the same pace. AdamW (Loshchilov & Hutter 2017, algorithm 2) takes the
embedding, the head and the norms. Weights of one kind are kept as one stack over the layers: fewer, larger operations.
"""
import mlx.core as mx
from mlx.utils import tree_unflatten

MOMENTUM, DECAY, CLIP = 0.95, 0.05, 1.0
BETA1, BETA2, EPS = 0.9, 0.98, 1e-8


# ---------------------------------------------------------------- weights as stacks over the layers
def stack_layers(weights: dict) -> dict:
    """{"model.layers.0.x": w0, "model.layers.1.x": w1, ...} -> {"model.layers.*.x": (n_layers, ...)}."""
    stacks = {}
    for name, weight in weights.items():
        layer, _, rest = name.removeprefix("model.layers.").partition(".")
        if layer.isdigit():
            stacks.setdefault("model.layers.*." + rest, {})[int(layer)] = weight  # files come in any order
        else:
            stacks[name] = weight
    return {name: mx.stack([w[i] for i in sorted(w)]) if "*" in name else w for name, w in stacks.items()}


def unstack_layers(stacks: dict) -> dict:
    """The inverse of stack_layers: names as in a Hugging Face checkpoint."""
    weights = {}
    for name, stack in stacks.items():
        if "*" in name:
            weights |= {name.replace("*", str(layer)): stack[layer] for layer in range(stack.shape[0])}
        else:
            weights[name] = stack
    return weights


def is_matrix(name):
    """Muon's part: the projections inside the layers."""
    return name.endswith("_proj.weight")


# ---------------------------------------------------------------- one step
def orthogonalized(x, steps=5):
    """(n, rows, columns) with rows <= columns -> the same with all singular values about one.

    Newton-Schulz iteration with the coefficients of Jordan et al.: each step is an odd polynomial of x, which acts on
    the singular values alone, and pushes those in (0, 1] towards one. In the type of x: bfloat16 is precise enough.
    """
    norm = mx.sqrt(mx.sum(mx.square(x.astype(mx.float32)), axis=(1, 2), keepdims=True))
    x = x / (norm + 1e-7).astype(x.dtype)
    for _ in range(steps):
        a = x @ x.swapaxes(1, 2)
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
    return x.astype(mx.float32)


def muon_directions(momenta: dict) -> dict:
    """Orthogonalize stacks of equal shape together; a tall matrix lies on its side meanwhile."""
    groups = {}
    for name, m in momenta.items():
        lying = m.swapaxes(1, 2) if m.shape[1] > m.shape[2] else m
        groups.setdefault(lying.shape[1:], []).append((name, m.shape[1] > m.shape[2], lying))
    directions = {}
    for group in groups.values():
        parts = mx.split(orthogonalized(mx.concatenate([m for _, _, m in group])), len(group))
        directions |= {name: d.swapaxes(1, 2) if tall else d for (name, tall, _), d in zip(group, parts)}
    return directions


def make_step(model, loss_of, dtype, compiled: bool):
    """Return step(weights, m, v, rows, rate, t) -> (weights, m, v, loss, parts), with float32 master weights.

    Loss, gradient and AdamW are one graph that may be compiled. Muon's iteration is a handful of large products and
    stays outside, where it needs no kernels of its own.
    """

    def loss_with(weights, rows):
        cast = {name: weight.astype(dtype) for name, weight in weights.items()}
        model.update(tree_unflatten(list(unstack_layers(cast).items())))
        return loss_of(model, rows)

    value_and_grad = mx.value_and_grad(loss_with)

    def learn(weights, m, v, rows, rate, t):
        (loss, parts), gradients = value_and_grad(weights, rows)
        weights, m, v, momenta = dict(weights), dict(m), dict(v), {}
        size = mx.sqrt(sum(mx.sum(mx.square(g)) for g in gradients.values()))
        clip = mx.minimum(1.0, CLIP / (size + 1e-6))
        for name, g in gradients.items():
            if is_matrix(name):
                m[name] = MOMENTUM * m[name] + g
                momenta[name] = (g + MOMENTUM * m[name]).astype(dtype)  # Nesterov: look one step ahead
                continue
            g = g * clip
            m[name] = BETA1 * m[name] + (1 - BETA1) * g
            v[name] = BETA2 * v[name] + (1 - BETA2) * g * g
            update = m[name] / (1 - BETA1**t) / (mx.sqrt(v[name] / (1 - BETA2**t)) + EPS)
            decay = DECAY * weights[name] if name == "lm_head.weight" else 0
            weights[name] = weights[name] - rate * (update + decay)
        return weights, m, v, loss, parts, momenta

    learn = mx.compile(learn) if compiled else learn

    def step(weights, m, v, rows, rate, t):
        weights, m, v, loss, parts, momenta = learn(weights, m, v, rows, rate, t)
        for name, direction in muon_directions(momenta).items():
            scale = 0.2 * max(direction.shape[1:]) ** 0.5  # so that one rate fits Muon and AdamW (Liu et al. 2025)
            weights[name] = weights[name] - rate * (scale * direction + DECAY * weights[name])
        return weights, m, v, loss, parts

    return step


def first_state(weights):
    """Moments of zero: m for all, v only for AdamW's part."""
    zeros = {name: mx.zeros_like(w) for name, w in weights.items()}
    return zeros, {name: z for name, z in zeros.items() if not is_matrix(name)}


def rate_at(progress, step, peak, warm_up=200, flat=0.4):
    """Learning rate: up, flat until `flat` of the run is done, then straight down to zero.

    It goes up in `warm_up` steps, or within a twentieth of a run that has few.
    """
    return peak * min(1.0, max(step / warm_up, 20 * progress)) * min(1.0, max(0.0, 1 - progress) / (1 - flat))
