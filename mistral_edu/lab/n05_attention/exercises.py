"""Exercises of notebook 05: attention for any number of axes, and heads put back side by side."""
import mlx.core as mx

from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n05_attention.slips import ATTEND_SLIPS, MERGE_SLIPS


def attend(q, k, v, scale, mask):
    """softmax(q k^T * scale) v, hidden where mask is False.  q (..., L, head_dim), k and v (..., S, head_dim)."""
    scores = q @ k.swapaxes(-1, -2) * scale                           # (..., L, S)
    weights = mx.softmax(mx.where(mask, scores, -mx.inf), axis=-1)    # (..., L, S), each row adds up to 1
    return weights @ v                                                # (..., L, head_dim)


def merge(out):
    """Put the heads of each token side by side: (B, n_heads, L, head_dim) -> (B, L, n_heads * head_dim)."""
    B, n_heads, L, head_dim = out.shape
    return out.transpose(0, 2, 1, 3).reshape(B, L, n_heads * head_dim)


def _draw(*shape, seed=0):
    return mx.random.normal(shape, key=mx.random.key(seed))


def causal(L, offset=0):
    """True where a key is not later than the query: (L, offset + L)."""
    return mx.arange(offset, offset + L)[:, None] >= mx.arange(offset + L)


def coded(B, n_heads, L, head_dim):
    """Every number says where it stands: 1203 is batch 1, head 2, position 0, dim 3."""
    b, h, p, d = (mx.arange(n) for n in (B, n_heads, L, head_dim))
    return 1000 * b[:, None, None, None] + 100 * h[:, None, None] + 10 * p[:, None] + d


TOY = (mx.array([[0.0, 2.0], [1.0, 0.0], [1.0, 1.0]]), mx.array([[2.0, 0.0], [0.0, 1.0], [1.0, -1.0]]),
       mx.array([[10.0, 0.0], [0.0, 10.0], [10.0, 10.0]]))                 # q, k, v of section 5.1 and 5.2
EXERCISES = (
    Exercise(
        "5.4", minutes=6, points=3,
        cases=(
            (*TOY, 1.0, causal(3)),
            (_draw(3, 4), _draw(3, 4, seed=1), _draw(3, 4, seed=2), 0.3, causal(3)),
            (_draw(2, 3, 5, 4), _draw(2, 3, 5, 4, seed=1), _draw(2, 3, 5, 4, seed=2), 0.5, causal(5)),
            (_draw(2, 3, 2, 8), _draw(2, 3, 5, 8, seed=1), _draw(2, 3, 5, 8, seed=2), 0.3, causal(2, 3)),
            (_draw(1, 2, 3, 4), _draw(1, 2, 6, 4, seed=1), _draw(1, 2, 6, 4, seed=2), 1.5,
             mx.arange(6) % 2 == mx.array([[0], [1], [0]])),               # any mask, not only a causal one
            (1e5 * _draw(3, 4), _draw(3, 4, seed=1), _draw(3, 4, seed=2), 1.0, causal(3)),    # large scores: no -10,000
        ),
        reference=attend, slips=ATTEND_SLIPS,
        hints=(
            "Four steps: scores, scale, mask, softmax; then the weights times the values. What shape is the grid of "
            "scores, with a row for each query and a column for each key?",
            "q @ k.swapaxes(-1, -2) gives (..., L, S), whatever comes before the last two axes. Multiply by scale.",
            "mx.where(mask, scores, -mx.inf) keeps the scores where the mask is True. Softmax goes along the keys: "
            "axis=-1.",
            "return mx.softmax(mx.where(mask, scores, -mx.inf), axis=-1) @ v",
        ),
    ),
    Exercise(
        "5.5", minutes=3, points=2,
        cases=(
            (mx.array([[[[11, 12], [31, 32]], [[21, 22], [41, 42]]]]),),    # by hand: two tokens of two heads
            (coded(2, 3, 4, 4),),
            (coded(1, 4, 2, 3),),
            (coded(2, 2, 2, 2),),
        ),
        reference=merge, slips=MERGE_SLIPS,
        hints=(
            "Which axis has to come just before the last, so that the numbers of a token's heads are next to each "
            "other?",
            "transpose(0, 2, 1, 3) exchanges heads and positions: (B, L, n_heads, head_dim).",
            "Then reshape to (B, L, n_heads * head_dim), with B, n_heads, L, head_dim = out.shape.",
        ),
    ),
)
