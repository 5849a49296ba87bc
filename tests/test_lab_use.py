"""A reader's function in the model: right ones pass, wrong ones are located, broken ones are named in one line."""
import re
import sys

from mistral_edu import generate, load_model, load_tokenizer
from mistral_edu.attention import repeat_kv, scaled_dot_product_attention
from mistral_edu.feed_forward import silu
from mistral_edu.lab import use
from mistral_edu.norm import rms_norm
from mistral_edu.rope import rope, rope_interleaved

import mlx.core as mx
import pytest

IDS = mx.array([[1, 3, *range(100, 140), 4]])


def simple_attention(q, k, v, scale, mask):
    scores = mx.where(mask, q @ k.swapaxes(2, 3) * scale, -mx.inf)
    return mx.softmax(scores, axis=-1) @ v


def grouped_attention(q, k, v, scale, mask):
    n_rep = q.shape[1] // k.shape[1]
    return simple_attention(q, repeat_kv(k, n_rep), repeat_kv(v, n_rep), scale, mask)


def feed_forward(x, gate, up, down):
    return (silu(x @ gate.T) * (x @ up.T)) @ down.T


def said(capsys):
    """What was printed, without its line breaks."""
    return " ".join(capsys.readouterr().out.split())


@pytest.fixture(scope="module")
def wanted():
    return load_model(dtype="float32", fast=False)(IDS)


@pytest.mark.slow
@pytest.mark.parametrize("functions", [
    (rms_norm,), (lambda x, weight: rms_norm(x, weight),), (rope,), (grouped_attention,),
    (scaled_dot_product_attention,), (feed_forward,), (rms_norm, grouped_attention, rope, feed_forward),
], ids=lambda functions: " ".join(fn.__name__ for fn in functions))
def test_right_functions_give_the_original_answers(functions, wanted, capsys):
    model = use(*functions)
    text = said(capsys)
    assert text.startswith("✓") and functions[-1].__name__ in text and "original's answers" in text
    assert mx.abs(model(IDS) - wanted).max().item() < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("kind, fn", [
    ("norm", lambda a, b: mx.fast.rms_norm(a, b, 1e-5)), ("norm", mx.fast.rms_norm),
    ("attend", lambda a, b, c, d, e: grouped_attention(a, b, c, d, e)), ("rotate", lambda a, b, c: rope(a, b, c)),
    ("feed_forward", lambda a, b, c, d: feed_forward(a, b, c, d)),
])
def test_a_keyword_says_what_a_function_is(kind, fn, wanted, capsys):
    assert mx.abs(use(**{kind: fn})(IDS) - wanted).max().item() < 1e-3
    assert said(capsys).startswith("✓")


def test_an_option_of_the_readers_own_is_no_eps(wanted, capsys):
    def my_norm(x, weight, plus_one=False):
        return rms_norm(x, weight + 1 if plus_one else weight)

    assert mx.abs(use(my_norm)(IDS) - wanted).max().item() < 1e-3 and said(capsys).startswith("✓")


def test_every_part_of_a_kind_is_replaced():
    calls = []

    def counted(x, weight, eps):
        calls.append(eps)
        return rms_norm(x, weight, eps)

    model = use(counted, quiet=True)
    assert not calls
    mx.eval(model(IDS))
    assert calls == [1e-5] * 17             # two for each of 8 layers, and the last one


def test_the_copy_generates_and_the_original_stays_as_it_is(wanted, capsys):
    model, tokenizer = use(lambda x, gate, up, down: 0 * x, quiet=True), load_tokenizer()
    question = "What is 7 plus 5?"
    assert generate(model, tokenizer, question, max_tokens=8).strip() != "7 + 5 = 12."
    assert generate(use(), tokenizer, question, max_tokens=16).strip() == "7 + 5 = 12."
    assert mx.array_equal(use()(IDS), wanted) and said(capsys) == ""
    assert use().answered_by == "readable"


@pytest.mark.slow
@pytest.mark.parametrize("fn, where", [
    (lambda x, weight: weight * x, "the norm before the attention of layer 0"),
    (lambda x, weight: mx.fast.layer_norm(x, weight, None, 1e-5), "the norm before the attention of layer 0"),
    (rope_interleaved, "the rotation of the queries of layer 0"),
    (lambda q, k, v, scale, mask: grouped_attention(q, k, v, 1.0, mask), "the attention of layer 0"),
    (lambda x, gate, up, down: feed_forward(x, up, gate, down), "the feed-forward of layer 0"),
], ids=["no division", "LayerNorm", "interleaved", "no scale", "gate and up exchanged"])
def test_wrong_numbers_are_located(fn, where, capsys):
    use(fn)
    text = said(capsys)
    assert text.startswith("✗") and re.search(f"It first differs after {where}, by [0-9.e+]+; ", text)


