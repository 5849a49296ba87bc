"""What goes wrong in the exercises of notebook 04: (wrong function, what to tell its author) pairs."""
import mlx.core as mx
import numpy as np


def _norm(axis=-1, keepdims=True, total="mean", squares=True, root=True, inside=True, with_eps=True, gain="times",
          center=False):
    """rms_norm with something wrong: where the mean is taken, what of, and what is done with it."""
    def norm(x, weight, eps):
        x = x - x.mean(axis=-1, keepdims=True) if center else x
        size = getattr(x * x if squares else mx.abs(x), total)(axis=axis, keepdims=keepdims)
        eps = eps if with_eps else 0.0
        size = size + eps if inside else size
        size = mx.sqrt(size) if root else size
        normed = x / (size if inside else size + eps)
        return {"times": weight * normed, "none": normed, "plus one": (1 + weight) * normed,
                "divides": normed / weight}[gain]
    return norm


def _multiplies(x, weight, eps):
    return weight * x * mx.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)


def _square_of_mean(x, weight, eps):
    return weight * x * mx.rsqrt(x.mean(axis=-1, keepdims=True) ** 2 + eps)


def _whole_and_no_gain(x, weight, eps):
    return x * mx.rsqrt((x * x).mean() + eps)


def _eps_at_the_end(x, weight, eps):
    return weight * x * mx.rsqrt((x * x).mean(axis=-1, keepdims=True)) + eps


def _of_two(x, weight, eps):
    return weight * x * mx.rsqrt((x * x).sum(axis=-1, keepdims=True) / 2 + eps)


def _with_numpy(x, weight, eps):
    return weight * x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps)


def _root_of_row(x, weight, eps):
    return weight * mx.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)


KEPT = "the means lost their axis: shape (rows,) lines up with the columns; keepdims=True gives (rows, 1)"
SUM = "that divides by the length of the row, the root of the sum; the size is the root of the mean"
LEARNED = "the learned weight is missing: multiply by it at the end"
WHOLE = "x.mean() of everything gives one size for all rows; each row needs its own: axis=-1"
NORM_SLIPS = (
    (_norm(center=True), "you subtracted the mean: that is LayerNorm"),
    (_norm(axis=None), WHOLE),
    (_norm(axis=(-2, -1)), "one mean for all rows of a text; each row needs its own: axis=-1"),
    (_norm(axis=0), "axis=0 averages down the columns, over different rows; a row is averaged along the last axis"),
    (_norm(axis=1), "axis=1 is the last axis only where there are two; with (B, L, dim) it runs over the tokens. The "
                    "last one is axis=-1"),
    (_norm(keepdims=False), KEPT),
    (_norm(total="sum"), SUM),
    (_norm(total="sum", with_eps=False), f"{SUM}. And eps is missing"),
    (_norm(root=False), "the root is missing: divide by the root of the mean square"),
    (_norm(squares=False, root=False), "that is the mean of |x|; asked is the root of the mean of x * x"),
    (_norm(squares=False), "the squares are missing: the mean of x * x, then the root"),
    (_norm(gain="none"), LEARNED),
    (_norm(gain="plus one"), "1 + weight is how Gemma stores its weights; Mistral's multiply as they are"),
    (_norm(gain="divides"), "the weight multiplies; yours divides by it"),
    (_norm(with_eps=False), "eps is missing: without it a row of zeros gives 0 / 0"),
    (_norm(inside=False), "eps is added to the mean square, before the root; yours comes after it"),
    (_eps_at_the_end, "eps is added to the mean square, before the root; yours is added to the result"),
    (_multiplies, "that multiplies by the size; divide by it"),
    (_square_of_mean, "that is the square of the mean; asked is the mean of the squares"),
    (_of_two, "right for rows of two numbers; a row has x.shape[-1] of them, and mean counts them itself"),
    (_with_numpy, "numpy's mean cannot take an MLX array; use x.mean(...) or mx.mean, and mx.sqrt"),
    (_norm(total="sum", inside=False), f"{SUM}. And eps is added to the mean square, before the root"),
    (_root_of_row, "that is the size itself, for each row; divide x by it"),
    (_whole_and_no_gain, f"two things: {WHOLE}. And {LEARNED}"),
    (_norm(axis=None, with_eps=False), f"two things: {WHOLE}. And eps is missing"),
    (_norm(axis=None, total="sum"), f"two things: {WHOLE}. And {SUM}"),
    (_norm(total="sum", gain="none"), f"two things: {SUM}. And {LEARNED}"),
    (_norm(with_eps=False, gain="none"), f"two things: eps is missing. And {LEARNED}"),
    (_norm(center=True, gain="none"), f"two things: you subtracted the mean, which is LayerNorm. And {LEARNED}"),
)


def _moved(x, last=slice(-1, None)):
    """A copy of x (B, L, dim) in which some tokens' rows are other ones."""
    changed = mx.array(x)
    changed[:, last] = changed[:, last] + 1
    return changed


def _leaks(compare, change=_moved, equal=mx.array_equal):
    """A test for leaks with something wrong: what is changed, what is compared, what counts as equal."""
    def leaks(norm, x, weight):
        a, b = norm(x, weight), norm(change(x), weight)
        return not mx.array(equal(compare(a), compare(b))).item()
    return leaks


def _row_by_row(norm, x, weight):
    alone = mx.concatenate([norm(x[:, i:i + 1], weight) for i in range(x.shape[1])], axis=1)
    return not mx.array_equal(alone, norm(x, weight)).item()


def _not_reduced(norm, x, weight):
    return norm(x, weight)[:, :-1] != norm(_moved(x), weight)[:, :-1]


LEAK_SLIPS = (
    (_leaks(lambda y: y),
     "your answer is True for every norm, since you compare rows that you have changed yourself. Change the last "
     "token's row, x[:, -1], and compare the rows before it, [:, :-1]"),
    (_leaks(lambda y: y.shape, equal=lambda a, b: a == b),
     "your answer is False for every norm. Either shapes are compared, which never change, or x with itself: "
     "changed = x is a second name for the same array, and mx.array(x) makes a copy"),
    (_leaks(lambda y: y[:, 1:], change=lambda x: _moved(x, slice(0, 1))),
     "you changed the first row and looked at later ones. What comes from the past may count; change the last row, and "
     "look at the earlier ones"),
    (_leaks(lambda y: y[:, :1]), "only the first row is compared; what leaks may show in any of the earlier ones"),
    (_leaks(lambda y: y[0, :-1], change=lambda x: mx.concatenate([x[:-1], x[-1:] + 1])),
     "x[-1] is the last text of the batch; the last token of every text is x[:, -1]"),
    (_leaks(lambda y: y[:, :-1], equal=lambda a, b: mx.abs(a - b).max() < 0.1),
     "a difference below your tolerance counts as none; what leaks may be small, and without a leak the rows are "
     "equal"),
    (lambda norm, x, weight: mx.array_equal(norm(x, weight)[:, :-1], norm(_moved(x), weight)[:, :-1]).item(),
     "True and False are exchanged: True means that something leaks"),
    (_row_by_row, "that asks whether a row depends on any other one. Earlier tokens and other texts are no future"),
    (lambda norm, x, weight: norm(x, weight)[:, :-1] == norm(_moved(x), weight)[:, :-1],
     "that is one answer for each number, and True where nothing leaks; asked is one for all of them, True where "
     "something does: mx.array_equal, and not"),
    (_not_reduced, "that is one answer for each number; asked is one for all of them: .any().item()"),
)
