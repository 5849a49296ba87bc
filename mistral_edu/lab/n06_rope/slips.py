"""What goes wrong in the exercise of notebook 06: (wrong function, what to tell its author) pairs."""
import math

import mlx.core as mx


def _rotate(exponent=lambda i, d: -2 * i / d, first_position=0, with_offset=True, along=-2, unit=1.0, sign=1,
            pairs="halves", given_theta=True, turn=None, to_angle=False):
    """rotate with something wrong: the frequencies, the positions, the pairs, or the formula of the turn."""
    def rotate(x, offset, theta):
        half = x.shape[-1] // 2
        theta = theta if given_theta else 10000.0
        frequencies = mx.array([theta ** exponent(i, x.shape[-1]) for i in range(half)])
        positions = first_position + mx.arange(x.shape[along]) + (offset if with_offset and not to_angle else 0)
        angles = positions[:, None] * frequencies * unit + (offset if to_angle else 0)
        cos, sin = mx.cos(angles), sign * mx.sin(angles)
        a, b = (x[..., 0::2], x[..., 1::2]) if pairs.startswith("neighbours") else (x[..., :half], x[..., half:])
        turned = (turn or (lambda a, b, cos, sin: (a * cos - b * sin, b * cos + a * sin)))(a, b, cos, sin)
        if pairs in ("neighbours", "halves, put together as neighbours"):
            return mx.stack(turned, axis=-1).reshape(x.shape)
        return mx.concatenate(turned, axis=-1)
    return rotate


def _turned(x, angles):
    """The pairs of x turned by these angles, right or wrong."""
    half = x.shape[-1] // 2
    cos, sin, first, second = mx.cos(angles), mx.sin(angles), x[..., :half], x[..., half:]
    return mx.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def _one_angle_a_row(x, offset, theta):
    """Every position turns by its number in radians, whatever the pair."""
    return _turned(x, (offset + mx.arange(x.shape[-2]))[:, None])


def _positions_as_row(x, offset, theta):
    half = x.shape[-1] // 2
    angles = (offset + mx.arange(x.shape[-2])) * mx.array([theta ** (-i / half) for i in range(half)])
    return _turned(x, angles)


def _to_L(x, offset, theta):
    """The positions run from offset to L, not to offset + L: too few once offset is above 0."""
    half = x.shape[-1] // 2
    angles = mx.arange(offset, x.shape[-2])[:, None] * mx.array([theta ** (-i / half) for i in range(half)])
    return _turned(x, angles)


def _joined(join):
    """rotate with its halves joined in another way."""
    def rotate(x, offset, theta):
        whole, half = _rotate()(x, offset, theta), x.shape[-1] // 2
        return join([whole[..., :half], whole[..., half:]])
    return rotate


def _frequencies_of_the_page(x, offset, theta):
    """With those of section 6.3, which belong to a width of 32 and to theta 10,000."""
    frequencies = mx.array([10000.0 ** (-2 * i / 32) for i in range(16)])
    return _turned(x, (offset + mx.arange(x.shape[-2]))[:, None] * frequencies)


def _frequency_for_every_number(x, offset, theta):
    frequencies = mx.array([theta ** (-2 * i / x.shape[-1]) for i in range(x.shape[-1])])
    return _turned(x, (offset + mx.arange(x.shape[-2]))[:, None] * frequencies)


def _cos_of_one_number(x, offset, theta):
    half = x.shape[-1] // 2
    angles = (offset + mx.arange(x.shape[-2]))[:, None] * mx.array([theta ** (-i / half) for i in range(half)])
    return x * math.cos(angles)


def _all_at_offset(x, offset, theta):
    return _rotate(along=-2)(mx.expand_dims(x, -2), offset, theta).squeeze(-2)


PAIRS = ("your pairs are neighbours, 0 with 1 and 2 with 3; here number i goes with number i + head_dim/2. It is the "
         "other of two layouts: section 6.8")
OFFSET = "offset is not used: the first row is at position offset, not at 0"
FROM_ONE = "your positions are one too large: the first row is at offset itself"
SIGN = ("you turn the other way: the second number gets + first * sin, the first one - second * sin. It is another "
        "convention, with which tiny was not trained (section 6.8)")
HALF_SPEED = ("the exponent is -2 i / head_dim: yours lacks the 2, so that the clocks end at the root of 1/theta "
              "instead of near 1/theta")
