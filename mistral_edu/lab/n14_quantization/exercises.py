"""Exercises of notebook 14: a group of weights as small integers, and eight of those in one word."""
import mlx.core as mx

from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n14_quantization.slips import GROUP_SLIPS, PACK_SLIPS

BY_HAND = mx.array([0.9, -0.3, 0.0, 0.2, 0.5, -0.2, 0.4, 0.1])


def quantize_group(w, bits):
    """codes (n,) uint32, scale and bias for the weights w (n,): w is about scale * codes + bias."""
    bias = w.min()
    scale = (w.max() - bias) / (2**bits - 1)
    return mx.round((w - bias) / scale).astype(mx.uint32), scale, bias


def pack(codes):
    """Eight codes of 4 bits as one integer of 32 bits, the first code in the lowest four bits."""
    word = 0
    for place, code in enumerate(codes):
        word += code << 4 * place
    return word


def _noise(n, seed, shift=0.0):
    return mx.random.normal((n,), key=mx.random.key(seed)) + shift


EXERCISES = (
    Exercise(
        "14.1", minutes=5, points=2,
        cases=((BY_HAND, 2), (BY_HAND, 4), (mx.array([1.0, 2.0, 4.0, 7.0]), 3), (_noise(8, 1, 3.0), 2),
               (_noise(64, 2), 4), (_noise(32, 3, -2.0), 3), (_noise(64, 4), 8)),
        reference=quantize_group, slips=GROUP_SLIPS,
        hints=(
            "Three lines, in this order: the bias, the scale, the codes. Which of the weights does the code 0 stand "
            "for?",
            "w.min() and w.max() are the two ends. How many steps of one size lead from the one to the other, with "
            "2**bits levels?",
            "codes: how many steps lie between the bias and each weight, (w - bias) / scale, rounded to the nearest "
            "whole number with mx.round, then .astype(mx.uint32).",
        ),
    ),
    Exercise(
        "14.3", minutes=4, points=2,
        cases=(([3, 0, 1, 1, 2, 0, 2, 1],), ([1, 0, 0, 0, 0, 0, 0, 0],), ([0, 0, 0, 0, 0, 0, 0, 1],),
               ([15, 14, 13, 12, 11, 10, 9, 8],), ([0, 7, 0, 12, 5, 0, 10, 15],), ([15] * 8,)),
        reference=pack, slips=PACK_SLIPS,
        hints=(
            "What is the first code worth in the word, the second, the third? The table above has them for the eight "
            "codes by hand.",
            "The code at place i, counted from 0, is worth code * 16**i; as a shift of bits, code << 4 * i.",
            "Start with word = 0, go through enumerate(codes), and add code << 4 * place to the word.",
        ),
    ),
)
