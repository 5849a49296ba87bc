"""Norms on which to try a test for leaks: right ones, wrong ones that leak from the future, wrong ones that do not."""
import mlx.core as mx


def divided(x, weight, eps, mean_square):
    """x over the root of a mean square, times the gains."""
    return weight * x * mx.rsqrt(mean_square + eps)


def per_token(x, weight, eps):
    """As it should be: every row by itself."""
    return divided(x, weight, eps, (x * x).mean(axis=-1, keepdims=True))


def mean_of_abs(x, weight, eps):
    """Another size than the norm's, and every row by itself."""
    return weight * x / (mx.abs(x).mean(axis=-1, keepdims=True) + eps)


def one_size(x, weight, eps):
    """One size for the whole text."""
    return divided(x, weight, eps, (x * x).mean(axis=(-2, -1), keepdims=True))


def per_column(x, weight, eps):
    """One size for each number of the row, taken over the tokens."""
    return divided(x, weight, eps, (x * x).mean(axis=-2, keepdims=True))


def next_size(x, weight, eps):
    """Each row divided by the size of the one after it."""
    following = mx.concatenate([x[:, 1:], x[:, -1:]], axis=1)
    return divided(x, weight, eps, (following * following).mean(axis=-1, keepdims=True))


def size_two_on(x, weight, eps):
    """Each row divided by the size of the one two after it, round the end: the last tells the third to last alone."""
    following = mx.roll(x, -2, axis=1)
    return divided(x, weight, eps, (following * following).mean(axis=-1, keepdims=True))


def minus_mean_row(x, weight, eps):
    """The mean of all rows of the text is subtracted first: unlike a size, it has a sign."""
    return per_token(x - x.mean(axis=-2, keepdims=True), weight, eps)


def across_texts(x, weight, eps):
    """One size for each position, shared by all texts of the batch: wrong, but nothing comes from the future."""
    return divided(x, weight, eps, (x * x).mean(axis=(0, -1), keepdims=True))


def so_far(x, weight, eps):
    """One size for a token and all before it: earlier tokens count, later ones do not."""
    squares = mx.cumsum((x * x).mean(axis=-1, keepdims=True), axis=-2)            # (B, L, 1)
    return divided(x, weight, eps, squares / mx.arange(1, x.shape[-2] + 1)[:, None])
