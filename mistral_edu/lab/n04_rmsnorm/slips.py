"""What goes wrong in the exercises of notebook 04: (wrong function, what to tell its author) pairs."""
import math

import mlx.core as mx
import numpy as np

from mistral_edu.lab.n04_rmsnorm.norms import per_token


def _norm(axis=-1, keepdims=True, total="mean", squares=True, root=True, inside=True, eps=None, gain="times",
          center=False):
    """rms_norm with something wrong: where the mean is taken, what of, and what is done with it. eps: used in place of
    the argument."""
    def norm(x, weight, given):
        x = x - x.mean(axis=-1, keepdims=True) if center else x
        size = getattr(x * x if squares else mx.abs(x), total)(axis=axis, keepdims=keepdims)
        added = given if eps is None else eps
        size = size + added if inside else size
        size = mx.sqrt(size) if root else size
        normed = x / (size if inside else size + added)
        return {"times": weight * normed, "none": normed, "plus one": (1 + weight) * normed,
                "divides": normed / weight}[gain]
    return norm


def _multiplies(x, weight, eps):
    return weight * x * mx.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)


def _square_of_mean(x, weight, eps):
    return weight * x * mx.rsqrt(x.mean(axis=-1, keepdims=True) ** 2 + eps)


def _eps_at_the_end(x, weight, eps):
    return weight * x * mx.rsqrt((x * x).mean(axis=-1, keepdims=True)) + eps


def _of_two(x, weight, eps):
    return weight * x * mx.rsqrt((x * x).sum(axis=-1, keepdims=True) / 2 + eps)


def _of_rows(count):
    return lambda x, weight, eps: weight * x * mx.rsqrt((x * x).sum(axis=-1, keepdims=True) / count(x) + eps)


def _gain_first(x, weight, eps):
    return _norm(gain="none")(weight * x, weight, eps)


def _gain_twice(x, weight, eps):
    return weight * per_token(x, weight, eps)


def _by_deviation(x, weight, eps):
    return weight * x * mx.rsqrt(mx.var(x, axis=-1, keepdims=True) + eps)


def _rounded_down(x, weight, eps):
    return weight * (x // mx.sqrt((x * x).mean(axis=-1, keepdims=True) + eps))


def _summed_up(x, weight, eps):
    return _norm(gain="none")(x, weight, eps) @ weight


def _by_math(x, weight, eps):
    return weight * x / math.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)


def _no_power(x, weight, eps):
    return weight * x * mx.rsqrt((x ^ 2).mean(axis=-1, keepdims=True) + eps)


def _with_numpy(x, weight, eps):
    return weight * x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps)


def _root_of_row(x, weight, eps):
    return weight * mx.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)


def _loop(x, weight, eps):
    return mx.stack([weight * part * mx.rsqrt((part * part).mean() + eps) for part in x])


FAULTS = {
    "center": (dict(center=True), "you subtracted the mean: that is LayerNorm"),
    "whole": (dict(axis=None), "x.mean() of everything gives one size for all rows; each row needs its own: axis=-1"),
    "text": (dict(axis=(-2, -1)), "one mean for all rows of a text; each row needs its own: axis=-1"),
    "columns": (dict(axis=0), "axis=0 averages down the columns, over different rows; a row is averaged along the last "
                              "axis"),
    "axis -2": (dict(axis=-2), "axis=-2 averages over the tokens; a row is averaged along the last axis, -1"),
    "axis 1": (dict(axis=1), "axis=1 is the last axis only if there are two; with (B, L, dim) it runs over the "
                             "tokens. The last one is axis=-1"),
    "lost": (dict(keepdims=False), "the means lost their axis: shape (rows,) lines up with the columns; keepdims=True "
                                   "gives (rows, 1)"),
    "sum": (dict(total="sum"), "that divides by the length of the row, the root of the sum; the size is the root of "
                               "the mean"),
    "max": (dict(total="max"), "that takes the largest of the squares; take their mean"),
    "no root": (dict(root=False), "the root is missing: divide by the root of the mean square"),
    "abs": (dict(squares=False, root=False), "that is the mean of |x|; take the root of the mean of x * x"),
    "no squares": (dict(squares=False), "the squares are missing: the mean of x * x, then the root"),
    "no gain": (dict(gain="none"), "the learned weight is missing: multiply by it at the end"),
    "plus one": (dict(gain="plus one"), "1 + weight is how Gemma stores its weights; Mistral's multiply as they are"),
    "divides": (dict(gain="divides"), "the weight multiplies; yours divides by it"),
    "no eps": (dict(eps=0.0), "a row of zeros gives 0 / 0, since eps is missing"),
    "fixed": (dict(eps=1e-5), "you use a fixed 1e-5; eps is an argument"),
    "outside": (dict(inside=False), "eps is added to the mean square, before the root; yours comes after it"),
}
TOGETHER = (("whole", "no gain"), ("whole", "no eps"), ("whole", "fixed"), ("whole", "outside"), ("whole", "sum"),
            ("lost", "no gain"), ("lost", "sum"), ("sum", "no gain"),
            ("sum", "no eps"), ("sum", "fixed"), ("sum", "outside"), ("no eps", "no gain"), ("fixed", "no gain"),
            ("outside", "no gain"), ("center", "no gain"), ("center", "no eps"), ("no root", "no gain"))
