"""What notebook 14 shows: MLX's rule, the game's plans, pictures that say their numbers, beginners' answers."""
import json

from mistral_edu import course, load_model
from mistral_edu.lab import check
from mistral_edu.lab.exercises.bank import find
from mistral_edu.lab.n14_quantization import OURS, bits_of_parts, draw_curve, draw_error_map, draw_leads, part_of

import mlx.core as mx
import numpy as np
import pytest

EIGHT = [0.9, -0.3, 0.0, 0.2, 0.5, -0.2, 0.4, 0.1]


def from_page(*cells, **names):
    """The names that these cells of the page define, run with the names given."""
    names = {"mx": mx, "np": np, **names}
    for cell in json.loads(course.find("14").path.read_text(encoding="utf-8"))["cells"]:
        if cell["id"] in cells:
            exec("".join(cell["source"]), names)
    return names


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("group_size", [32, 64, 128])
def test_the_pages_rule_and_packing_are_those_of_mlx(bits, group_size):
    rule = from_page("mlx-rule")["mlx_rule"]
    weight = mx.random.normal((16, 256), key=mx.random.key(bits)) + 0.3
    weight[0], weight[1] = 0.0, mx.abs(weight[1])                     # zeros; no negative weights
    with mx.stream(mx.cpu):
        codes, scales, biases = rule(weight.reshape(16, -1, group_size), bits)
        n = 32 // bits
        words = (codes.reshape(16, -1, n) << bits * mx.arange(n, dtype=mx.uint32)).sum(axis=-1)
        for ours, theirs in zip((words, scales[..., 0], biases[..., 0]), mx.quantize(weight, group_size, bits)):
            assert ours.shape == theirs.shape and mx.all(ours == theirs)


def test_zero_is_a_level_of_every_group():
    weight = mx.random.normal((8, 64), key=mx.random.key(3))
    for bits in (2, 3, 4):
        _, scales, biases = mx.quantize(weight, 64, bits)
        steps = np.array(biases / scales)
        assert np.allclose(steps, np.round(steps), atol=1e-5)


def test_pack_puts_codes_where_mlx_does():
    words, _, _ = mx.quantize(mx.array([4 * EIGHT]), group_size=32, bits=4)
    pack = find("14.3").reference
    for word in words[0].tolist():
        assert pack([word >> 4 * place & 15 for place in range(8)]) == word


def test_every_matrix_of_tiny_belongs_to_a_part_of_the_game():
    names = [name for name, module in load_model().named_modules() if "weight" in module and module.weight.ndim == 2]
    parts = bits_of_parts({"embedding": 2, "output": 3, "attention": 4, "feed-forward": [2] * 7 + [8]})
    assert len(names) == 58 and {part_of(name) for name in names} == set(parts)
    assert parts["feed-forward", 7] == 8 and parts["embedding", None] == 2


def test_the_solutions_show_the_plan_that_the_page_scores():
    text = (course.SOLUTIONS / "14_solutions.md").read_text(encoding="utf-8")
    shown = {}
    exec(text[text.index("ours = {"):].split("```")[0], shown)
    assert shown["ours"] == OURS


@pytest.mark.parametrize("plan, words", [
    ({"embedding": 2}, "this one has embedding"), ({}, "this one has nothing"), (3, "this one has 3"),
    ({"embedding": 2, "output": 2, "attention": [2] * 7, "feed-forward": 2}, "a list of 8; found 7 numbers"),
    ({"embedding": 7, "output": 2, "attention": 2, "feed-forward": 2}, "embedding: bits are one of 2, .*found 7"),
    ({"embedding": 2, "output": 2, "attention": [2] * 7 + ["3"], "feed-forward": 2},
     "attention of layer 7: .* found '3'"),
])
def test_a_plan_that_cannot_be_is_refused_with_what_was_found(plan, words):
    with pytest.raises(ValueError, match=words):
        bits_of_parts(plan)


def in_order(*order):
    reference = find("14.1").reference
    return lambda w, bits: [reference(w, bits)[n] for n in order]


def as_numpy(w, bits):
    codes, scale, bias = find("14.1").reference(w, bits)
    return np.array(codes), scale, bias


def by_hand(w, bits):
    low = min(w.tolist())
    step = (max(w.tolist()) - low) / (2**bits - 1)
    return mx.array([round((x - low) / step) for x in w.tolist()], mx.uint32), step, low


def cut(w, bits):
    scale = (w.max() - w.min()) / (2**bits - 1)
    return ((w - w.min()) / scale).astype(mx.uint32), scale, w.min()


def cut_and_levels(w, bits):
    scale = (w.max() - w.min()) / 2**bits
    return ((w - w.min()) / scale).astype(mx.uint32), scale, w.min()


def no_brackets(w, bits):
    scale = (w.max() - w.min()) / (2**bits - 1)
    return mx.round(w - w.min() / scale).astype(mx.uint32), scale, w.min()


