"""What goes wrong in the exercises of notebook 16: (wrong function, what to tell its author) pairs."""
import math

import mlx.core as mx
import numpy as np


def _step(correct_m=True, correct_v=True, inside=False, l2=False, no_decay=False, from_zero=False, square=True,
          root=True, keep_corrected=False, old_m=False, up=False, unscaled_decay=False, swapped=False, decayed_up=False,
          no_eps=False, only_w=False, power_of_rest=False, betas_exchanged=False, order=(0, 1, 2), new_decay=False,
          betas=None, beta1_only=False, late=False, no_power=False, no_rate=False, no_rest=False, loose_eps=False,
          returns_old=False, of_m=False):
    """AdamW with something wrong; each option is one slip."""
    def adam_step(w, g, m, v, t, rate, beta1, beta2, eps, decay):
        if l2:
            g = g + decay * w
        if betas_exchanged:
            beta1, beta2 = beta2, beta1
        beta1, beta2 = betas or (beta1, beta1 if beta1_only else beta2)
        if swapped:
            beta1, beta2 = 1 - beta1, 1 - beta2
        new_m = beta1 * m + (1 if no_rest else 1 - beta1) * g
        new_v = beta2 * v + (1 if no_rest else 1 - beta2) * (new_m * new_m if of_m else g * g if square else g)
        power = 1 if no_power else t - 1 if from_zero else t
        rest1, rest2 = ((1 - beta1)**t, (1 - beta2)**t) if power_of_rest else (1 - beta1**power, 1 - beta2**power)
        m_hat = (m if old_m else new_m) / rest1 if correct_m else new_m
        v_hat = new_v / rest2 if correct_v else new_v
        v_hat = mx.square(mx.sqrt(new_v) / rest2) if late else v_hat
        below = mx.sqrt(v_hat + eps) if inside else (mx.sqrt(v_hat) if root else v_hat) + (0 if no_eps else eps)
        update = m_hat / mx.sqrt(v_hat) + eps if loose_eps else m_hat / below
        rate = 1 if no_rate else rate
        shrink = 0 if l2 or no_decay else decay * w
        if unscaled_decay:
            new_w = w - rate * update - shrink
        else:
            new_w = w - rate * (update - shrink if decayed_up else update + shrink)
        new_w = 2 * w - new_w if up else new_w
        if new_decay:
            new_w = (w - rate * update) * (1 - rate * decay)
        if only_w:
            return new_w
        results = (new_w, m_hat, v_hat) if keep_corrected else (new_w, m, v) if returns_old else (new_w, new_m, new_v)
        return tuple(results[n] for n in order)
    return adam_step


def _by_math(w, g, m, v, t, rate, beta1, beta2, eps, decay):
    v = beta2 * v + (1 - beta2) * g * g
    return w / math.sqrt(v), m, v


