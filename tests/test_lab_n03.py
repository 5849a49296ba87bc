"""The village's own probabilities are true; notebook 03's pictures say their numbers; likely answers are told apart."""
from mistral_edu import load_tokenizer
from mistral_edu.lab import check
from mistral_edu.lab.exercises.bank import find
from mistral_edu.lab.experiments.truth.story_probabilities import shares_along
from mistral_edu.lab.n03_loss import (
    calibration_picture,
    choice_picture,
    costs_picture,
    mean_loss,
    scale_picture,
    surprise_picture,
    text_box,
    true_shares,
    village_stories,
)
from mistral_edu.lab.n03_loss.pictures import lines_of
from mistral_edu.tiny.training.data import EOS
from mistral_edu.tiny.world import held_out
from mistral_edu.tiny.world.words import DAYS

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer()


@pytest.fixture(scope="module")
def told(tokenizer):
    """The first story, and the village's probabilities along it."""
    story = village_stories(tokenizer, 1)[0]
    return story, true_shares(tokenizer, story, tellings=210)


def texts(tokenizer, shares):
    return {tokenizer.token_text(token): share for token, share in shares.items()}


def test_stories_are_held_out_and_always_the_same(tokenizer):
    stories = village_stories(tokenizer, 4)
    assert [story.text for story in stories] == [story.text for story in village_stories(tokenizer, 4)]
    assert len({story.text for story in stories}) == 4
    for story in stories:
        assert held_out(("free", story.slots["n"], story.slots["a"], story.slots["o"]))
        assert story.slots["n"] in story.text and story.ids[-1] == EOS
        assert tokenizer.decode(story.ids).strip() == story.text


@pytest.mark.slow
def test_the_first_word_has_the_shares_of_the_grammars_seven_openings(tokenizer, told):
    """Two of the seven begin with "In": see OPENINGS in tiny/world/storylines.py."""
    assert texts(tokenizer, told[1][0]) == pytest.approx(
        {" In": 2 / 7, " Not": 1 / 7, " This": 1 / 7, " Once": 1 / 7, " Long": 1 / 7, " There": 1 / 7})


def test_alternatives_are_equally_likely(tokenizer, told):
    """"but [nobody may know|do not tell anyone|it is a secret]": the story goes on with the first."""
    story, shares = told
    place = story.ids.index(tokenizer.encode(" nobody", bos=False)[0])
    assert texts(tokenizer, shares[place]) == pytest.approx({" nobody": 1 / 3, " it": 1 / 3, " do": 1 / 3})


def test_shares_are_probabilities_and_the_story_is_possible(told):
    story, shares = told
    for place, here in shares.items():
        assert sum(here.values()) == pytest.approx(1) and min(here.values()) > 0 and len(here) > 1
        assert here.get(story.ids[place], 0) > 0
    assert 20 < len(shares) < 45                            # the others leave no choice


def test_nobody_meets_a_namesake(tokenizer, told):
    """Theo's friend may be any child of the village but Theo."""
    story, shares = told
    place = story.ids.index(tokenizer.encode(" Paul", bos=False)[0])
    assert " Theo" not in texts(tokenizer, shares[place]) and len(shares[place]) > 20


@pytest.mark.slow
def test_what_the_text_does_not_show_yet_is_still_open(tokenizer):
    """"One day", "One morning", "One afternoon" and "One Sunday" are equally likely after "One", whichever it was."""
    for story in village_stories(tokenizer, 24):
        days = [day for day in DAYS if f" One {day} " in story.text]
        if days:
            break
    place = story.ids.index(tokenizer.encode(f" {days[0]}", bos=False)[0])
    shares = texts(tokenizer, true_shares(tokenizer, story, tellings=210)[place])
    assert [shares[f" {word}"] for word in ("day", "morning", "afternoon")] == pytest.approx([1 / 4] * 3)
    assert sum(shares.get(f" {day}", 0) for day in DAYS) == pytest.approx(1 / 4)


def test_shares_of_hand_made_tellings(tokenizer):
    """Three of four go on with the cat, and two of these three sit; the story's end is a token of its own."""
    text = "There was a cat who sat down. It slept."
    again = ([(text, "cat")] * 40 + [("There was a cat who ran off. It slept.", "cat")] * 20
             + [("There was a dog who ran off. It slept.", "dog")] * 20)
    shares, last_open = shares_along(tokenizer, text, again)
    cat, sat = (len(tokenizer.encode(" " + text.split(word)[0].rstrip(), bos=False)) for word in ("cat", "sat"))
    assert texts(tokenizer, shares[cat]) == pytest.approx({" cat": 3 / 4, " dog": 1 / 4})
    assert shares[sat][tokenizer.encode(" sat", bos=False)[0]] == pytest.approx(2 / 3)
    assert list(shares) == [cat, sat] and last_open == cat          # with "cat" the choice between the two is made
    shares, _ = shares_along(tokenizer, "So it was.", [("So it was.", "")] * 30 + [("So it was. The end.", "")] * 30)
    assert texts(tokenizer, list(shares.values())[0]) == pytest.approx({"</s>": 1 / 2, " The": 1 / 2})


def test_the_loss_is_that_of_mlx():
    logits, ids = mx.random.normal((7, 11), key=mx.random.key(0)), mx.array([3, 1, 4, 1, 5, 9, 2])
    expected = nn.losses.cross_entropy(logits[:-1], ids[1:]).mean().item()
    assert mean_loss(logits, ids).item() == pytest.approx(expected, abs=1e-5)


