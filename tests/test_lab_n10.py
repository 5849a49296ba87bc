"""What notebook 10 looks with: eight questions, the pictures of five lenses, its exercises."""
from functools import partial

from mistral_edu import encode_chat, generate, load_model, load_tokenizer
from mistral_edu.lab import check
from mistral_edu.lab.exercises.bank import find
from mistral_edu.lab.experiments.inside import record
from mistral_edu.lab.n10_block import (
    draw_attention,
    draw_both,
    draw_lens,
    draw_shares,
    place_ids,
    places_right,
    questions,
)
from mistral_edu.lab.n10_block.exercises import block
from mistral_edu.transformer import Block
from small_models import random_model

import mlx.core as mx
import numpy as np
import pytest

FEW = [(3, 7), (5, 4)]          # two heads of `tiny`: one that binds things to places, one that fetches the answer


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer()


def test_questions_break_off_where_the_right_place_comes(tokenizer):
    tokens, answers = questions(tokenizer, n=4)
    assert tokens.shape[0] == 4 and answers.shape == (4,)
    for text, answer in zip(tokens.tolist(), answers.tolist()):
        facts, asked = tokenizer.decode(text).split(" Where is the ")
        thing, place = asked.split("?")[0], tokenizer.decode([answer]).strip()
        assert f"The {thing} is in the {place}." in facts and asked.endswith(f" The {thing} is in the")
        assert facts.count(" is in the ") == 6 and answer in place_ids(tokenizer)


def test_another_seed_asks_other_questions(tokenizer):
    first, again, other = (questions(tokenizer, n=2, seed=seed)[0] for seed in (0, 0, 1))
    assert mx.array_equal(first, again) and not mx.array_equal(first, other)


def test_places_right_is_what_the_whole_model_says(tokenizer):
    model = load_model(dtype="float32", fast=False)
    tokens, answers = questions(tokenizer)
    expected = (model(tokens)[:, -1].argmax(axis=-1) == answers).sum().item()
    assert places_right() == expected
    model.layers[2].mlp.down_proj.weight = 0 * model.layers[2].mlp.down_proj.weight
    expected = (model(tokens)[:, -1].argmax(axis=-1) == answers).sum().item()
    assert places_right(feed_forwards=[2]) == expected


def test_one_head_binds_and_the_part_that_writes_most_is_not_needed():
    assert places_right() == places_right(heads=[(5, 4)]) == places_right(feed_forwards=[7]) == 8
    assert places_right(heads=[(3, 7)]) < 5


def test_without_the_last_feed_forward_the_sentence_breaks_and_the_place_stays(tokenizer):
    """Why the questions end before the place: only the place is asked for."""
    model = load_model(dtype="float32", fast=False)
    model.layers[7].mlp.down_proj.weight = 0 * model.layers[7].mlp.down_proj.weight
    question = "The ball is in the kitchen. The key is in the barn. Where is the key?"
    assert generate(model, tokenizer, question, max_tokens=12).strip() != "The key is in the barn."


def test_the_binding_head_looks_from_the_place_to_its_thing(tokenizer):
    text = encode_chat([{"role": "user", "content": "The ball is in the kitchen. Where is the ball?"}], tokenizer)
    pattern = record(load_model(dtype="float32"), text).pattern[:, :, 6, 3]           # from "the" to "ball"
    assert divmod(int(pattern.argmax()), 8) == (3, 7)


def test_the_block_of_the_exercise_is_that_of_the_library():
    layer = random_model().layers[0]
    x = mx.random.normal((1, 5, 64), key=mx.random.key(0))
    ours = block(x, layer.input_layernorm, layer.self_attn, layer.post_attention_layernorm, layer.mlp)
    assert isinstance(layer, Block) and mx.array_equal(ours, layer(x))


def a_block_in_one_line(x, norm_1, attn, norm_2, mlp, at_once=False):
    return x + attn(norm_1(x)) + mlp(norm_2(x if at_once else x + attn(norm_1(x))))


def test_another_way_to_the_same_block_passes():
    assert check("10.1", a_block_in_one_line)


def in_turn(wrong):
    """A block that is right where both parts read at once."""
    def block(x, norm_1, attn, norm_2, mlp, at_once=False):
        return (partial(a_block_in_one_line, at_once=True) if at_once else wrong)(x, norm_1, attn, norm_2, mlp)
    return block


def not_at_once(x, norm_1, attn, norm_2, mlp, at_once=False):
    x = x + attn(norm_1(x))
    return x + mlp(norm_2(x))


def one_copy_for_both(x, norm_1, attn, norm_2, mlp, at_once=False):
    if at_once:
        y = norm_1(x)
        return x + attn(y) + mlp(y)
    return a_block_in_one_line(x, norm_1, attn, norm_2, mlp)


