"""What goes wrong in the exercises of notebook 13: (wrong function, what to tell its author) pairs."""
import mlx.core as mx

# ---- draw ----
LENGTH = "the stick is as long as the sum of the probabilities, which is below 1 after a filter: compare with u * sum"
AT_END = ("a stretch begins at its left end, which belongs to it, and ends before its right one: where u is exactly an "
          "end, the next stretch begins")


def _draw(count=lambda ends, u: ends <= u, scale=True, shift=0, order=lambda p: p):
    """draw with something wrong: which stretches are counted, the length of the stick, where counting begins."""
    def draw(probabilities, u):
        ends = mx.cumsum(order(probabilities))
        return count(ends, u * ends[-1] if scale else u).sum().item() + shift
    return draw


def _sorted(p):
    return -mx.sort(-p)


def _above(ends, u):
    return ends > u


def _below(ends, u):
    return ends < u


def _first_above(compare, scale=True):
    """By argmax over truths: the first stretch that ends above u."""
    def draw(probabilities, u):
        ends = mx.cumsum(probabilities)
        return compare(ends, u * ends[-1] if scale else u).argmax().item()
    return draw


def _loop_off_the_stick(probabilities, u):
    total = 0
    for place, p in enumerate(probabilities.tolist()):
        total += p
        if u < total:
            return place


DRAW = (
    (_loop_off_the_stick, f"the loop runs off the stick: {LENGTH}"),
    (_draw(scale=False), LENGTH),
    (_first_above(_above, scale=False), f"{LENGTH}. (Where no end lies above u, argmax gives 0.)"),
    (_draw(_below), AT_END),
    (_draw(_below, scale=False), f"two things: {AT_END}; and {LENGTH}"),
    (_first_above(lambda ends, u: ends >= u, scale=False),
     f"two things: where u is exactly an end, the next stretch begins: ends > u, not >= u; and {LENGTH}"),
    (_draw(_above), "you count the stretches that end above u; the token is the number of those that end before it"),
    (_first_above(lambda ends, u: ends <= u), "argmax finds the first stretch that ends at u or before it; look for "
                                              "the first that ends above u: ends > u"),
    (_draw(shift=-1), "one token too far to the left: tokens count from 0, so the number of ends passed is the token"),
    (_draw(shift=1), "one token too far to the right: tokens count from 0, so the number of ends passed is the token"),
    (_draw(scale=False, shift=-1), f"two things: one token too far to the left; and {LENGTH}"),
    (_draw(scale=False, shift=1), f"two things: one token too far to the right; and {LENGTH}"),
    (_draw(order=_sorted), "sorting loses which token is which; the stretches may lie in any order, so keep theirs"),
    (_draw(order=_sorted, scale=False), f"two things: sorting loses which token is which; and {LENGTH}"),
    (lambda p, u: (mx.cumsum(p) <= u * p.mean()).sum().item(),
     "the stick is as long as the sum of the probabilities, not as their mean"),
    (lambda p, u: (mx.cumsum(p) <= u * p.max()).sum().item(),
     "the stick is as long as the sum of the probabilities, not as the largest of them"),
    (lambda p, u: (mx.cumsum(p) <= u * len(p)).sum().item(),
     "the length of the stick is the sum of the probabilities; len(probabilities) is their number"),
    (lambda p, u: p.argmax().item(), "that is the likeliest token whatever u is: temperature 0, no draw"),
    (lambda p, u: (p <= u).sum().item(), "mx.cumsum is missing: u is compared with the ends of the stretches"),
    (lambda p, u: (p > u).argmax().item(), "mx.cumsum is missing: u is compared with the ends of the stretches"),
    (lambda p, u: p[(mx.cumsum(p) <= u * p.sum()).sum()].item(), "that is the token's probability; return its number"),
)

# ---- keep_top_p ----
CROSSING = "the token that crosses p is missing: it stays, since without it p is not reached"
PLACES = ("the places are lost: a token's probability has to stay where it was. Find the smallest probability that is "
          "kept, then compare the unsorted ones with it")
UNSORTED = "sort before mx.cumsum: yours adds them up in the order in which they came, not from the likeliest down"


