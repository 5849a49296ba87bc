"""What goes wrong in the exercises of notebook 14: (wrong function, what to tell its author) pairs."""
import mlx.core as mx

# ---- quantize_group ----
STEPS = "2**bits levels have 2**bits - 1 steps between them: divide the range by the number of steps"
PYTHONS_ROUND = "Python's round takes no arrays; mx.round takes them, all numbers at once"
DOWN = "codes are rounded down, by astype or floor; use mx.round first, which goes to the nearest"


def _group(steps=lambda bits: 2**bits - 1, bias=mx.min, codes=lambda w, scale, bias: mx.round((w - bias) / scale),
           span=lambda w: w.max() - w.min(), kind=mx.uint32):
    """quantize_group with something wrong in it."""
    def quantize_group(w, bits):
        start, scale = bias(w), span(w) / steps(bits)
        return codes(w, scale, start).astype(kind), scale, start
    return quantize_group


def _down(w, scale, bias):
    return (w - bias) / scale


def _no_bias(w, scale, bias):
    return mx.round(w / scale)


def _levels(bits):
    return 2**bits


def _upside_down(w, bits):
    scale, bias = (2**bits - 1) / (w.max() - w.min()), w.min()
    return mx.round((w - bias) * scale).astype(mx.uint32), scale, bias


def _loose_one(w, bits):
    scale, bias = (w.max() - w.min()) / 2**bits - 1, w.min()
    return mx.round((w - bias) / scale).astype(mx.uint32), scale, bias


def _floored_and_clipped(w, bits):
    scale, bias = (w.max() - w.min()) / 2**bits, w.min()
    return mx.clip(mx.floor((w - bias) / scale), 0, 2**bits - 1).astype(mx.uint32), scale, bias


def _mirrored(w, bits):
    scale = mx.abs(w).max() / (2**(bits - 1) - 1)
    return mx.round(w / scale).astype(mx.uint32), scale, mx.array(0.0)


def _reordered(order):
    def quantize_group(w, bits):
        results = _group()(w, bits)
        return tuple(results[n] for n in order)
    return quantize_group


