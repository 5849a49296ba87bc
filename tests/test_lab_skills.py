"""Skills, story loss and the world's truth: on the shipped weights, on random ones, and on a world of one sentence."""
import math

from mistral_edu import load_model, load_tokenizer
from mistral_edu.lab.experiments.skills import (
    SKILLS,
    held_out_stories,
    recall,
    recall_items,
    said_against_true,
    share_right,
    skill_items,
    skills,
    story_logits,
    story_loss,
)
from mistral_edu.lab.experiments.truth import story_probabilities, true_shares, village_stories
from mistral_edu.tiny.world import held_out
from mistral_edu.tiny.world.storylines import Plot
from small_models import random_model

import mlx.core as mx
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer()


@pytest.fixture(scope="module")
def tiny():
    return load_model(dtype="float32")


class Uniform:
    """A model that knows nothing: every token is as likely as any other."""
    config = random_model().config

    def __call__(self, tokens, cache=None):
        return mx.zeros((*tokens.shape, 2048))


def test_the_embedded_model_has_the_skills_and_random_weights_have_none(tiny, tokenizer):
    assert len(SKILLS) == 8
    scores = skills(tiny, tokenizer, n=4)
    assert list(scores) == list(SKILLS) and sum(scores.values()) / 8 > 0.75
    assert skills(random_model(), tokenizer, n=4, names=("copy", "fact")) == {"copy": 0, "fact": 0}


def test_skills_count_the_right_answers(tiny, tokenizer):
    """An answer that nobody gives is wrong, one item in four."""
    items = skill_items(tokenizer, "copy", 4)
    wrong = items[:3] + (items[3]._replace(answer="Nobody knows."),)
    assert share_right(tiny, tokenizer, items) == 1 and share_right(tiny, tokenizer, wrong) == 0.75


def test_recall_items_can_be_pointed_at_and_are_held_out(tokenizer):
    items = recall_items(tokenizer, 6)
    assert len({item.text for item in items}) == 6 and items == recall_items(tokenizer, 6)
    for item in items:
        thing, place, k = item.meta
        assert tokenizer.decode([item.prompt[3 + 7 * k]]) == " " + thing
        assert tokenizer.decode([item.prompt[7 + 7 * k]]) == " " + place
        facts = item.text.split(" Where is ")[0].split(". ")
        facts = tuple(fact.rstrip(".") + "." for fact in facts)
        assert held_out(("rivals", facts)) and item.answer == facts[k]


def test_recall_of_the_embedded_model_and_of_random_weights(tiny, tokenizer):
    assert recall(tiny, tokenizer, n=8) > 0.8 and recall(random_model(), tokenizer, n=8) == 0


def test_the_story_loss_of_a_model_that_knows_nothing_is_ln_v(tokenizer):
    assert story_loss(Uniform(), tokenizer, n=2) == pytest.approx(math.log(2048), abs=1e-4)
    model = random_model()
    model.lm_head.weight = model.lm_head.weight * 0.1
    assert abs(story_loss(model, tokenizer, n=2) - math.log(2048)) < 0.3


def test_the_story_loss_of_the_embedded_model_is_low(tiny, tokenizer):
    assert 0.08 < story_loss(tiny, tokenizer) < 0.2


def test_the_story_loss_is_the_mean_of_minus_log_probability(tiny, tokenizer):
    """By hand, for the one story that a loss over one story is about."""
    (prompt, story), = held_out_stories(tokenizer, 1)
    probabilities = mx.softmax(tiny(mx.array([prompt + story]))[0], axis=-1)
    total = sum(-math.log(probabilities[len(prompt) - 1 + i, token].item()) for i, token in enumerate(story))
    assert story_loss(tiny, tokenizer, n=1) == pytest.approx(total / len(story), rel=0.01)
    logits, targets = story_logits(tiny, tokenizer, 1)
    assert targets.tolist() == story and logits.shape == (len(story), 2048)