NO_CORRECTION = "m and v are used as they are; divide them by 1 - beta1**t and 1 - beta2**t first"
L2 = "the decay is added to the gradient, so it runs through m and v; in AdamW it is next to the quotient, decay * w"
INSIDE = "eps is inside the root; it is added after the root: mx.sqrt(v_hat) + eps"
UP = "the weight goes up the slope; the step is subtracted"
NO_SQUARE = "v is a mean of g; it has to be a mean of the squares, g * g"
ADAM_SLIPS = (
    (_step(correct_m=False, correct_v=False), NO_CORRECTION),
    (_step(correct_m=False), "m is not corrected; divide it by 1 - beta1**t"),
    (_step(correct_v=False), "v is not corrected; divide it by 1 - beta2**t"),
    (_step(inside=True), INSIDE),
    (_step(l2=True), L2),
    (_step(no_decay=True), "the decay is missing: decay * w is added to the quotient, inside the brackets"),
    (_step(from_zero=True), "the powers are one too low: t counts from 1, and the correction takes t as it comes"),
    (_step(no_power=True), "the power is missing in the correction: 1 - beta1**t and 1 - beta2**t"),
    (_step(square=False), NO_SQUARE),
    (_step(root=False), "the root is missing: m_hat is divided by mx.sqrt(v_hat) + eps"),
    (_step(keep_corrected=True),
     "the corrected m and v are returned; they are for this step only, and m and v go on without correction"),
    (_step(old_m=True), "the step is made with the m from before; first comes the new m, with this gradient in it"),
    (_step(up=True), UP),
    (_step(up=True, no_decay=True), f"two things: {UP}. And the decay is missing"),
    (_step(unscaled_decay=True), "the decay is not multiplied by the rate: both terms are inside the brackets"),
    (_step(swapped=True), "beta and 1 - beta are exchanged: the old mean counts beta, the new gradient 1 - beta"),
    (_step(decayed_up=True), "the decay lets the weight grow; inside the brackets it is added, + decay * w"),
    (_step(no_eps=True), "eps is missing: it is added to the root"),
    (_step(only_w=True), "three results are expected, w, m and v: the next step needs all of them"),
    (_step(power_of_rest=True), "mind the brackets of the correction: 1 - beta1**t, and not (1 - beta1)**t"),
    (_step(betas_exchanged=True), "the two betas are exchanged: beta1 belongs to m, beta2 to v"),
    (_step(order=(1, 2, 0)), "the results are asked for in the order w, m, v"),
    (_step(order=(0, 2, 1)), "the results are asked for in the order w, m, v"),
    (_step(new_decay=True),
     "the decay is taken from the weight after the step; in the formula w is the weight before it"),
    (_step(beta1_only=True), "beta1 stands where beta2 belongs: v and its correction take beta2"),
    (_step(late=True), "the root is taken too early: v is corrected first, and the root is that of the corrected v"),
    (_step(no_rate=True), "the step is not multiplied by the rate"),
    (_step(no_rest=True), "the new gradient counts 1 - beta: beta1 * m + (1 - beta1) * g, and v in the same way"),
    (_step(loose_eps=True),
     "mind the brackets: m_hat / (mx.sqrt(v_hat) + eps); without them eps is added to the quotient"),
    (_step(returns_old=True), "the m and v that came in are returned; return the new ones, which the next step needs"),
    (_step(of_m=True), "v is a mean of the squares of the gradients, g * g, and not of m"),
    (_by_math, "math.sqrt takes a single number; mx.sqrt takes an array"),
    (_step(betas=(0.9, 0.98)), "0.9 and 0.98 are written into your function; beta1 and beta2 are arguments"),
    (_step(correct_m=False, correct_v=False, l2=True), f"two things: {NO_CORRECTION}. And {L2}"),
    (_step(correct_m=False, correct_v=False, inside=True), f"two things: {NO_CORRECTION}. And {INSIDE}"),
    (_step(correct_m=False, correct_v=False, no_decay=True), f"two things: {NO_CORRECTION}. And the decay is missing"),
    (_step(inside=True, l2=True), f"two things: {INSIDE}. And {L2}"),
    (_step(keep_corrected=True, no_decay=True),
     "two things: the corrected m and v are returned, which are for this step only; and the decay is missing"),
    (lambda w, g, m, v, t, rate, beta1, beta2, eps, decay: (w - rate * (g + decay * w), m, v),
     "that is plain gradient descent; m and v are to be brought up to date, and used in place of g"),
)


def _size(gradients):
    return mx.sqrt(sum((g * g).sum() for g in gradients))


def _each(gradients, limit):
    return [g * mx.minimum(1.0, limit / mx.sqrt((g * g).sum())) for g in gradients]


def _by(factor):
    return lambda gradients, limit: [g * factor(gradients, limit) for g in gradients]


def _if_larger(gradients, limit):
    size = _size(gradients)
    return [g / size for g in gradients] if size.item() > limit else gradients


def _squares_compared(gradients, limit):
    size = _size(gradients)
    return [g * limit / size for g in gradients] if (size * size).item() > limit else gradients


EACH = ("every array is clipped by itself, which turns the direction of the step; they share one size, that of all "
        "together")