def _top_p(kept=lambda total, each, p: total - each < p, order=lambda x: -mx.sort(-x), restore=True, empty=mx.inf,
           end=lambda x: x):
    """keep_top_p with something wrong: which sums count, in which order, and what is made of the result."""
    def keep_top_p(probabilities, p):
        descending = order(probabilities)
        stays = kept(mx.cumsum(descending), descending, p)
        if not restore:
            return end(mx.where(stays, descending, 0))
        smallest = mx.where(stays, descending, empty).min()
        return end(mx.where(probabilities >= smallest, probabilities, 0))
    return keep_top_p


def _up_to(total, each, p):
    return total <= p


def _below_p(total, each, p):
    return total < p


def _same(x):
    return x


def _share(x):
    return x / x.sum()


def _beyond(total, each, p):
    return total - each <= p


MASK = ("the mask was made of the sorted probabilities, and is used on the unsorted ones. Find the smallest "
        "probability that is kept, then compare the unsorted ones with it")


def _sorted_mask(kept):
    """keep_top_p whose mask stands in the order of the sorted probabilities."""
    def keep_top_p(probabilities, p):
        descending = -mx.sort(-probabilities)
        return mx.where(kept(mx.cumsum(descending), descending, p), probabilities, 0)
    return keep_top_p


def _bound_from_below(probabilities, p):
    ascending = mx.sort(probabilities)
    bound = mx.where(mx.cumsum(ascending) - ascending < p, ascending, 0).max()
    return mx.where(probabilities >= bound, probabilities, 0)


TOP_P = (
    (_top_p(_up_to), f"tokens whose sum is at most p are kept, so {CROSSING}"),
    (_top_p(_below_p), f"tokens whose sum is below p are kept, so {CROSSING}. Where the first token alone reaches p, "
                       "none is left"),
    (_top_p(_beyond), "one token too many where the likelier ones reach p exactly: it stays only while their sum is "
                      "below p"),
    (_sorted_mask(lambda total, each, p: total - each < p), MASK),
    (_sorted_mask(_up_to), f"two things: {MASK}; and {CROSSING}"),
    (_sorted_mask(_below_p), f"two things: {MASK}; and {CROSSING}"),
    (_bound_from_below, "mx.sort goes up; begin with the likeliest, -mx.sort(-probabilities)"),
    (lambda q, p: mx.where(_top_p()(q, p) > 0, q, -mx.inf), "-inf is what a filter writes on logits; here they are "
                                                            "probabilities, so it is 0"),
    (lambda q, p: -mx.sort(-q)[:(_top_p()(q, p) > 0).sum().item()], PLACES),
    (lambda q, p: _share(_top_p(_up_to)(q, p)),
     f"two things: {CROSSING}; and the result is made to add up to 1, which is left to the draw"),
    (_top_p(order=mx.sort), "nothing is removed. Either mx.sort goes up: begin with the likeliest, "
                            "-mx.sort(-probabilities). Or 0 stands in place of mx.inf, and is itself the smallest"),
    (lambda q, p: mx.zeros_like(q), "everything is removed. Is the bound mx.inf? The last one kept is the smallest: "
                                    ".min(), not .max()"),
    (_top_p(order=mx.sort, restore=False), f"two things: mx.sort goes up; and {PLACES}"),
    (_top_p(restore=False), PLACES),
    (_top_p(_up_to, restore=False), f"two things: {CROSSING}; and {PLACES}"),
    (_top_p(_below_p, restore=False), f"two things: {CROSSING}, before < p and not total < p; and {PLACES}"),
    (_top_p(order=_same, restore=False), UNSORTED),
    (_top_p(_up_to, order=_same, restore=False), f"two things: {UNSORTED}; and {CROSSING}"),
    (_top_p(end=_share), "the result is made to add up to 1; return the probabilities as they were. (draw does the "
                         "rest)"),
    (lambda q, p: mx.where(q >= p, q, 0), "each probability is compared with p; it is their sum that has to reach p"),
    (lambda q, p: mx.where(q >= p * q.max(), q, 0), "that is min-p, which compares each token with the likeliest"),
    (lambda q, p: _top_p()(q, p) > 0, "that says which tokens stay; return their probabilities, and 0 for others"),
)