LAST_AXIS = "a row has x.shape[-1] numbers; len(x), which is x.shape[0], and x.shape[1] may count texts or tokens"
NORM_SLIPS = (
    *((_norm(**options), sentence) for options, sentence in FAULTS.values()),
    (_eps_at_the_end, "eps is added to the mean square, before the root; yours is added to the result"),
    (_multiplies, "that multiplies by the size; divide by it"),
    (_square_of_mean, "that is the square of the mean; take the mean of the squares"),
    (_of_two, "right for rows of two numbers; a row has x.shape[-1] of them, and mean counts them itself"),
    (_of_rows(len), LAST_AXIS),
    (_of_rows(lambda x: x.shape[1]), LAST_AXIS),
    (_gain_first, "the weight is in the size: take the size of x alone, divide, and multiply by the weight at the end"),
    (_gain_twice, "you multiply by the weight twice; mx.fast.rms_norm has done so already"),
    (_by_deviation, "var and std subtract the mean first; the size is the root of the mean of x * x"),
    (_rounded_down, "// rounds down to whole numbers; divide with /"),
    (_summed_up, "@ multiplies and adds up; each number is multiplied by its own weight, with *"),
    (_by_math, "math.sqrt takes a single number; mx.sqrt takes an array"),
    (_no_power, "in Python ^ is no power but compares bits; a square is x**2 or x * x"),
    (_with_numpy, "numpy's mean cannot take an MLX array; use x.mean(...) or mx.mean, and mx.sqrt"),
    (_root_of_row, "that is the size itself, for each row; divide x by it"),
    (_loop, "a loop over x goes along its first axis: the rows in (L, dim), but the texts in (B, L, dim), and then all "
            "tokens of a text get one size. No loop is needed: axis=-1"),
    *((_norm(**FAULTS[one][0], **FAULTS[other][0]), f"two things: {FAULTS[one][1]}. And {FAULTS[other][1]}")
      for one, other in TOGETHER),
)


def _plus_one(x, last=slice(-1, None)):
    """A copy of x (B, L, dim) in which some tokens' rows are other ones."""
    changed = mx.array(x)
    changed[:, last] = changed[:, last] + 1
    return changed


def _last_row(change):
    """A change of the last token's row alone."""
    return lambda x: mx.concatenate([x[:, :-1], change(x[:, -1:])], axis=1)


def _leaks(compare=lambda y: y[:, :-1], change=_plus_one, equal=mx.array_equal):
    """A test for leaks with something wrong: what is changed, what is compared, what counts as equal."""
    def leaks(norm, x, weight, eps):
        a, b = norm(x, weight, eps), norm(change(x), weight, eps)
        return not mx.array(equal(compare(a), compare(b))).item()
    return leaks


def _row_by_row(norm, x, weight, eps):
    alone = mx.concatenate([norm(x[:, i:i + 1], weight, eps) for i in range(x.shape[1])], axis=1)
    return not mx.array_equal(alone, norm(x, weight, eps)).item()


