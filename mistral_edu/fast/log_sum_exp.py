"""log(sum(e**logits)), which every log probability needs: on a processor NumPy's e**x is far faster than MLX's.

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