GROUP_SLIPS = (
    (lambda w, bits: ([round((x - w.min()) / ((w.max() - w.min()) / (2**bits - 1))) for x in w], 0, 0), PYTHONS_ROUND),
    (lambda w, bits: (round((w - w.min()) / ((w.max() - w.min()) / (2**bits - 1))), 0, 0), PYTHONS_ROUND),
    (_group(codes=_down), DOWN),
    (_group(steps=_levels), STEPS),
    (_group(steps=_levels, codes=_down), f"two things: {STEPS}; and {DOWN}"),
    (_floored_and_clipped, STEPS),
    (_group(steps=lambda bits: 2**bits + 1), STEPS),
    (_group(steps=lambda bits: 2 ^ bits - 1), "in Python ^ is no power but compares bits; a power is 2**bits"),
    (_group(steps=lambda bits: (2 ^ bits) - 1), "in Python ^ is no power but compares bits; a power is 2**bits"),
    (_group(steps=lambda bits: 2 * bits - 1), "2 * bits is not 2**bits: each bit doubles the number of levels"),
    (_group(steps=lambda bits: 2**(bits - 1)), "mind the brackets: 2**bits - 1, not 2**(bits - 1)"),
    (_group(steps=lambda bits: bits), "bits is how many binary digits a code has; it has 2**bits levels"),
    (_group(codes=_no_bias), "subtract the bias before you divide by the scale: code 0 is the smallest weight"),
    (_group(codes=lambda w, scale, bias: w / scale), f"two things: subtract the bias before you divide; and {DOWN}"),
    (_group(codes=lambda w, scale, bias: mx.round(w - bias / scale)),
     "mind the brackets: (w - bias) / scale; without them only the bias is divided"),
    (_group(codes=lambda w, scale, bias: mx.round((w - bias) * scale)),
     "the number of steps is the distance divided by the size of a step, (w - bias) / scale"),
    (_group(codes=lambda w, scale, bias: mx.round(w - bias)), "the distance has to be divided by the scale"),
    (_group(codes=lambda w, scale, bias: mx.round(w / scale - bias)),
     "mind the brackets: (w - bias) / scale; without them only the weight is divided"),
    (_group(codes=lambda w, scale, bias: mx.round((w + bias) / scale)), "the bias is subtracted: (w - bias) / scale"),
    (_group(codes=lambda w, scale, bias: mx.ceil((w - bias) / scale)),
     "codes are rounded up; mx.round goes to the nearest"),
    (_upside_down, "the scale is upside down: it is the size of one step, the range divided by the number of steps"),
    (_loose_one, "mind the brackets: / (2**bits - 1); without them the 1 is subtracted from the quotient"),
    (_group(bias=mx.max), "code 0 stands for the bias, and the scale is positive: the bias is the smallest weight"),
    (_group(bias=lambda w: w[0]), "the bias is the smallest weight, w.min(), which need not be the first"),
    (_group(bias=mx.mean), "the bias is the smallest weight, w.min(), not the mean: codes are never negative"),
    (_group(bias=lambda w: mx.array(0.0)), "the bias is missing: it is the smallest weight, and code 0 stands for it"),
    (_group(span=lambda w: mx.abs(w).max()), "the steps lead from the smallest weight to the largest: the range is "
                                             "w.max() - w.min()"),
    (_group(span=mx.max), "the steps lead from the smallest weight to the largest: the range is w.max() - w.min()"),
    (_group(span=lambda w: w.min() - w.max()), "the signs are reversed: the range is w.max() - w.min()"),
    (_mirrored, "that is the symmetric kind; use the affine one, with the smallest weight as its bias"),
    (_group(kind=mx.int32), "the numbers are right; codes are never negative, so make them .astype(mx.uint32)"),
    (_group(kind=mx.float32), "the numbers are right; make whole numbers of them with .astype(mx.uint32)"),
    (_reordered((1, 2, 0)), "these are the three results in another order; return codes, scale, bias"),
    (_reordered((0, 2, 1)), "these are the three results in another order; return codes, scale, bias"),
    (_reordered((0,)), "these are the codes alone; return three results: codes, scale, bias"),
    (lambda w, bits: _group()(w, bits)[0], "these are the codes alone; return three results: codes, scale, bias"),
    (_group(codes=lambda w, scale, bias: mx.round((w - bias) / scale) * scale + bias, kind=mx.float32),
     "these are the rounded weights; return the codes they are computed from"),
    (lambda w, bits: _group()(w, 2), "your function has 2 bits or 3 steps written into it; bits is an argument"),
)

# ---- pack ----
ORDER = "the first code belongs in the lowest four bits, so it is the last digit in base 16; yours is the first digit"


def _packed(worth, order=list):
    def pack(codes):
        return sum(worth(code, place) for place, code in enumerate(order(codes)))
    return pack


def _shifted(code, place):
    return code << 4 * place


def _backwards(codes):
    return codes[::-1]


def _precedence(codes):
    word = 0
    for place, code in enumerate(codes):
        word = word + code << 4 * place
    return word


def _last_alone(codes):
    word = 0
    for place, code in enumerate(codes):
        word = code << 4 * place
    return word


def _shifted_late(codes):
    word = 0
    for code in codes:
        word = (word + code) << 4
    return word