def caret(w, bits):
    scale = (w.max() - w.min()) / (2 ^ bits - 1)
    return mx.round((w - w.min()) / scale).astype(mx.uint32), scale, w.min()


def no_dtype(w, bits):
    scale = (w.max() - w.min()) / (2**bits - 1)
    return mx.round((w - w.min()) / scale), scale, w.min()


def weights_back(w, bits):
    codes, scale, bias = find("14.1").reference(w, bits)
    return scale * codes + bias


def sum_in_mlx(codes):
    return (mx.array(codes) << 4 * mx.arange(8)).sum()


@pytest.mark.parametrize("label, answer, words", [
    ("14.1", cut, "rounded down"),
    ("14.1", cut_and_levels, "two things"),
    ("14.1", no_brackets, "mind the brackets"),
    ("14.1", caret, "^ is no power"),
    ("14.1", no_dtype, "make whole numbers of them"),
    ("14.1", in_order(1, 2, 0), "in another order"),
    ("14.1", in_order(0), "codes alone"),
    ("14.1", as_numpy, "NumPy array"),
    ("14.1", weights_back, "expected 3 results"),
    ("14.1", lambda w, bits: mx.quantize(w, 32, bits), "your code stops with"),
    ("14.1", lambda w, bits: None, "is a return line missing"),
    ("14.3", lambda codes: sum(codes), "without a shift"),
    ("14.3", lambda codes: sum(c * 10**i for i, c in enumerate(codes)), "ten times"),
    ("14.3", lambda codes: sum(c << 4 * i for i, c in enumerate(reversed(codes))), "yours is the first digit"),
    ("14.3", lambda codes: int("".join(map(str, codes))), "two things: the codes are written"),
    ("14.3", lambda codes: int("".join(map(str, codes[::-1]))), "ten times"),
    ("14.3", lambda codes: sum(c << i for i, c in enumerate(codes)), "moved by one bit only"),
    ("14.3", lambda codes: sum(c << 4 + i for i, c in enumerate(codes)), "4 + place"),
    ("14.3", lambda codes: "".join(f"{c:x}" for c in codes[::-1]), "a str"),
    ("14.3", lambda codes: codes[0] << 4 * 0, "first code alone"),
    ("14.3", lambda codes: sum(c >> 4 * i for i, c in enumerate(codes)), "moved *up*"),
    ("14.3", lambda codes: sum(c * 16 ^ i for i, c in enumerate(codes)), "^ is no power"),
    ("14.3", sum_in_mlx, "its sign"),
    ("14.3", lambda codes: sum(codes[i] << 4 * i for i in range(7)), "the last code is left out"),
    ("14.3", lambda codes: sum(codes[i] << 4 * i for i in range(1, 8)), "the first code is left out"),
    ("14.3", lambda codes: hex(sum(c << 4 * i for i, c in enumerate(codes))), "only to be looked at"),
    ("14.3", lambda codes: sum(c << 4 * codes.index(c) for c in codes), "the first of equal codes"),
    ("14.3", lambda codes: sum(codes.pop() << 4 * i for i in range(7, -1, -1)), "changes codes"),
    ("14.3", lambda codes: codes.sum(), "your code stops with"),
])
def test_what_beginners_write_is_answered_to_the_point(label, answer, words):
    assert words in check(label, answer).message


def test_other_ways_to_the_same_results_pass():
    assert check("14.1", by_hand)
    assert check("14.3", lambda codes: int("".join(f"{code:x}" for code in reversed(codes)), 16))
    assert check("14.3", lambda codes: (mx.array(codes, mx.uint32) << 4 * mx.arange(8, dtype=mx.uint32)).sum())


def test_the_pictures_say_their_numbers():
    weight = np.ones((4, 64))
    weight[1, 40] = 9.0
    picture = draw_error_map(weight, weight + 0.25 * (np.arange(64) >= 32), 4, 32)
    assert picture.caption == ("4 bit, groups of 32: 5 bits a weight. The mean error is 0.125 of a typical weight; in "
                               "the group of the largest weight (row 1, columns 32 to 63) the others are off by 0.250.")
    picture = draw_curve([16, 4, 2], [16.0, 4.5, 2.5], [0.1, 0.11, 4.0], [12, 12, 0], of=12)
    assert picture.caption == ("Size, story loss, right answers of 12: 16 bit: 16.00 MB, 0.10, 12; 4 bit: 4.50 MB, "
                               "0.11, 12; 2 bit: 2.50 MB, 4.00, 0.")
    assert picture.fig.axes[0].get_title(loc="left") == "4 bit: 1.1 times the loss; 2 bit: 40 times"
    picture = draw_leads([10.0, 20.0], [-1.0, 8.0], 2.5, 3)
    assert picture.caption == ("First 3 layers in 2 bit: the mean lead is 3.5, and 50% of the leads are below "
                               "zero (as it is: 15.0 and 0%). The story loss is 2.50.")
