"""Muon (Jordan et al. 2024): a step of the same size in every direction of a matrix.

It replaces the momentum of a matrix by the nearest matrix whose singular values are all about one, so that every
direction is learned at the same pace.
"""
import mlx.core as mx
import mlx.optimizers as optim


def orthogonalized(x, steps=5):
    """(n, rows, columns) -> the same, each matrix with all singular values about one.

    Newton-Schulz iteration with the coefficients of Jordan et al.: each step is an odd polynomial of x, which acts on
    the singular values alone, and pushes those in (0, 1] towards one. In the type of x: bfloat16 is precise enough.
    """
    if x.shape[1] > x.shape[2]:  # a tall matrix lies on its side meanwhile, for the smaller x @ x^T
        return orthogonalized(x.swapaxes(1, 2), steps).swapaxes(1, 2)
    norm = mx.linalg.norm(x.astype(mx.float32), axis=(1, 2), keepdims=True)
    x = x / (norm + 1e-7).astype(x.dtype)
    for _ in range(steps):
        a = x @ x.swapaxes(1, 2)
        polynomial = mx.addmm(-4.7750 * a, a, a, alpha=2.0315)
        x = mx.addmm(3.4445 * x, polynomial, x)
    return x


class Muon(optim.Optimizer):
    """Muon for stacks of matrices, (n, rows, columns) each.

    dtype: of the products. learning_rate, momentum and weight_decay are as for AdamW: the decay stands beside the step,
    and steps are as long as AdamW's, so that one learning rate fits both (Liu et al. 2025).

    mlx.optimizers.Muon takes one matrix at a time and adds the decay to the gradient. It is as fast, but the loss
    of the first steps falls more slowly with it.
    """

    def __init__(self, learning_rate, momentum=0.95, weight_decay=0.0, dtype=mx.float32):
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)
        self.momentum, self.weight_decay, self.dtype = momentum, weight_decay, dtype

    def init_single(self, parameter, state):
        state["m"] = mx.zeros_like(parameter)

    def apply_single(self, gradient, parameter, state):
        state["m"] = self.momentum * state["m"] + gradient
        ahead = gradient + self.momentum * state["m"]  # Nesterov: look one step ahead
        direction = orthogonalized(ahead.astype(self.dtype)).astype(mx.float32)
        scale = 0.2 * max(parameter.shape[1:]) ** 0.5
        return parameter - self.learning_rate * (scale * direction + self.weight_decay * parameter)
