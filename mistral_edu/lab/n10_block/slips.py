"""Common slips in the exercises of notebook 10: (wrong function, what to tell its author) pairs."""


def _block(first, second):
    """A block from what its first half makes of x, and its second half of x and the first half's result h."""
    def block(x, norm_1, attn, norm_2, mlp):
        h = first(x, norm_1, attn)
        return second(x, h, norm_2, mlp)
    return block


def _in_turn(wrong):
    """A block that is wrong where one part follows the other, and right where both read at once."""
    def block(x, norm_1, attn, norm_2, mlp, at_once=False):
        return x + attn(norm_1(x)) + mlp(norm_2(x)) if at_once else wrong(x, norm_1, attn, norm_2, mlp)
    return block


def _at_once(wrong):
    """The other way round."""
    def block(x, norm_1, attn, norm_2, mlp, at_once=False):
        return (wrong if at_once else _block(_added, _right))(x, norm_1, attn, norm_2, mlp)
    return block


def _added(x, norm, part):
    return x + part(norm(x))


def _right(x, h, norm_2, mlp):
    return h + mlp(norm_2(h))


def _one_norm(x, norm_1, attn, norm_2, mlp):
    h = x + attn(norm_1(x))
    return h + mlp(norm_1(h))


def _norms_exchanged(x, norm_1, attn, norm_2, mlp):
    h = x + attn(norm_2(x))
    return h + mlp(norm_1(h))


def _mlp_first(x, norm_1, attn, norm_2, mlp):
    h = x + mlp(norm_2(x))
    return h + attn(norm_1(h))


def _same_copy(x, norm_1, attn, norm_2, mlp):
    y = norm_1(x)
    return x + attn(y) + mlp(y)


def _reads_found(x, norm_1, attn, norm_2, mlp):
    found = attn(norm_1(x))
    return x + found + mlp(norm_2(found))


POST = "that norms the sum, as the first transformer did. Here the norm makes a copy for the part to read"
COPY = "the result is added to the normed copy; it belongs to the stream itself, x"
LATE = ("both parts read the stream as it was at first. The feed-forward comes second, and reads what the attention "
        "has left there")