def test_what_the_embedded_model_says_comes_true_as_often_as_it_says(tiny, tokenizer):
    rows = said_against_true(tiny, tokenizer, n=12, edges=(0.01, 0.1, 0.4, 0.9, 1.01))
    assert len(rows) == 4 and all(count > 20 for *_, count in rows)
    for said, true, count in rows:
        assert abs(said - true) < 3 * (said * (1 - said) / count) ** 0.5 + 0.03
    said, true, _ = said_against_true(Uniform(), tokenizer, n=2, edges=(0, 1))[0]
    assert said == pytest.approx(1 / 2048) and true == pytest.approx(1 / 2048)


WORLD = [Plot("a test", "It was [cold|warm|warm|warm] that day. {N} had a {c} {o}[, which was lost|, and was glad]. "
                        "[|Then it rained.|Then it snowed.]", "", [])]


def shares_of(tokenizer, story):
    """The world's shares, place by place: [{text of a token: share}, ...]."""
    return [{tokenizer.decode([token], skip_special=False).strip(): share for token, share in shares.items()}
            for shares in true_shares(tokenizer, story).values()]


def test_the_truth_at_a_branching_place_is_what_the_grammar_says(tokenizer, monkeypatch):
    """A world of one plot, whose choices can be counted: the shares are 1/4 and 3/4, a half each, a third each."""
    monkeypatch.setattr(story_probabilities, "PLOTS", WORLD)
    story = village_stories(tokenizer, 2)[1]
    first, *others = shares_of(tokenizer, story)
    assert story.text.startswith("It was ")
    assert tokenizer.decode(story.prompt[2:-1]).strip() == "Tell me a story about a test."
    assert first == pytest.approx({"cold": 1 / 4, "warm": 3 / 4})           # choices are exact
    tail = next(shares for shares in others if "which" in shares)
    assert tail == pytest.approx({"which": 1 / 2, "and": 1 / 2})
    last = others[-1] if "Then" in others[-1] else others[-2]
    assert sum(last.values()) == pytest.approx(1) and last["Then"] == pytest.approx(2 / 3)   # it ends, or goes on
    places = list(true_shares(tokenizer, story))
    assert tokenizer.decode(story.ids[: places[0]]).strip() == "It was"


@pytest.mark.parametrize("seed", range(4))
def test_the_truth_leaves_open_what_the_text_so_far_does_not_tell(tokenizer, monkeypatch, seed):
    """Two choices may say nothing: before "Birds" nobody knows whether the first one did."""
    plot = Plot("a test", "It was late. [|The rain fell.] [|Birds sang.]", "", [])
    monkeypatch.setattr(story_probabilities, "PLOTS", [plot])
    first = shares_of(tokenizer, story_probabilities.village_story(tokenizer, seed))[0]
    assert first == pytest.approx({"The": 1 / 2, "Birds": 1 / 4, "</s>": 1 / 4}, abs=0.08)


def test_a_story_and_its_truth_are_the_same_for_the_same_seed(tokenizer):
    one, other = (story_probabilities.village_story(tokenizer, seed) for seed in (3, 4))
    shares = true_shares(tokenizer, one, tellings=42)
    assert shares == true_shares(tokenizer, story_probabilities.village_story(tokenizer, 3), tellings=42)
    assert one.ids != other.ids and all(sum(each.values()) == pytest.approx(1) for each in shares.values())


def test_the_embedded_model_says_what_is_true_of_its_world(tiny, tokenizer):
    story, pairs = village_stories(tokenizer, 1)[0], []
    said = mx.softmax(tiny(mx.array([story.prompt + story.ids]))[0], axis=-1)     # (L, vocab_size)
    for place, shares in true_shares(tokenizer, story).items():
        pairs += [(said[len(story.prompt) - 1 + place, token].item(), true) for token, true in shares.items()]
    assert len(pairs) > 20
    assert sum(abs(said - true) for said, true in pairs) / len(pairs) < 0.06
