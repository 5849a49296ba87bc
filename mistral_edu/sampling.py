"""From logits to a token: five filters, then one draw.

A filter takes logits and returns logits; what it rules out becomes -inf, which softmax turns into probability 0. All of
them work along the last axis, so on one row (V,) or on many (..., V). `sample` applies them in this order, which is
that of Hugging Face transformers; other programs use another, in which the same settings mean something else:

    repetition penalty -> temperature -> top-k -> top-p -> min-p -> draw

Of equally likely tokens, the one with the lowest id comes first, so the result never depends on how a sort breaks ties,
and top-k 1 is greedy even where two 16-bit logits tie at the top.
"""
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields

import mlx.core as mx


def sample(logits: mx.array, temperature: float = 0.0, top_k: int = 0, top_p: float = 1.0, min_p: float = 0.0,
           repetition_penalty: float = 1.0, ids: Sequence[int] | mx.array = (), seed: int | None = None,
           key: mx.array | None = None) -> mx.array:
    """Draw one token id from each row of logits. Returns int32 ids, of shape logits.shape[:-1].

    logits: (V,), or many rows (..., V).
    temperature: 0 takes the most likely token, in a tie the one with the lowest id; 1 draws as the model says;
        above 1 the choice becomes more even.
    top_k: choose among the k most likely tokens; 0 keeps all.
    top_p: choose among the fewest most likely tokens that together reach this probability; 1 keeps all.
    min_p: choose among the tokens at least this many times as likely as the likeliest; 0 keeps all.
    repetition_penalty: above 1 makes the tokens in ids less likely; 1 changes nothing.
    ids: the tokens so far, used only by the repetition penalty.
    seed: a whole number, for the same draw each time; None takes randomness from the system.
    key: from mx.random.key, instead of a seed. MLX's global random state is neither read nor changed.

    Raises ValueError if a setting is out of range.

    >>> sample(mx.array([0.0, 3.0, 1.0])).item()
    1
    >>> rows = mx.zeros((6, 3))
    >>> sample(rows, temperature=1.0, seed=0).tolist() == sample(rows, temperature=1.0, seed=0).tolist()
    True
    """
    return Sampling(temperature, top_k, top_p, min_p, repetition_penalty, seed).draw(logits, ids, key)


@dataclass(frozen=True)
class Sampling:
    """The settings of `sample` as one value, checked when it is made, so that it can be passed on and trusted.

    >>> Sampling(temperature=0.7, top_p=0.9).draw(mx.array([0.0, 9.0, 1.0])).item()
    1
    >>> Sampling(top_p=2)
    Traceback (most recent call last):
    ValueError: top_p should be above 0 and at most 1 (all tokens); got 2
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None

    def __post_init__(self):
        for name, fine, accepted in (
                ("temperature", self.temperature >= 0, "0 (the most likely token) or above"),
                ("top_k", self.top_k >= 0, "0 (all tokens) or above"),
                ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1 (all tokens)"),
                ("min_p", 0 <= self.min_p <= 1, "from 0 (all tokens) to 1"),
                ("repetition_penalty", self.repetition_penalty > 0, "above 0 (1 changes nothing)")):
            if not fine:
                raise ValueError(f"{name} should be {accepted}; got {getattr(self, name)}")
        if self.seed is not None and not (isinstance(self.seed, int) and 0 <= self.seed < 2**64):
            raise ValueError(f"seed should be a whole number from 0 to 2**64 - 1, or None; got {self.seed!r}")

    def draw(self, logits, ids=(), key=None):
        """One token id from each row of logits (..., V), int32 (...). ids, key: as in `sample`."""
        logits = logits.astype(mx.float32)                                       # (..., V)
        logits = penalize_repetition(logits, ids, self.repetition_penalty)
        if self.temperature == 0:
            return mx.argmax(logits, axis=-1).astype(mx.int32)                   # (...)
        logits = scale_by_temperature(logits, self.temperature)
        logits = keep_top_k(logits, self.top_k)
        logits = keep_top_p(logits, self.top_p)
        logits = keep_min_p(logits, self.min_p)
        return mx.random.categorical(logits, key=self.key() if key is None else key).astype(mx.int32)

    def key(self):
        """A key for MLX's random functions: always the same for the same seed, a new one each time without a seed."""
        return mx.random.key(secrets.randbits(64) if self.seed is None else self.seed)

    @classmethod
    def among(cls, settings):
        """Take the sampling settings from a dict; others, such as max_tokens, are ignored.

        >>> Sampling.among({"max_tokens": 9, "seed": 3}).seed
        3
        """
        return cls(**{name: settings[name] for name in NAMES if name in settings})