IN_TURN = (
    (_block(lambda x, n, attn: n(x + attn(x)), lambda x, h, n, mlp: n(h + mlp(h))), POST),
    (_block(lambda x, n, attn: n(x + attn(x)), _right), f"in the first half, {POST}"),
    (_block(_added, lambda x, h, n, mlp: n(h + mlp(h))), f"in the second half, {POST}"),
    (_block(lambda x, n, attn: x + n(attn(x)), lambda x, h, n, mlp: h + n(mlp(h))),
     "the norm is applied to what a part returns; it belongs before the part, on what the part reads"),
    (_block(lambda x, n, attn: n(x) + attn(n(x)), lambda x, h, n, mlp: n(h) + mlp(n(h))), COPY),
    (_block(lambda x, n, attn: n(x) + attn(n(x)), _right), f"in the first half, {COPY}"),
    (_block(_added, lambda x, h, n, mlp: n(h) + mlp(n(h))), f"in the second half, {COPY}"),
    (_block(_added, lambda x, h, n, mlp: h + mlp(n(x))), LATE),
    (_same_copy, f"{LATE}. And it has a norm of its own, norm_2"),
    (_reads_found, "the feed-forward reads only what the attention returned; it should read the whole stream, x with "
     "that added"),
    (_block(_added, lambda x, h, n, mlp: x + mlp(n(h))),
     "the feed-forward's result is added to the first x, so what the attention has added is lost"),
    (_block(_added, lambda x, h, n, mlp: mlp(n(h))), "in the second half nothing is added: the stream is replaced"),
    (_block(lambda x, n, attn: attn(n(x)), _right), "in the first half nothing is added: the stream is replaced"),
    (_block(lambda x, n, attn: attn(n(x)), lambda x, h, n, mlp: mlp(n(h))),
     "nothing is added: each part replaces the stream, where it should add to it"),
    (_block(_added, lambda x, h, n, mlp: h), "the second half is missing: the feed-forward with its norm"),
    (_block(lambda x, n, attn: x + attn(x), lambda x, h, n, mlp: h + mlp(h)),
     "no part reads a normed copy: norm_1 and norm_2 are not used"),
    (_block(_added, lambda x, h, n, mlp: h + mlp(h)), "the feed-forward reads the stream as it is: norm_2 is missing"),
    (_block(lambda x, n, attn: x + attn(x), _right), "the attention reads the stream as it is: norm_1 is missing"),
    (_one_norm, "norm_1 is used twice; the feed-forward has a norm of its own, norm_2"),
    (_norms_exchanged, "norm_1 and norm_2 are exchanged"),
    (_mlp_first, "the attention comes first, then the feed-forward"),
    (lambda x, norm_1, attn, norm_2, mlp: attn(norm_1(x)) + mlp(norm_2(x)),
     f"two things: x itself is not added. And {LATE}"),
    (_block(_added, lambda x, h, n, mlp: h - x + mlp(n(h))),
     "at the end the stream itself is missing: the feed-forward's result is added to h, which holds all that came "
     "before"),
    (_block(_added, lambda x, h, n, mlp: x + h + mlp(n(h))), "the first x is added twice: h holds it already"),
    (_block(lambda x, n, attn: x + n(attn(n(x))), _right),
     "norm_1 is used twice; what the attention returns is added as it is"),
    (lambda x, norm_1, attn, norm_2, mlp: _right(None, x + mlp(norm_1(x)), norm_2, attn),
     "attn and mlp have changed places: the attention comes first"),
    (lambda x, norm_1, attn, norm_2, mlp: x + attn(norm_1),
     "the attention gets the norm itself, a function; it reads what the norm makes of the stream: attn(norm_1(x))"),
    (lambda x, norm_1, attn, norm_2, mlp: mlp(attn(x)),
     "two things: nothing is added to the stream, and no part reads a normed copy"),
    (lambda x, norm_1, attn, norm_2, mlp: x + mlp(attn(norm_1(x))),
     "the feed-forward is not applied to what the attention returns: each of the two adds to the stream by itself"),
    (lambda x, norm_1, attn, norm_2, mlp: x + mlp(norm_2(attn(norm_1(x)))),
     "the feed-forward is not applied to what the attention returns: each of the two adds to the stream by itself"),
)
AT_ONCE = (
    (_block(_added, _right), "at_once changes nothing in your block. With it, the feed-forward reads x as it came in; "
     "its result is added to all that is there"),
    (_same_copy, "at once, each part still has a norm of its own: the feed-forward reads norm_2(x)"),
    (lambda x, norm_1, attn, norm_2, mlp: attn(norm_1(x)) + mlp(norm_2(x)), "at once, x itself is not added"),
    (lambda x, norm_1, attn, norm_2, mlp: x + mlp(norm_2(x)), "at once, what the attention has added is lost"),
    (lambda x, norm_1, attn, norm_2, mlp: x + attn(norm_1(x)) + mlp(x), "at once, norm_2 is missing"),
    (lambda x, norm_1, attn, norm_2, mlp: x + attn(x) + mlp(x), "at once, too, each part reads a normed copy"),
    (lambda x, norm_1, attn, norm_2, mlp: 2 * x + attn(norm_1(x)) + mlp(norm_2(x)), "at once, x is added twice"),
)
def _reversed(x, norm_1, attn, norm_2, mlp, at_once=False):
    after = x + attn(norm_1(x))
    return after + mlp(norm_2(after if at_once else x))


BLOCK_SLIPS = (
    (_reversed, "at_once is the wrong way round: without it, the feed-forward reads what the attention has left there"),
    *((_in_turn(wrong), why) for wrong, why in IN_TURN),
    *((_at_once(wrong), why) for wrong, why in AT_ONCE),
)

PAIR = "return what places_right says about the head, as in: return places_right(heads=[(5, 4)])"
PAIRS = [(layer, head) for layer in range(8) for head in range(8)]
HEAD_SLIPS = (
    (lambda places_right: places_right(heads=[(5, 4)]),
     "without what you named, all 8 places are still right. It may look at the right word, but it is not needed: "
     "other parts do the same work"),
    (lambda places_right: 8 - places_right(heads=[(3, 7)]), "that is how many are lost; return how many are right"),
    (lambda places_right: 6,
     f"6 is how many are lost, and a number that was only written down. {PAIR[0].upper()}{PAIR[1:]}"),
    (lambda places_right: places_right(heads=(5, 4)), "heads is a list of pairs: heads=[(5, 4)]"),
    (lambda places_right: places_right((5, 4)), f"the list of heads has to be named. {PAIR}"),
    (lambda places_right: places_right(5, 4), f"the list of heads has to be named. {PAIR}"),
    *((lambda places_right, named=named: named, f"{pair} is a head, not what comes of silencing it: {PAIR}")
      for pair in PAIRS for named in (pair, [pair])),
)
