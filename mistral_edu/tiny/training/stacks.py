"""Weights of one kind as one stack over the layers: fewer, larger operations, and names that say what a weight is."""
import mlx.core as mx


def stack_layers(weights: dict) -> dict:
    """{"model.layers.0.x": w0, "model.layers.1.x": w1, ...} -> {"model.layers.*.x": (n_layers, ...)}.

    >>> stacks = stack_layers({"model.layers.0.x": mx.zeros(4), "model.layers.1.x": mx.ones(4), "head": mx.ones(3)})
    >>> {name: stack.shape for name, stack in stacks.items()}
    {'model.layers.*.x': (2, 4), 'head': (3,)}
    """
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
