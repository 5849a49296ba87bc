"""What goes wrong in the exercises of notebook 05: (wrong function, what to tell its author) pairs."""
from itertools import product

import mlx.core as mx

TURNED = "the keys' last two axes have to change places: k.swapaxes(-1, -2), so that each query meets each key"


def _scores(q, k, scale, kind="given"):
    """The grid of scores, (..., L, S), with the scale used in one of several ways."""
    scores = q @ k.swapaxes(-1, -2)
    return {"given": lambda: scores * scale, "none": lambda: scores, "divides": lambda: scores / scale,
            "root": lambda: scores / scale ** 0.5,
            "own": lambda: scores * q.shape[-1] ** -0.5, "by head_dim": lambda: scores / q.shape[-1],
            "both": lambda: scores * scale * q.shape[-1] ** -0.5}[kind]()


def _hidden(scores, mask, kind="right"):
    """The scores after the mask, used in one of several ways; kind: its name, or what stands for a hidden score."""
    if not isinstance(kind, str):
        return mx.where(mask, scores, kind)
    own = mx.arange(mask.shape[0])[:, None] + mask.shape[1] - mask.shape[0]      # positions of the queries
    return {"right": lambda: mx.where(mask, scores, -mx.inf), "none": lambda: scores,
            "inverted": lambda: mx.where(mask, -mx.inf, scores), "zero": lambda: mx.where(mask, scores, 0.0),
            "added": lambda: scores + mask, "times inf": lambda: scores + (1 - mask) * -mx.inf,
            "strict": lambda: mx.where(mask & (own != mx.arange(mask.shape[1])), scores, -mx.inf),
            "tril": lambda: mx.where(mx.tril(mx.ones(scores.shape[-2:])) == 1, scores, -mx.inf)}[kind]()


def _attend(scale="given", mask="right", axis=-1, after=None):
    """attend with something wrong: what is done with the scale, with the mask, and where softmax goes."""
    def attend(q, k, v, scale_given, seen):
        scores = _hidden(_scores(q, k, scale_given, scale), seen, mask)
        weights = mx.softmax(scores, axis=axis) if axis is not None else mx.softmax(scores)
        return (weights if after is None else after(weights, seen, scale_given)) @ v
    return attend


def _shared_anew(weights, mask, scale):
    seen = weights * mask
    return seen / seen.sum(axis=-1, keepdims=True)


def _not_turned(q, k, v, scale, mask):
    return mx.softmax(mx.where(mask, q @ k * scale, -mx.inf), axis=-1) @ v


def _all_turned(q, k, v, scale, mask):
    return mx.softmax(mx.where(mask, q @ k.T * scale, -mx.inf), axis=-1) @ v


def _four_axes(q, k, v, scale, mask):
    return mx.softmax(mx.where(mask, q @ k.swapaxes(2, 3) * scale, -mx.inf), axis=-1) @ v


def _four_axes_by_transpose(q, k, v, scale, mask):
    return mx.softmax(mx.where(mask, q @ k.transpose(0, 1, 3, 2) * scale, -mx.inf), axis=-1) @ v


def _weights_alone(q, k, v, scale, mask):
    return mx.softmax(_hidden(_scores(q, k, scale), mask), axis=-1)


def _no_softmax(q, k, v, scale, mask):
    return mx.where(mask, _scores(q, k, scale), 0.0) @ v


def _minus_inf_without_softmax(q, k, v, scale, mask):
    return _hidden(_scores(q, k, scale), mask) @ v


def _keys_ask(q, k, v, scale, mask):
    return mx.softmax(mx.where(mask, k @ q.swapaxes(-1, -2) * scale, -mx.inf), axis=-1) @ v


def _values_first(q, k, v, scale, mask):
    return v @ mx.softmax(_hidden(_scores(q, k, scale), mask), axis=-1)


def _powers_by_hand(q, k, v, scale, mask):
    powers = mx.exp(_scores(q, k, scale)) * mask
    return powers / powers.sum(axis=-1, keepdims=True) @ v


def _of_keys(q, k, v, scale, mask):
    return mx.softmax(_hidden(_scores(q, k, scale), mask), axis=-1) @ k


