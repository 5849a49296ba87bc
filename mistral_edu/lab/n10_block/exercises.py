"""Exercises of notebook 10: the block, and the head that tells each place whose it is."""
from functools import lru_cache

import mlx.core as mx

from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n10_block import quiz
from mistral_edu.lab.n10_block.slips import BLOCK_SLIPS, HEAD_SLIPS
from mistral_edu.language import _


def block(x, norm_1, attn, norm_2, mlp, at_once=False):
    """One block: each part reads a normed copy of the stream x (..., dim), and adds its result to it -> as x."""
    after = x + attn(norm_1(x))
    return after + mlp(norm_2(x if at_once else after))


def without_binding_head(places_right):
    """How many of 8 places are right when the head is silent that binds places to things."""
    return fewest_right(places_right)


@lru_cache
def fewest_right(places_right):
    """The fewest places that are right with one of the 64 heads silent: measured, a few seconds the first time."""
    return min(places_right(heads=[(layer, head)]) for layer in range(8) for head in range(8))


def size_one(x):
    return x * mx.rsqrt((x * x).mean(axis=-1, keepdims=True))


def _gained(*gains):
    return lambda x: mx.array(gains) * size_one(x)


def exchanged(x):
    """An attention for the page: it returns a row's numbers in the opposite order."""
    return x[..., ::-1]


def mean_so_far(x):
    """An attention that gives each token the mean of all rows up to it."""
    return mx.cumsum(x, axis=-2) / mx.arange(1, x.shape[-2] + 1)[:, None]


def doubled(x):
    return 2 * x


def _draw(*shape, seed=0):
    return mx.random.normal(shape, key=mx.random.key(seed))


class PlacesRight:
    """places_right with a name that is readable when the checker shows what it called a function with.

    points: for each right place. With other points, a number that was only written down gives itself away.
    """

    def __init__(self, points=1):
        self.points = points

    def __call__(self, *, heads=(), feed_forwards=()):
        right = quiz.places_right(heads=heads, feed_forwards=feed_forwards)
        if (silent := len(heads) + len(feed_forwards)) > 1:         # some two heads cost as much as the one
            raise ValueError(_("you silenced {n} parts; name one head", n=silent))
        return self.points * right

    def __repr__(self):
        return "the test of 8 questions" + f", {self.points} points each" * (self.points > 1)


TESTS = PlacesRight(), PlacesRight(points=10)


EXERCISES = (
    Exercise(
        "10.1", minutes=5, points=2,
        cases=(
            (mx.array([3.0, 4.0]), size_one, exchanged, size_one, doubled),           # by hand on the page
            (_draw(3, 4), _gained(1, 2, 3, 4), mean_so_far, _gained(2, 1, 0.5, 1), mx.square),
            (_draw(2, 3, 4, seed=1), _gained(1, 2, 1, 2), mean_so_far, _gained(3, 1, 2, 1), mx.sin),
            (mx.array([3.0, 4.0]), size_one, exchanged, size_one, doubled, True),     # by hand on the page
            (_draw(3, 4), _gained(1, 2, 3, 4), mean_so_far, _gained(2, 1, 0.5, 1), mx.square, True),
        ),
        reference=block, slips=BLOCK_SLIPS,
        hints=(
            "Go along the numbers by hand: what does the attention read, and to what is its result added?",
            "After the first half the stream is x + attn(norm_1(x)). Give it a name other than x: the second half "
            "starts from it, but at_once the feed-forward still reads the first x.",
            "after = x + attn(norm_1(x)) is the first half. The second adds mlp(norm_2(...)) to it, which reads after "
            "or, at once, x.",
        ),
    ),
    Exercise(
        "10.6", minutes=4, points=2,
        cases=tuple((test,) for test in TESTS),
        reference=without_binding_head,
        slips=(*HEAD_SLIPS, (lambda places_right: fewest_right(TESTS[0]), "that is the number itself; return what "
                             "places_right says about the head that you mean")),
        hints=(
            "On the map above, the answer leaves the rows of the things between two numbers of layers. After 2 "
            "layers means that the layers 0 and 1 have run. So in which layer does it move?",
            "It moves from a thing, \"ball\" (3), to the \"the\" before its place (6). Attention fetches: so the head "
            "you look for is one in which token 6 looks at token 3, and 13 at 10.",
            "Set the sliders of section 10.5 to that layer, let token 6 or 13 look, and try its 8 heads. Or let the "
            "numbers tell: run.pattern[:, :, 13, 10] has 8 rows, one for each layer, with a weight for each head.",
        ),
    ),
)