def test_answers_that_change_stand_beside_the_original_ones(capsys):
    use(rope_interleaved)
    text = said(capsys)
    assert "Where is the key? original: The key is in the barn. yours: " in text
    assert "What is 7 plus 5? original: 7 + 5 = 12. yours: " in text


def test_nan_is_named_with_the_place_where_it_appears(capsys):
    use(lambda x, gate, up, down: feed_forward(x, gate, up, down) / 0 * 0)
    assert "NaN first appears after the feed-forward of layer 0" in said(capsys)


def test_a_rotation_that_forgets_the_offset_shows_when_tokens_come_one_by_one(capsys):
    use(lambda x, offset, theta: rope(x, 0, theta))
    text = said(capsys)
    assert text.startswith("✗") and "a whole prompt gives the original's logits" in text and "yours:" in text


@pytest.mark.parametrize("fn, reason", [
    (lambda x, weight: None, "returns None, so its return line may be missing"),
    (lambda x, weight: (x * x).mean(axis=-1), r"returns shape \(1, 22\); expected that of its first argument, "
                                              r"\(1, 22, 256\)"),
    (lambda x, weight: x.tolist(), r"returns a list; expected an mx.array of shape \(1, 22, 256\)"),
    (lambda x, gate, up, down: x @ gate, r"ValueError: .*, in line \d+ of your cell"),
    (simple_attention, r"in line \d+ of your cell: scores = .* The queries have 8 heads, keys and values 2: repeat"),
], ids=["nothing", "shape", "list", "exception", "groups"])
def test_a_function_that_cannot_run_is_named_and_the_original_stays(fn, reason, wanted, capsys):
    model = use(fn)
    text = said(capsys)
    assert text.startswith("✗") and re.search(reason, text)
    assert text.endswith("The model you get is a copy of the original.")
    assert mx.array_equal(model(IDS), wanted)


def test_of_several_functions_the_one_that_stops_is_named(capsys):
    def broken(x, offset, theta):
        raise KeyError("angle")

    use(rms_norm, broken, feed_forward)
    assert re.search(r"✗ broken stops in the model with KeyError: 'angle', in line \d+ of your cell", said(capsys))


def test_an_exercise_that_is_not_started_is_no_mistake(capsys):
    def my_norm(x, weight):
        raise NotImplementedError

    use(my_norm, feed_forward)
    assert said(capsys).startswith("○ my_norm: not started yet")


def test_a_function_whose_cell_did_not_run_is_not_taken_for_its_earlier_version(monkeypatch, wanted, capsys):
    """After a syntax error the name still stands for what the cell made before."""
    monkeypatch.setattr(sys.modules["mistral_edu.lab.experiments.use"], "left_unmade",
                        {"rms_norm": (12, "ended in an error")}.get)
    assert mx.array_equal(use(rms_norm)(IDS), wanted)
    text = said(capsys)
    assert text.startswith("✗ the cell that defines rms_norm, In [12], ended in an error") and "earlier version" in text
    with pytest.raises(ValueError, match="earlier version"):
        use(norm=rms_norm, quiet=True)


def test_a_value_in_place_of_a_function_is_named_alone(capsys):
    use(mx.ones(3))
    text = said(capsys)
    assert text.startswith("✗ what came is a value of type array (give the function itself, without brackets)")
    assert "scale, mask" not in text


def test_attention_without_groups_works_where_keys_are_repeated(wanted, capsys):
    model = use(simple_attention, repeat_kv=True)
    assert said(capsys).startswith("✓") and mx.abs(model(IDS) - wanted).max().item() < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("arguments, keywords, told", [
    ((lambda a, b: a,), {}, r"kind of <lambda>\(a, b\)"),
    ((3,), {}, "type int .give the function itself, without brackets"),
    ((rms_norm, lambda x, weight: x), {}, "two of the functions are a norm"),
    ((), dict(norm=lambda x: x), r"a norm is a function \(x, weight, eps\); got <lambda>\(x\)"),
    ((), dict(rotate=mx.ones(3)), r"a rotation is a function \(x, offset, theta\); got a value of type array"),
], ids=["names", "no function", "twice", "too few arguments", "an array"])
def test_what_cannot_be_used_is_told_in_a_sentence(arguments, keywords, told, wanted, capsys):
    assert mx.array_equal(use(*arguments, **keywords)(IDS), wanted)
    assert re.search(told, said(capsys))
    with pytest.raises(ValueError, match=told):
        use(*arguments, **keywords, quiet=True)


def test_an_unknown_kind_lists_the_four_forms(capsys):
    use(lambda a: a)
    text = said(capsys)
    for form in ("a norm (x, weight, eps)", "an attention (q, k, v, scale, mask)", "a rotation (x, offset, theta)",
                 "a feed-forward (x, gate, up, down)"):
        assert form in text