OWN_SCALE = "you made a scale of your own from head_dim; use the one that is given"
SCALES = {"none": "the scale is missing: multiply the scores by it, before softmax", "own": OWN_SCALE}
MASKS = {"none": "the mask is not used: where it is False the score becomes -mx.inf",
         "inverted": "the mask is the wrong way round: True means may look, so keep the score there, and put "
                     "-mx.inf elsewhere",
         "added": "True counts as 1 when it is added, so nothing is hidden: use mx.where(mask, scores, -mx.inf)"}
AXES = {-2: "softmax runs down the columns, over the queries; the weights of one query lie along a row, over the keys: "
            "axis=-1",
        None: "without an axis mx.softmax goes over the whole array, and all weights together add up to 1; each row "
              "needs its own: axis=-1"}


def _combined():
    """One thing wrong, or two, or three: of the scale, the mask, the axis."""
    for scale, mask, axis in product(("given", *SCALES), ("right", *MASKS), (-1, *AXES)):
        wrong = [text for text in (SCALES.get(scale), MASKS.get(mask), AXES.get(axis)) if text]
        if wrong:
            count = ("", "", "two things: ", "three things: ")[len(wrong)]
            yield _attend(scale, mask, axis), count + ". And ".join(wrong)


ATTEND_SLIPS = (
    *_combined(),
    (_attend(mask="zero"), "a score of 0 is not hidden, since e^0 = 1; what is hidden has the score -mx.inf"),
    (_attend(mask="times inf"), "0 times infinity is NaN, and it spreads to the whole row; mx.where(mask, scores, "
                                "-mx.inf) computes no such product"),
    (_attend(mask="strict"), "a token may look at itself; your rows leave out its own key, so the first one has none "
                             "at all: softmax of -inf alone is NaN"),
    (_attend(mask="tril"), "you made a causal mask of your own, whose first query sits at position 0; use the one that "
                           "is given"),
    (_attend(after=lambda weights, mask, scale: weights * mask, mask="none"),
     "a mask after softmax leaves rows that do not add up to 1; hide the scores before it"),
    (_attend(scale="divides"), "that divides by the scale; multiply by it"),
    (_attend(scale="root"),
     "that divides by the root of the scale; the root is in it already: multiply by it as it is"),
    (_attend(axis=1), "counted from the front, axis 1 holds the heads as soon as there are texts and heads; the keys "
                      "are the last axis: axis=-1"),
    (lambda q, k, v, scale, mask: _attend()(q, k, v.swapaxes(-1, -2), scale, mask),
     "the values stay as they are: a row of weights, one for each token, times the rows of v"),
    (lambda q, k, v, scale, mask: mx.softmax(mx.where(mask, (q * k).sum(axis=-1) * scale, -mx.inf), axis=-1) @ v,
     "q * k multiplies each query with the key at its own position only; every query meets every key: q @ "
     "k.swapaxes(-1, -2)"),
    (_attend(scale="by head_dim"), f"{OWN_SCALE}. (And it would be the root of head_dim)"),
    (_attend(scale="both"), "the scale is used twice: what is given is 1 / sqrt(head_dim) already, where it should be"),
    (_attend(scale="none", after=lambda weights, mask, scale: weights * scale),
     "the scale comes after softmax; it belongs to the scores, before"),
    (_not_turned, TURNED),
    (_all_turned, "k.T reverses all axes, heads and texts, too; exchange only the last two: k.swapaxes(-1, -2)"),
    (_four_axes, "that counts on four axes; counted from the end, (-1, -2), it is right for any number"),
    (_four_axes_by_transpose, "that counts on four axes; k.swapaxes(-1, -2) is right for any number"),
    (_weights_alone, "those are the weights; multiplied with v they give the result"),
    (_no_softmax, "softmax is missing: scores are not weights yet"),
    (_minus_inf_without_softmax, "softmax is missing: it makes weights of the scores, and 0 of -inf"),
    (_keys_ask, "queries and keys are exchanged: a row of the grid belongs to a query, q @ k.swapaxes(-1, -2)"),
    (_powers_by_hand, "e to a large score is too large a number for 32 bits (03); mx.softmax subtracts the largest "
                      "score first, and needs -mx.inf in place of what is hidden"),
    *((_attend(mask=low), "such a number hides nothing where the other scores are lower still; -mx.inf always hides")
      for low in (-100.0, -1000.0, -10_000.0)),
    (_attend(mask="none", after=_shared_anew),
     "you hide keys after softmax: where a hidden key took all of the weight, nothing is left to share out; hide its "
     "score before softmax"),
    (_attend(axis=0), "softmax runs down the first axis, over texts or queries; the weights of one query lie along a "
                      "row, over the keys: axis=-1"),
    (_values_first, "the product is the wrong way round: a row of weights belongs to a query, so weights @ v"),
    (_of_keys, "the weights are for the values, not for the keys: @ v"),
)