TWICE = "the exponent is -2 i / head_dim, and head_dim is the width of x, not of one of its halves"
ROTATE_SLIPS = (
    (_rotate(pairs="neighbours"), PAIRS),
    (_rotate(pairs="neighbours, put together as halves"),
     "you take neighbours, x[..., 0::2] and x[..., 1::2], and put them together as halves, so the numbers change "
     "places. Take the halves, x[..., :half] and x[..., half:]"),
    (_rotate(pairs="halves, put together as neighbours"),
     "you take the halves, and put them together as neighbours: mx.stack has interleaved them again. Join them with "
     "mx.concatenate([...], axis=-1)"),
    (lambda x, offset, theta: x, "x comes back as it was: what you computed is not returned, or all angles are 0"),
    (_joined(lambda halves: mx.concatenate(halves)),
     "mx.concatenate puts the halves one below the other; side by side is axis=-1"),
    (_joined(lambda halves: mx.stack(halves, axis=-1)),
     "mx.stack makes a new axis; mx.concatenate([...], axis=-1) puts the halves side by side"),
    (_joined(mx.stack), "mx.stack makes a new axis; mx.concatenate([...], axis=-1) puts the halves side by side"),
    (_rotate(sign=-1), SIGN),
    (_rotate(first_position=1), FROM_ONE),
    (_rotate(with_offset=False), OFFSET),
    (_rotate(with_offset=False, first_position=1), f"two things: your positions start at 1, not at 0. And {OFFSET}"),
    (_rotate(to_angle=True), "offset is added to the angle; it belongs to the position, before the frequency is "
                             "multiplied"),
    (_to_L, "mx.arange(offset, L) ends before L; the last of the L rows is at offset + L - 1"),
    (_all_at_offset, "all rows are turned by the same angle, that of position offset; row n is at offset + n"),
    (_rotate(exponent=lambda i, d: -i / d), HALF_SPEED),
    (_rotate(exponent=lambda i, d: -4 * i / d), TWICE),
    (_rotate(exponent=lambda i, d: 2 * i / d), "the exponent is negative: clock 0 is the fastest, others are slower"),
    (_rotate(exponent=lambda i, d: -2 * (i + 1) / d), "clocks are counted from 0, and the frequency of clock 0 is 1; "
                                                      "yours start with the next one"),
    (_one_angle_a_row, "every pair turns with the same frequency, 1; pair i turns by theta ** (-2 * i / head_dim) per "
                       "position"),
    (_rotate(given_theta=False), "theta is an argument; yours is always 10000"),
    (_rotate(unit=math.pi / 180), "angles are in radians already: cos and sin of MLX take them as they are"),
    (_rotate(unit=180 / math.pi), "cos and sin of MLX take radians; yours get degrees"),
    (_rotate(along=0), "positions run along the second axis from the end, x.shape[-2]; yours run along the first"),
    (_rotate(along=1), "positions run along the second axis from the end, x.shape[-2], whatever comes before it"),
    (_rotate(along=-1), "positions run along x.shape[-2], one per row; x.shape[-1] is the width of a row"),
    (_frequencies_of_the_page, "those are the frequencies of the page, for a width of 32 and theta 10,000; yours have "
                               "to come from the width of x and from theta"),
    (_rotate(exponent=lambda i, d: -2 * i / 32),
     "your exponent divides by 32, the head_dim of the page; here it is the width of x, x.shape[-1]"),
    (_frequency_for_every_number, "you have as many frequencies as numbers; a pair has one, so there are head_dim/2"),
    (_cos_of_one_number, "the module math takes single numbers; mx.cos and mx.sin take whole arrays"),
    (_positions_as_row, "positions have to be a column, positions[:, None], so that every position meets every "
                        "frequency"),
    (_rotate(turn=lambda a, b, cos, sin: (a * cos - b * sin, b * cos - a * sin)),
     "the second number gets + first * sin: only one of the two signs is a minus"),
    (_rotate(turn=lambda a, b, cos, sin: (a * cos + b * sin, b * cos + a * sin)),
     "the first number gets - second * sin: one of the two signs is a minus"),
    (_rotate(turn=lambda a, b, cos, sin: (a * sin - b * cos, b * sin + a * cos)), "cos and sin have changed places"),
    (_rotate(turn=lambda a, b, cos, sin: (b * cos + a * sin, a * cos - b * sin)),
     "the two halves have changed places: first * cos - second * sin comes first"),
    (_rotate(turn=lambda a, b, cos, sin: (a * cos, b * sin)),
     "each of the two new numbers is made of both old ones, as in section 6.2"),
    (_rotate(turn=lambda a, b, cos, sin: (a * cos - b * sin, b * cos + (a * cos - b * sin) * sin)),
     "you overwrote the first half, and computed the second from the new one; both need the old numbers"),
    (_rotate(turn=lambda a, b, cos, sin: (a * cos - b * sin, b)), "the second half is not turned; a turn changes both"),
    (_rotate(pairs="neighbours", with_offset=False), f"two things: {PAIRS}. And {OFFSET}"),
    (_rotate(pairs="neighbours", sign=-1), f"two things: {PAIRS}. And {SIGN}"),
    (_rotate(exponent=lambda i, d: -i / d, with_offset=False), f"two things: {HALF_SPEED}. And {OFFSET}"),
    (_rotate(sign=-1, with_offset=False), f"two things: {SIGN}. And {OFFSET}"),
    (_rotate(sign=-1, first_position=1), f"two things: {SIGN}. And {FROM_ONE}"),
    (_rotate(exponent=lambda i, d: -4 * i / d, with_offset=False), f"two things: {TWICE}. And {OFFSET}"),
    (_rotate(exponent=lambda i, d: -i / d, pairs="neighbours"), f"two things: {HALF_SPEED}. And {PAIRS}"),
)