VALUES = "single numbers are cut off at the limit, which turns the direction; all are multiplied by one factor instead"
CLIP_SLIPS = (
    (_each, EACH),
    (lambda gradients, limit: [mx.clip(g, -limit, limit) for g in gradients], VALUES),
    (lambda gradients, limit: [mx.minimum(g, limit) for g in gradients],
     f"{VALUES}. (And large negative ones are not cut off at all)"),
    (_by(lambda gradients, limit: limit / _size(gradients)),
     "small gradients are made larger; where the size is below the limit, they stay as they are"),
    (_by(lambda gradients, limit: 1 / _size(gradients)),
     "the size becomes 1 in any case; it should become the limit, and only where it is larger"),
    (_squares_compared, "the limit is compared with the sum of the squares; compare it with its root, the size"),
    (_if_larger, "the size becomes 1; it should become the limit: multiply by limit / size"),
    (_by(lambda gradients, limit: mx.minimum(1.0, limit / sum((g * g).sum() for g in gradients))),
     "that is the sum of the squares; the size is its root"),
    (_by(lambda gradients, limit: mx.minimum(1.0, limit / sum(mx.sqrt((g * g).sum()) for g in gradients))),
     "the sizes of the arrays are added up; add up their squares, and take the root at the end"),
    (_by(lambda gradients, limit: mx.minimum(1.0, limit / sum(mx.abs(g).sum() for g in gradients))),
     "that adds up absolute values; the size is the root of the sum of the squares"),
    (_by(lambda gradients, limit: mx.minimum(1.0, limit / max(mx.abs(g).max().item() for g in gradients))),
     "that takes the largest number for the size; the size is the root of the sum of all squares"),
    (_by(lambda gradients, limit: mx.minimum(
        1.0, limit / mx.sqrt(sum((g * g).sum() for g in gradients) / sum(g.size for g in gradients)))),
     "that is the root mean square of notebook 04; here the squares are added up, without a mean"),
    (_by(lambda gradients, limit: mx.maximum(1.0, limit / _size(gradients))),
     "the larger of 1 and limit / size makes gradients larger; take the smaller of the two"),
    (_by(lambda gradients, limit: mx.minimum(1.0, _size(gradients) / limit)),
     "the factor is upside down: limit / size makes the size the limit"),
    (_by(lambda gradients, limit: mx.minimum(1.0, limit / mx.sqrt(sum((g * g).mean() for g in gradients)))),
     "the squares are averaged within each array; add them up, with sum"),
    (_by(lambda gradients, limit: min(1, limit // _size(gradients).item())),
     "// rounds down to whole numbers, here to 0; divide with /"),
    (_by(lambda gradients, limit: min(1, limit / max(_size([g]).item() for g in gradients))),
     "that is the largest of the sizes; they share one size, the root of the sum of all squares"),
    (lambda gradients, limit: [g / _size(gradients) / limit if _size(gradients).item() > limit else g
                               for g in gradients], "the limit divides; multiply by limit / size"),
    (lambda gradients, limit: [g * mx.minimum(1.0, limit / _size(gradients)) for g in gradients[:1]],
     "only the first array is returned; a return inside the loop ends it, so collect all of them in a list first"),
    (lambda gradients, limit: _size(gradients),
     "that is the size; multiply each array by limit / size where it is larger"),
    (lambda gradients, limit: [g * limit / _size([g]) if _size([g]).item() > limit else g for g in gradients], EACH),
    (lambda gradients, limit: list(gradients), "nothing is clipped"),
    (lambda gradients, limit: mx.minimum(1.0, limit / _size(gradients)),
     "that is the factor; multiply each array by it, and return the list"),
    (lambda gradients, limit: gradients * mx.minimum(1.0, limit / _size(gradients)),
     "a list cannot be multiplied by a factor; multiply each of its arrays: [... for g in gradients]"),
    (lambda gradients, limit: mx.sqrt((gradients * gradients).sum()),
     "gradients is a list of arrays; square each of them: sum((g * g).sum() for g in gradients)"),
    (lambda gradients, limit: [g * min(1.0, limit / np.linalg.norm(gradients)) for g in gradients],
     "the arrays have different shapes, so NumPy cannot take them as one: add up (g * g).sum() over the list"),
)