def _shaped(out, *axes):
    """out with its axes in another order, then in the shape of the merged heads."""
    B, n_heads, L, head_dim = out.shape
    return (out.transpose(*axes) if axes else out).reshape(B, L, n_heads * head_dim)


def _named_in_another_order(out):
    B, L, n_heads, head_dim = out.shape
    return out.transpose(0, 2, 1, 3).reshape(B, L, n_heads * head_dim)


def _named_for_a_reshape_alone(out):
    B, L, n_heads, head_dim = out.shape
    return out.reshape(B, L, n_heads * head_dim)


def _side_by_side(out, heads):
    return mx.concatenate([out[:, h] for h in heads(out.shape[1])], axis=-1)


NAMED = "out comes as (B, n_heads, L, head_dim): yours takes axis 1 for the positions and axis 2 for the heads"
MERGE_SLIPS = (
    (lambda out: _shaped(out), "the transpose is missing: reshape cuts the numbers in the order in which they lie, "
                               "so a row gets several tokens of one head. Exchange heads and positions first"),
    (lambda out: _shaped(out, 0, 2, 3, 1), "the numbers of the heads alternate; each head's stay together: "
                                           "transpose(0, 2, 1, 3)"),
    (lambda out: _shaped(out, 0, 3, 1, 2), "head_dim has to stay last: transpose(0, 2, 1, 3)"),
    (lambda out: _shaped(out, 0, 3, 2, 1), "head_dim has to stay last: transpose(0, 2, 1, 3)"),
    (lambda out: _shaped(out, 0, 1, 3, 2), "that exchanges positions and head_dim; exchange heads and positions: "
                                           "transpose(0, 2, 1, 3)"),
    (lambda out: out.transpose(0, 2, 1, 3),
     "the axes are right, but the reshape is missing: (B, L, n_heads * head_dim)"),
    (lambda out: out.transpose(0, 2, 1, 3).reshape(-1, out.shape[1] * out.shape[3]),
     "the texts have run together: keep B and L apart"),
    (lambda out: out.transpose(1, 2, 0, 3).reshape(out.shape[0], out.shape[2], -1),
     "texts and heads are exchanged; the axes are 0 text, 1 head, 2 position, 3 dim: transpose(0, 2, 1, 3)"),
    (_named_in_another_order, NAMED), (_named_for_a_reshape_alone, NAMED),
    (lambda out: out.T.reshape(out.shape[0], out.shape[2], -1), "out.T turns all four axes round; exchange heads and "
                                                               "positions alone: transpose(0, 2, 1, 3)"),
    (lambda out: out.flatten(), "that makes one long row of everything; each text keeps its rows, one for each token"),
    (lambda out: out.sum(axis=1), "that adds up the heads; they belong side by side"),
    (lambda out: out.mean(axis=1), "that is the mean of the heads; they belong side by side"),
    (lambda out: out[:, 0], "that is the first head alone"),
    (lambda out: _side_by_side(out, lambda n: reversed(range(n))), "the heads are in reverse order"),
    (lambda out: mx.concatenate([out[:, h] for h in range(out.shape[1])], axis=1),
     "the heads are one below the other, as if they were tokens; side by side is axis=-1"),
)