NAMES = tuple(field.name for field in fields(Sampling))
GREEDY = Sampling()


def penalize_repetition(logits, ids, penalty):
    """Make the tokens in ids less likely, each once: positive logits are divided by penalty, negative ones multiplied.

    A penalty of 1 changes nothing, above 1 it discourages. Source: Keskar et al. 2019, CTRL (arXiv:1909.05858), section
    4.1, who divide negative logits, too, which makes these tokens likelier; programs multiply them, as transformers
    does since its pull request 2303.

    >>> penalize_repetition(mx.array([2.0, -2.0, 1.0]), [0, 1, 1], 2.0).tolist()
    [1.0, -4.0, 1.0]
    """
    if penalty == 1 or len(ids) == 0:
        return logits
    seen = mx.zeros(logits.shape[-1], dtype=mx.bool_)  # (V,)
    seen[mx.array(ids)] = True
    return mx.where(seen, mx.where(logits > 0, logits / penalty, logits * penalty), logits)


def scale_by_temperature(logits, temperature):
    """Below 1 likely tokens become likelier, above 1 all become more equal.

    >>> scale_by_temperature(mx.array([0.0, 1.0]), 0.5).tolist()
    [0.0, 2.0]
    """
    return logits / temperature


def keep_top_k(logits, k):
    """Keep the k most likely tokens; k = 0 keeps all. Source: Fan et al. 2018 (arXiv:1805.04833).

    >>> keep_top_k(mx.array([1.0, 3.0, 2.0]), 2).tolist()
    [-inf, 3.0, 2.0]
    """
    if not 0 < k < logits.shape[-1]:
        return logits
    descending = -mx.sort(-logits, axis=-1)            # (..., V)
    return _keep_first(logits, descending, mx.array(k))


def keep_top_p(logits, p):
    """Keep the fewest most likely tokens whose probabilities together reach p. Source: Holtzman et al. 2020, nucleus
    sampling (arXiv:1904.09751). At least one token stays; p = 1 keeps all.

    >>> keep_top_p(mx.log(mx.array([0.5, 0.25, 0.125, 0.125])), 0.6).tolist()[2:]
    [-inf, -inf]
    """
    if p >= 1:
        return logits
    descending = -mx.sort(-logits, axis=-1)            # (..., V)
    probabilities = mx.softmax(descending, axis=-1)
    before = mx.cumsum(probabilities, axis=-1) - probabilities  # what the likelier tokens already hold
    return _keep_first(logits, descending, (before < p).sum(axis=-1, keepdims=True))


def keep_min_p(logits, p):
    """Keep the tokens at least p times as likely as the likeliest. Source: Nguyen et al. 2024 (arXiv:2407.01082).

    >>> keep_min_p(mx.log(mx.array([0.5, 0.25, 0.25])), 0.6).tolist()[1:]
    [-inf, -inf]
    """
    if p == 0:
        return logits
    smallest = logits.max(axis=-1, keepdims=True) + mx.log(mx.array(p))
    return mx.where(logits >= smallest, logits, -mx.inf)


def _keep_first(logits, descending, n):
    """Keep the n largest of each row; the others become -inf. descending: the rows, sorted; n: () or (..., 1)."""
    smallest = mx.take_along_axis(descending, mx.broadcast_to(n - 1, (*logits.shape[:-1], 1)), axis=-1)
    equal = logits == smallest
    room = n - (logits > smallest).sum(axis=-1, keepdims=True)         # for this many of the equal ones
    return mx.where((logits > smallest) | (equal & (mx.cumsum(equal, axis=-1) <= room)), logits, -mx.inf)