def neither_in_turn_nor_at_once(x, norm_1, attn, norm_2, mlp, at_once=False):
    return norm_2(norm_1(x + attn(x)) + mlp(norm_1(x + attn(x))))


@pytest.mark.parametrize("answer, words", [
    (in_turn(lambda x, norm_1, attn, norm_2, mlp: x + attn(norm_1(x)) + mlp(norm_2(x))), "what the attention has left"),
    (in_turn(lambda x, norm_1, attn, norm_2, mlp: mlp(norm_2(attn(norm_1(x))))), "where it should add"),
    (in_turn(lambda x, norm_1, attn, norm_2, mlp: x + mlp(norm_2(x + attn(norm_1(x))))),
     "what the attention has added is lost"),
    (in_turn(lambda x, norm_1, attn, norm_2, mlp: (x := norm_1(x)) + attn(x) + mlp(norm_2(x + attn(x)))),
     "in the first half"),
    (neither_in_turn_nor_at_once, "norms the sum"),
    (not_at_once, "at_once changes nothing"),
    (lambda *parts: a_block_in_one_line(*parts[:5], at_once=len(parts) < 6), "the wrong way round"),
    (one_copy_for_both, "each part still has a norm of its own"),
])
def test_wrong_blocks_are_answered_to_the_point(answer, words):
    assert words in " ".join(check("10.1", answer).message.split())


@pytest.fixture
def two_heads(monkeypatch):
    """The checker tries two heads in the place of 64."""
    monkeypatch.setattr("mistral_edu.lab.n10_block.exercises.fewest_right",
                        lambda right: min(right(heads=[head]) for head in FEW))


@pytest.mark.parametrize("answer, words", [
    (lambda right: right(heads=[(7, 7)]), "all 8 places are still right"),
    (lambda right: right(feed_forwards=[7]), "all 8 places are still right"),
    (lambda right: right(), "all 8 places are still right"),
    (lambda right: (3, 7), "(3, 7) is a head, not what comes of silencing it"),
    (lambda right: right(heads=(3, 7)), "heads is a list of pairs"),
    (lambda right: right(3, 7), "has to be named"),
    (lambda right: right(heads=[(0, head) for head in range(8)]), "you silenced 8 parts; name one head"),
    (lambda right: right(heads=[(3, 7), (3, 3)]), "you silenced 2 parts; name one head"),     # costs as much as (3, 7)
    (lambda right: 8 - right(heads=[(3, 7)]), "that is how many are lost"),
    (lambda right: right(heads=[(8, 0)]), "there is no layer 8; the model has 8, and they count from 0"),
])
def test_heads_that_are_not_it_are_answered_to_the_point(two_heads, answer, words):
    verdict = check("10.6", answer)
    assert not verdict and words in " ".join(verdict.message.split())


def test_the_checker_accepts_the_head_that_costs_most_and_gives_none_away(two_heads):
    assert check("10.6", lambda right: right(heads=[(3, 7)]))
    assert "7" not in check("10.6", lambda right: right(heads=[(5, 4)])).message.replace("5, 4", "")
    assert "(3, 7)" not in " ".join(find("10.6").hints)


def test_the_pictures_say_their_numbers():
    chances = np.array([[0.1, 0.2, 0.3, 0.4], [0.9, 0.05, 0.03, 0.02]])
    lens = draw_lens(chances, np.array([0, 1, 2, 3]), lambda token: " abcd"[token + 1], layers=1)
    assert lens.caption == ("After 1 layer: a 0.900, b 0.050, c 0.030. All places together 0.980; the right one 0.900, "
                            "the other one mentioned 0.050.")
    shares = np.array([[0.5, -0.25, 0.0], [0.25, 0.0, 8.5]])
    assert draw_shares(shares, embedding=1.0).caption == (
        "The difference of 10.00 as a sum: heads 0.50, feed-forwards 8.50, embedding 1.00. The largest part: layer 1 "
        "feed-forward, 8.50.")
    assert draw_attention(["a", "b", "c"], [0.1, 0.9, 0.0], 5, 4, 1).caption == (
        'Layer 5 head 4, from token 1, "b": 0.90 to token 1, "b"; 0.10 to token 0, "a".')
    both = draw_both(shares, np.array([[0, 6, 0], [0, 0, 0]]), asked=16)
    assert both.caption == ("Writes most: layer 1 feed-forward, 8.50; without it 0 of 16 places are lost. Missed most: "
                            "layer 0 head 1, 6 of 16; it writes -0.25. 5 of 6 parts can go one at a time without a "
                            "loss.")
    assert both.fig.get_suptitle().startswith("What writes most is not missed")
    assert draw_both(shares, np.array([[0, 0, 0], [0, 0, 6]]), asked=16).fig.get_suptitle().startswith("What each part")
