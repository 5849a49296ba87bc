"""What beginners write in place of the two answers of notebook 03, each with what to tell its author."""
import math

import mlx.core as mx

# ---- stable_softmax ----
OVERFLOW = ("e to the power of a large logit is more than a float holds, and inf / inf is NaN: subtract the largest "
            "logit of the row before mx.exp")
ROW = "each row has a largest logit of its own: max(axis=-1, keepdims=True)"
NO_POWERS = "mx.exp is missing: the powers are divided by their sum, not the logits"
CUT_OFF = "large logits cut off at one value become equal; subtracting the largest keeps their differences"
OWN_SUM = "each row is divided by a sum of its own: sum(axis=-1, keepdims=True)"


def _shares(low=lambda x: x.max(axis=-1, keepdims=True), total=lambda e: e.sum(axis=-1, keepdims=True)):
    """A softmax with something wrong: what is subtracted, by what is divided."""
    def softmax(logits):
        powers = mx.exp(logits - low(logits))
        return powers / total(powers)
    return softmax


def _nothing(x):
    return 0.0


def _by_sum(x):
    return x / x.sum(axis=-1, keepdims=True)


def _above_only(logits):
    return mx.exp(logits - logits.max(axis=-1, keepdims=True)) / mx.exp(logits).sum(axis=-1, keepdims=True)


def _python_exp(logits):
    return math.exp(logits - logits.max(axis=-1, keepdims=True))


def _after_the_powers(logits):
    powers = mx.exp(logits)
    powers = powers - powers.max(axis=-1, keepdims=True)
    return powers / powers.sum(axis=-1, keepdims=True)


SOFTMAX = (
    (_python_exp, "math.exp takes a single number; mx.exp takes a whole array"),
    (_after_the_powers, "subtract before the powers are taken: afterwards they have overflowed already"),
    (_shares(_nothing), OVERFLOW),
    (_shares(_nothing, lambda e: e.sum()), f"two things: {OWN_SUM}; and {OVERFLOW}"),
    (_shares(_nothing, lambda e: e.sum(axis=-1)), f"two things: keepdims=True is missing in the sum; and {OVERFLOW}"),
    (_shares(total=lambda e: e.sum()), f"the shares of all rows together add up to 1; {OWN_SUM}"),
    (_shares(lambda x: x.max()),
     f"nothing is left of a row far below the largest of all logits, and 0 / 0 is NaN; {ROW}"),
    (_shares(lambda x: x.max(), lambda e: e.sum()), f"two things: {ROW}; and {OWN_SUM}"),
    (_shares(lambda x: x.max(axis=-1)),
     "without keepdims=True the maxima are a row, not a column, and are subtracted from the wrong logits"),
    (_shares(total=lambda e: e.sum(axis=-1)),
     "without keepdims=True the sums are a row, not a column: logits are divided by the wrong ones, or do not fit"),
    (_shares(lambda x: x.max(axis=-1), lambda e: e.sum(axis=-1)),
     "keepdims=True is missing in both, the maximum and the sum: they have to be columns"),
    (_shares(lambda x: x.max(axis=0, keepdims=True), lambda e: e.sum(axis=0, keepdims=True)),
     "that goes down the first axis; the logits of one forecast lie along the last, axis=-1"),
    (_shares(lambda x: x.max(axis=0, keepdims=True)), f"the maximum goes down the first axis; {ROW}"),
    (_shares(lambda x: x.mean(axis=-1, keepdims=True)),
     "what you subtract is not the largest logit of the row; one that lies far above it still overflows"),
    (_shares(lambda x: -x.max(axis=-1, keepdims=True)), "the largest logit was added; it has to be subtracted"),
    (lambda x: _shares(_nothing)(x / x.max(axis=-1, keepdims=True)),
     "you divided by the largest logit; that changes the shares. Subtracting it does not"),
    (_above_only, "the maximum is subtracted above the line only: the sum has to be that of the same powers"),
    (_shares(total=lambda e: e.max(axis=-1, keepdims=True)),
     "the largest share of a row comes out as 1: divide by the sum of the row's powers"),
    (_shares(total=lambda e: e.sum(axis=0, keepdims=True)), f"the sum goes down the first axis; {OWN_SUM}"),
    (_shares(lambda x: x.max(axis=1, keepdims=True), lambda e: e.sum(axis=1, keepdims=True)),
     "one forecast alone has a single axis: axis=-1 is the last one, however many there are"),
    (_shares(_nothing, lambda e: e.sum(axis=-1, keepdims=True) + 1e-9),
     f"a small number added to the sum does not help: {OVERFLOW}"),
    (mx.exp, "these are the powers; each has to be divided by the sum of its row"),
    (_by_sum, NO_POWERS),
    (lambda x: _by_sum(x - x.max(axis=-1, keepdims=True)), NO_POWERS),
    (lambda x: _shares()(-x), "the signs are reversed, so the smallest logit gets the largest share"),
    (lambda x: x - mx.logsumexp(x, axis=-1, keepdims=True),
     "these are the logarithms of the shares; mx.exp is missing"),
    (lambda x: _shares(_nothing)(mx.minimum(x, 80.0)), CUT_OFF),
    (lambda x: _shares(_nothing)(mx.clip(x, -80, 80)), CUT_OFF),
    (lambda x: mx.nan_to_num(_shares(_nothing)(x)), f"0 in place of NaN hides it, and the row is lost: {OVERFLOW}"),
)