PACK_SLIPS = (
    (_packed(lambda code, place: code << 4 * place, _backwards), ORDER),
    (_precedence, "+ goes before <<, so the word itself is shifted, too: word + (code << 4 * place), or word += code "
                  "<< 4 * place"),
    (lambda codes: 0, "the word stays 0. In word << 4 + code, + binds more tightly than <<; write (word << 4) + code. "
                      "And & sets no bit that was 0: add, or take |"),
    (lambda codes: _packed(_shifted)(codes[:-1]), "the last code is left out: the places are 0 to 7, range(8)"),
    (lambda codes: _packed(_shifted)([0, *codes[1:]]), "the first code is left out: places count from 0"),
    (lambda codes: hex(_packed(_shifted)(codes)), "hex gives a text, only to be looked at; return the number itself"),
    (lambda codes: sum(code << 4 * codes.index(code) for code in codes),
     "codes.index(code) finds the first of equal codes, so two of them get one place; enumerate(codes) counts"),
    (_last_alone, "each round replaces the word; it has to be added: word += ..."),
    (_packed(lambda code, place: code), "the codes are added up without a shift: each has four bits of its own, so "
                                        "code number i is multiplied by 16**i"),
    (_packed(lambda code, place: code << place), "each code is moved by one bit only; it needs four, so code << "
                                                 "4 * place"),
    (_packed(lambda code, place: code << place, _backwards), f"two things: each code needs four bits; and {ORDER}"),
    (_packed(lambda code, place: code << 3 * place), "each code is moved by three bits; a code has four"),
    (_shifted_late, f"two things: shift before you add, or the last code is moved, too; and {ORDER}"),
    (_packed(lambda code, place: code << 8 * place), "each code is moved by a whole byte, 8 bits; a code has 4"),
    (_packed(lambda code, place: code << 4 * (place + 1)), "all codes lie four bits too high: places count from 0"),
    (_packed(lambda code, place: code * 10**place), "each place is worth ten times the one before; with four bits it "
                                                    "is sixteen times"),
    (_packed(lambda code, place: code * 10**place, _backwards), f"two things: a place is worth 16 of the one before, "
                                                                f"not 10; and {ORDER}"),
    (_packed(lambda code, place: code * 15**place), "15 is the largest code; there are 16 of them, so each place is "
                                                    "worth 16 times the one before"),
    (_packed(lambda code, place: code * 16 * place), "code * 16 * place, or (code << 4) * place, is no "
                                                       "power: place i is worth 16**i, code << 4 * i"),
    (_packed(lambda code, place: code * 4**place), "each code is moved by 2 bits, and 4 are needed: place i is worth "
                                                "2**4 = 16 times the place before"),
    (_packed(lambda code, place: code << 4 ** place if place < 3 else 0), "the shift is 4 * place, not 4**place"),
    (_packed(lambda code, place: code << 4 + place), "the shift is 4 * place, not 4 + place"),
    (_packed(lambda code, place: code * 16 ^ place), "in Python ^ is no power but compares bits; a power is 16**i"),
    (_packed(lambda code, place: code * (16 ^ place)), "in Python ^ is no power but compares bits; a power is 16**i"),
    (lambda codes: int("".join(map(str, codes[::-1]))),
     "the codes are written down as digits in base 10, where a place is worth ten times the one before; with four bits "
     "it is sixteen times"),
    (lambda codes: int("".join(map(str, codes))), f"two things: the codes are written down as digits in base 10, where "
                                                  f"each place has to be worth 16 times the one before; and {ORDER}"),
    (lambda codes: int("".join(map(str, codes[::-1])), 16),
     "each code from 10 to 15 is a single digit in base 16, one of a to f; hex(code)[2:] writes it"),
    (lambda codes: codes[0],
     "that is the first code alone; the others have to be moved *up* to their places, with <<, and added (or a return "
     "inside the loop ends it too early)"),
    (lambda codes: [code << 4 * place for place, code in enumerate(codes)],
     "these are eight numbers; add them up, and you have the word"),
    (lambda codes: "".join(f"{code:x}" for code in codes[::-1]), "these are the digits of the word as text; return "
                                                                 "the number: int(text, 16)"),
    (lambda codes: "".join(f"{code:x}" for code in codes), "these are the digits as text, and in the wrong order; "
                                                           "return a number, with the first code as its last digit"),
    (lambda codes: sum((mx.array(code) << 4 * place).astype(mx.int32).item() for place, code in enumerate(codes)),
     "the highest bit of an int32 is its sign; use Python's integers, or mx.uint32"),
    (lambda codes: mx.array(codes, mx.int32) << 4 * mx.arange(8), "these are eight numbers; add them up, and you have "
                                                                  "the word"),
)