def _is_another_norm(norm, x, weight, eps):
    return not mx.allclose(norm(x, weight, eps), per_token(x, weight, eps)).item()


def _asked_by_if(norm, x, weight, eps):
    return bool(norm(x, weight, eps)[:, :-1] != norm(_plus_one(x), weight, eps)[:, :-1])


LAST_TEXT = "x[-1] is the last text of the batch; the last token of every text is x[:, -1]"
ALL_ROWS = ("x * 2 changes every row, by a factor that a norm removes again, except for eps. Change only the last "
            "token's row, x[:, -1]")
UNSEEN = ("what leaks may be small, and a small change or a tolerance hides it. Add 1 or more, and ask for equality: "
          "without a leak the rows are equal to the last digit")
SIGN = "a difference can be negative: take its absolute value first, or ask mx.array_equal"
LEAK_SLIPS = (
    (_leaks(lambda y: y),
     "your answer is True for every norm, so some rows are compared that you have changed yourself. The last token's "
     "row in every text is x[:, -1] (x[-1] is the last text, x[..., -1] the last number of every row). Change that row "
     "alone, and compare those before it, [:, :-1]. Or something else is compared than two results of norm, one "
     "for x and one for the changed copy"),
    (_leaks(lambda y: y.shape, equal=lambda a, b: a == b),
     "your answer is False for every norm. It may be that changed = x, a second name for the same array (mx.array(x) "
     "makes a copy); that another norm is called than the one given; or that what is compared never changes, such as "
     "shapes"),
    (_leaks(lambda y: y[:, 1:], change=lambda x: _plus_one(x, slice(0, 1))),
     "you changed the first row and looked at later ones. What comes from the past may count; change the last row, and "
     "look at the earlier ones"),
    (_leaks(lambda y: y[:, :-2]),
     "the row just before the last is not compared; all but the last are y[:, :-1]"),
    (_leaks(lambda y: y[:, -2:-1]),
     "only the row just before the last is compared; what leaks may show in any of the earlier ones"),
    (_leaks(lambda y: y[:, :1]), "only the first row is compared; what leaks may show in any of the earlier ones"),
    (_leaks(lambda y: y[0, :-1], change=lambda x: mx.concatenate([x[:-1], x[-1:] + 1])), LAST_TEXT),
    (_leaks(lambda y: y[:-1], change=lambda x: mx.concatenate([x[:-1], x[-1:] + 1])), LAST_TEXT),
    (_leaks(equal=lambda a, b: mx.abs(a - b).max() < 0.1), UNSEEN),
    (_leaks(change=_last_row(lambda row: row + 1e-6)), UNSEEN),
    (_leaks(change=_last_row(lambda row: -row)),
     "with its sign turned, a row keeps its size, since -3 and 3 have the same square. Change the last row in another "
     "way: add 1"),
    (_leaks(change=lambda x: 2 * x, equal=mx.allclose), ALL_ROWS),
    (_leaks(equal=lambda a, b: (a - b).max() <= 0), SIGN),
    (_leaks(equal=lambda a, b: (b - a).max() <= 0), SIGN),
    (_leaks(equal=lambda a, b: a.sum() == b.sum()),
     "two sums can agree although the numbers do not; compare number by number: mx.array_equal"),
    (_is_another_norm,
     "that asks whether norm computes what RMSNorm computes. It may compute something else without a leak; call norm "
     "twice, with x and with a changed copy"),
    (lambda *given: not _leaks()(*given), "True and False are exchanged: True means that something leaks"),
    (_row_by_row, "that asks whether a row depends on any other. Earlier tokens and other texts are not the future"),
    (lambda norm, x, weight, eps: norm(x, weight, eps)[:, :-1] == norm(_plus_one(x), weight, eps)[:, :-1],
     "that is one answer for each number, and True where nothing leaks; return one for all of them, True if something "
     "does: mx.array_equal, and not"),
    (lambda norm, x, weight, eps: norm(x, weight, eps)[:, :-1] != norm(_plus_one(x), weight, eps)[:, :-1],
     "that is one answer for each number; return one for all of them: .any().item()"),
    (_asked_by_if, "an if needs one answer, and a != b has one for each number: ask (a != b).any()"),
)