# ---- cross_entropy ----
SHIFT = "row t is the forecast for token t + 1: logits[:-1] belong to ids[1:]"
LOG_OF_0 = ("a share can be so small that a float holds 0 in its place, and the logarithm of 0 is -inf: take "
            "mx.logsumexp of the row minus the logit")
SMALL = (1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6)
CAPPED = "a small number inside the logarithm caps every cost: take mx.logsumexp of the row minus the logit"
MINUS = "a loss is not below 0: the minus before the logarithm is missing"


def _pairs(shift):
    """Which rows meet which tokens: rows of the logits, and the tokens they are compared with."""
    return {"right": lambda logits, ids: (logits[:-1], ids[1:]),
            "none": lambda logits, ids: (logits, ids),
            "cut": lambda logits, ids: (logits[:-1], ids[:-1]),
            "back": lambda logits, ids: (logits[1:], ids[:-1]),
            "round": lambda logits, ids: (logits, mx.concatenate([ids[1:], ids[:1]])),
            "last": lambda logits, ids: (logits[1:], ids[1:])}[shift]


def _cost(rows, targets, axis=-1):
    return mx.logsumexp(rows, axis=axis) - mx.take_along_axis(rows, targets[:, None], axis=-1)[:, 0]


def _loss(shift="right", cost=_cost, end=lambda costs: costs.mean()):
    """A loss with something wrong: which row meets which token, what a token costs, how the costs are put together."""
    def loss(logits, ids):
        return end(cost(*_pairs(shift)(logits, ids)))
    return loss


def _shares_of(rows, targets):
    return mx.take_along_axis(mx.softmax(rows, axis=-1), targets[:, None], axis=-1)[:, 0]


def _log_of_share(rows, targets):
    return -mx.log(_shares_of(rows, targets))


def _capped(small):
    """Two ways to keep the logarithm of 0 away."""
    yield lambda rows, targets: -mx.log(_shares_of(rows, targets) + small)
    yield lambda rows, targets: -mx.log(mx.maximum(_shares_of(rows, targets), small))


def _without_column(rows, targets):
    return mx.logsumexp(rows, axis=-1) - mx.take_along_axis(rows, targets, axis=-1)


def _whole_table(logits, ids):
    rows = logits[:-1]
    return (mx.logsumexp(rows, axis=-1, keepdims=True) - rows).mean()


def _all_pairs(logits, ids):
    """A row minus a column: every row meets every token, and the mean of all differences is the same."""
    rows, targets = logits[:-1], ids[1:]
    return (mx.logsumexp(rows, axis=-1) - mx.take_along_axis(rows, targets[:, None], axis=-1)).mean()


def _one_by_one(logits, ids):
    """A loop over the positions, with Python's logarithm, which refuses 0."""
    shares = mx.softmax(logits, axis=-1).tolist()
    return -sum(math.log(shares[t][ids[t + 1].item()]) for t in range(len(shares) - 1)) / (len(shares) - 1)


def _sum(costs):
    return costs.sum()


def _negative(costs):
    return -costs.mean()