def test_pictures_say_their_numbers():
    scale = scale_picture([0.0, 1.0, 2.0], [4.0, 4.2, 5.0], [4.0, 4.3, 5.1], 1.0, 4.0)
    assert scale.caption == "Scale 1: first loss 4.20, by the formula 4.30; ln V is 4.00."
    assert scale.fig.axes[0].get_title(loc="left").endswith("4.20, 0.20 above ln V")
    costs = costs_picture([" a", " fox", " ran"], [0.01, 3.0, 0.02])
    assert costs.caption == ("2 of the 3 tokens cost less than 0.05 nats. The costliest: fox 3.0, ran 0.0, "
                             "a 0.0.")
    assert costs.fig.axes[0].get_title(loc="left") == "1 of 3 tokens carry nine tenths of this story's loss"
    choice = choice_picture("there was a", ["' fox'", "' owl'"], [0.7, 0.3], [0.5, 0.4], 3)
    assert choice.caption == "… there was a … 3 alternatives. Said / true: ' fox' 0.70 / 0.50; ' owl' 0.30 / 0.40."
    assert choice.fig.axes[0].get_title(loc="left") == "2 of 3 alternatives; the largest difference is 0.20"
    calibration = calibration_picture([0.25, 0.29, 0.5], [0.5, 0.0, 0.5])
    assert calibration.caption == ("3 probabilities. 1 of them never came in the tellings (not shown). Means of "
                                   "groups, said / true: 0.270 / 0.250; 0.500 / 0.500.")


def test_marked_is_what_costs_far_more_than_expected():
    """A name that cost 4 where 4 was expected is a free choice; a word that cost 9 where 0.1 was expected is not."""
    picture = surprise_picture([" Mia", " saw", " cat"], [4.0, 0.2, 9.0], [4.0, 0.5, 0.1])
    assert picture.caption == "Loss 4.40 nats a token, expected 1.53. Marked: cat cost 9.0, expected 0.1."
    red = [text.get_text() for text in picture.fig.axes[0].texts if text.get_fontweight() == "bold"]
    assert red == [" cat"]
    assert surprise_picture([" Mia"], [4.0], [4.0]).caption.endswith("Marked: nothing.")


def test_a_long_text_is_broken_into_lines_that_fit():
    places, height = lines_of([" word"] * 60)
    assert max(x for x, _ in places) < 6.6 and len({y for _, y in places}) > 3 and height > max(y for _, y in places)
    assert places[0] == (0.0, places[0][1])


def test_the_field_waits_for_enter():
    field = text_box("a text")
    assert field.value == "a text" and not field.continuous_update


def naive(x):
    return mx.exp(x) / mx.exp(x).sum(axis=-1, keepdims=True)


def picked(rows, ids):
    return mx.take_along_axis(rows, ids[:, None], axis=-1)


@pytest.mark.parametrize("label, answer, told", [
    ("3.3", lambda x: naive(x), "inf / inf is NaN"),
    ("3.3", lambda x: mx.exp(x) / mx.sum(mx.exp(x)), "two things"),
    ("3.3", lambda x: mx.exp(x - x.max()) / mx.exp(x - x.max()).sum(axis=-1, keepdims=True), "0 / 0 is NaN"),
    ("3.3", lambda x: mx.exp(x - x.max(-1)) / mx.exp(x - x.max(-1)).sum(-1), "keepdims=True is missing in both"),
    ("3.3", lambda x: mx.softmax(x, axis=0), "goes down the first axis"),
    ("3.3", lambda x: naive(x - x.min(axis=-1, keepdims=True)),
     "not the largest logit of the row"),
    ("3.3", lambda x: x / x.sum(axis=-1, keepdims=True), "mx.exp is missing"),
    ("3.5", lambda x, ids: nn.losses.cross_entropy(x, ids).mean(), "the token that was just read"),
    ("3.5", lambda x, ids: nn.losses.cross_entropy(x[:-1], ids[:-1]).mean(), "cut alike"),
    ("3.5", lambda x, ids: nn.losses.cross_entropy(x[1:], ids[:-1]).mean(), "shifted the wrong way"),
    ("3.5", lambda x, ids: nn.losses.cross_entropy(x[:-1], ids[1:]), "the loss is their mean"),
    ("3.5", lambda x, ids: -mx.log(picked(mx.softmax(x[:-1], axis=-1), ids[1:])).mean(), "the logarithm of 0 is -inf"),
    ("3.5", lambda x, ids: mx.log(picked(mx.softmax(x[:-1], axis=-1), ids[1:])).mean(), "two things: a loss is not"),
    ("3.5", lambda x, ids: -mx.log(mx.softmax(x, axis=-1))[mx.arange(len(ids)), ids].mean(), "two things: each row"),
    ("3.5", lambda x, ids: picked(mx.softmax(x[:-1], axis=-1), ids[1:]).mean(), "a token costs -ln of its probability"),
    ("3.5", lambda x, ids: (mx.logsumexp(x[:-1], axis=-1) - x[:-1, ids[1:]]).mean(), "a grid"),
    ("3.5", lambda x, ids: (mx.logsumexp(x[:-1], axis=0) - picked(x[:-1], ids[1:])[:, 0]).mean(), "went down the rows"),
])
def test_what_beginners_write_is_answered_with_their_slip(label, answer, told):
    verdict = check(label, answer)
    assert not verdict and told in verdict.message, verdict.message


def test_the_cases_by_hand_are_those_on_the_page():
    assert np.allclose(np.array(find("3.3").reference(mx.array([2.0, 1.0, 0.0]))), [0.665, 0.245, 0.090], atol=1e-3)
    logits, ids = find("3.5").cases[0]
    assert find("3.5").reference(logits, ids).item() == pytest.approx((0.693 + 1.386) / 2, abs=1e-3)
