"""What every log probability needs, in the way that is quickest where MLX computes.

log(sum(e**logits)): on a processor NumPy's e**x is far faster than MLX's. logits[ids]: on NVIDIA, MLX compiles this for
seconds when it is first called.

    python -m mistral_edu.bench.account          prints how much: two rows of its first table are e**x
"""
import mlx.core as mx
import numpy as np


def log_sum_exp(logits):
    """mx.logsumexp of logits (V,) float32: (). On a GPU it is just that; on a processor it waits for the logits.

    >>> round(mx.exp(log_sum_exp(mx.log(mx.array([1.0, 3.0, 4.0])))).item(), 4)
    8.0
    """
    if mx.default_device() != mx.Device(mx.cpu):
        return mx.logsumexp(logits)
    numbers = np.array(logits)
    largest = numbers.max()
    return mx.array(largest + np.log(np.exp(numbers - largest).sum()))


def at(logits, ids):
    """logits[ids] of logits (V,) and ids (n,): (n,).

    >>> at(mx.array([0.5, 1.5, 2.5]), mx.array([2, 0])).tolist()
    [2.5, 0.5]
    """
    if not mx.cuda.is_available() or mx.default_device() == mx.Device(mx.cpu):
        return logits[ids]
    return mx.where(mx.arange(logits.size) == ids[:, None], logits, 0).sum(axis=-1)