NO_SHIFT = {"none": f"each row is compared with the token that was just read, not with the next; {SHIFT}",
            "cut": f"rows and tokens are cut alike, so each row still meets the token that was just read; {SHIFT}",
            "last": f"each row still meets the token that was just read, without the first; {SHIFT}",
            "back": f"shifted the wrong way: each row meets the token before; {SHIFT}",
            "round": "the last row has no token to be compared with: you took the first one in its place"}
LOSS = (
    *((_loss(shift), sentence) for shift, sentence in NO_SHIFT.items()),
    (_loss(cost=_log_of_share), LOG_OF_0),
    *((_loss(shift, _log_of_share), f"two things: {sentence}; and {LOG_OF_0}") for shift, sentence in NO_SHIFT.items()),
    (_one_by_one, LOG_OF_0),
    *((_loss(cost=capped), CAPPED) for small in SMALL for capped in _capped(small)),
    (_loss(end=_negative), MINUS),
    (_loss(cost=_log_of_share, end=_negative), f"two things: {MINUS}; and {LOG_OF_0}"),
    *((_loss(shift, end=_negative), f"two things: {NO_SHIFT[shift]}; and {MINUS}")
      for shift in ("none", "cut", "back")),
    (_loss(cost=_shares_of), "that is the mean of the probabilities; a token costs -ln of its probability"),
    (_loss("none", _shares_of), f"two things: a token costs -ln of its probability; and {SHIFT}"),
    (_loss(cost=_shares_of, end=lambda shares: -mx.log(shares.mean())),
     "the mean was taken before the logarithm: first -ln of each probability, then the mean"),
    (_loss(end=_sum), "that is the sum over the text; the loss is the mean per token"),
    (_loss(cost=_log_of_share, end=_sum), f"two things: the loss is the mean, not the sum; and {LOG_OF_0}"),
    (_loss("none", end=_sum), f"two things: the loss is the mean, not the sum; and {SHIFT}"),
    (_loss(end=lambda costs: costs.sum() / (costs.size + 1)),
     "divided by L: the first token has no forecast, so there are L - 1 costs"),
    (_all_pairs, "right by luck: a row minus a column is a table of (L - 1, L - 1), in which every row meets every "
                 "token, and only its mean is the same; [:, 0] turns the column into a row"),
    (_loss(cost=_without_column), "mx.take_along_axis wants the tokens as a column: targets[:, None]"),
    (_loss(end=lambda costs: costs[:, None]),
     "these are the costs of the single tokens, as a column; the loss is their mean"),
    (_loss(end=lambda costs: costs), "these are the costs of the single tokens; the loss is their mean"),
    (_loss("none", end=lambda costs: costs), f"two things: the loss is the mean of these costs; and {SHIFT}"),
    (_loss(end=lambda costs: mx.exp(costs.mean())), "that is the perplexity; the loss is its logarithm"),
    (_loss(end=lambda costs: costs.mean() / mx.log(mx.array(2.0))),
     "that is in bits: here the logarithm is ln, mx.log"),
    (_loss(cost=lambda rows, targets: -mx.take_along_axis(rows, targets[:, None], axis=-1)[:, 0]),
     "a logit is not yet the logarithm of a probability: mx.logsumexp of its row is missing"),
    (_whole_table, "the mean goes over all tokens of the vocabulary; only the one that came counts in each row"),
    (_loss(cost=lambda rows, targets: mx.logsumexp(rows) - mx.take_along_axis(rows, targets[:, None], axis=-1)[:, 0]),
     "mx.logsumexp went over all rows at once: axis=-1 gives one number for each row"),
    (_loss(cost=lambda rows, targets: -mx.log(mx.take_along_axis(mx.softmax(rows), targets[:, None], axis=-1))),
     "mx.softmax went over all rows at once: axis=-1 makes the shares of each row"),
    (lambda logits, ids: _cost(logits[:-1], ids[1:], axis=0).mean(),
     "mx.logsumexp went down the rows: the logits of one forecast lie along the last axis, axis=-1"),
    (_loss(cost=lambda rows, targets: mx.logsumexp(rows, axis=-1) - rows[:, targets]),
     "rows[:, targets] takes all these tokens from every row, a grid; mx.take_along_axis picks one from each"),
    (_loss(cost=lambda rows, targets: mx.logsumexp(rows, axis=-1) - rows[targets]),
     "rows[targets] picks whole rows; mx.take_along_axis picks one number from each row"),
)
