"""The small world as a whole: its splits, its shares, and the words that it never says."""
import random
import re
from collections import Counter

from mistral_edu.tiny.world import MAKERS, MIX, held_out, prompts, sample, words
from mistral_edu.tiny.world.probes import UNSEEN

import pytest

FREE = {"plain", "free_story"}          # no prompt of their own: "Tell me a story." is the same for both splits


def text_of(doc):
    return doc.text or "\n".join(text for turn in doc.turns for text in turn)


def test_the_same_seed_tells_the_same():
    one, other = ([text_of(sample(r)) for _ in range(50)] for r in (random.Random(1), random.Random(1)))
    assert one == other
    assert one != [text_of(sample(random.Random(2))) for _ in range(50)]


@pytest.mark.slow
@pytest.mark.parametrize("task", MAKERS)
def test_splits_differ_in_content(task):
    r = random.Random(task)
    for split in ("train", "test"):
        for _ in range(15):
            doc = sample(r, split, task)
            assert held_out(doc.key) == (split == "test")
            assert doc.turns or doc.text


@pytest.mark.slow
def test_no_prompt_of_the_test_occurs_in_training():
    asked = set()
    for task in set(MAKERS) - FREE:
        r = random.Random(task)
        asked |= {prompts(sample(r, "test", task))[0].lower() for _ in range(40)}
    r = random.Random(3)
    for _ in range(6000):
        doc = sample(r)
        if doc.task not in FREE:
            assert not asked & {prompt.lower() for prompt in prompts(doc)[:1]}, doc


@pytest.mark.slow
def test_about_four_percent_are_held_out():
    r = random.Random(4)
    held = Counter()
    for _ in range(3000):
        held[held_out(MAKERS["story"](r).key)] += 1
    assert 0.02 < held[True] / 3000 < 0.08


@pytest.mark.slow
def test_words_of_the_exam_are_never_said():
    forbidden = re.compile(rf"\b({'|'.join(UNSEEN)})s?\b", re.IGNORECASE)
    r = random.Random(5)
    for _ in range(3000):
        text = text_of(sample(r))
        assert not forbidden.search(text), (forbidden.search(text), text)


def test_words_of_the_exam_are_in_no_list():
    lists = {name: value for name, value in vars(words).items() if isinstance(value, (list, dict))}
    assert {"OBJECTS", "GUESTS", "THINGS", "GUEST_PLACES", "FAMILY"} <= set(lists)
    for name, value in lists.items():
        said = {part for word in value for part in re.findall(r"\w+", word.lower())}
        assert not {part for part in said if part in UNSEEN or part.removesuffix("s") in UNSEEN}, name


def test_made_up_words_come_in_many_shapes():
    r = random.Random(6)
    made = [words.made_up(r) for _ in range(4000)]
    assert len(set(made)) > 3200
    assert len({len(word) for word in made}) > 12
    assert 0.05 < sum(" " in word for word in made) / len(made) < 0.15
    assert not set(made) & UNSEEN and all(re.fullmatch(r"[a-z -]{3,}", word) for word in made)


def test_vocabulary_is_large_and_has_no_word_twice():
    assert len(set(words.OPEN_WORDS)) >= 600
    village = words.NAMES + words.ANIMALS + words.OBJECTS + words.COLOURS + words.FOODS + list(words.PLACES)
    assert len(set(village)) == len(village)
    assert not set(village) & set(words.GUESTS + words.THINGS + list(words.GUEST_PLACES) + words.NEW_NAMES)


def test_a_quarter_of_the_text_forces_matching():
    length = {}
    for name, maker in MAKERS.items():
        r = random.Random(name)
        length[name] = MIX[maker] * sum(len(text_of(sample(r, task=name))) for _ in range(60))
    share = sum(length[name] for name in ("rivals", "pairs", "things", "sentence")) / sum(length.values())
    assert share > 0.25


def test_documents_fit_into_the_context():
    r = random.Random(7)
    lengths = sorted(len(text_of(sample(r))) for _ in range(2000))
    assert lengths[-1] < 7000, "about 1,700 tokens: far beyond the context of 1024"
    assert lengths[len(lengths) * 98 // 100] < 3500


def test_unknown_tasks_and_splits_are_named():
    with pytest.raises(ValueError, match="no such task: 'poem'"):
        sample(random.Random(0), task="poem")
    with pytest.raises(ValueError, match="not 'dev'"):
        sample(random.Random(0), "dev")


def test_examples_of_every_task_are_printed(capsys):
    import runpy
    import sys
    from unittest import mock
    with mock.patch.object(sys, "argv", ["world", "3"]):
        runpy.run_module("mistral_edu.tiny.world", run_name="__main__")
    printed = capsys.readouterr().out
    assert printed.count("--- ") >= 2 * len(MIX) and "[INST]" in printed
