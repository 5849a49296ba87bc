"""The embedded model meets its bars on a sample of its exam, and the exam is fair."""
import argparse
import json
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress

import mistral_edu
from mistral_edu.commands import evaluate as command
from mistral_edu.tiny import answers, evaluate
from mistral_edu.tiny import exam as exams
from mistral_edu.tiny.world import held_out, sample, words
from mistral_edu.tiny.world.probes import REAL_WORLD, WISHES
from small_checkpoints import write_checkpoint
from small_models import random_model

import numpy as np
import pytest

pytestmark = pytest.mark.slow  # `make check` leaves the exam to `make test`

SAMPLE = 12  # prompts a task


@pytest.fixture(scope="module")
def tiny():
    return evaluate.at_precision("tiny", 16)


@pytest.fixture(scope="module")
def exam(tiny):
    return exams.make_exam(tiny[1], n=SAMPLE, n_recall=10, distances=(64, 256, 512, 704))


@pytest.fixture(scope="module")
def results(tiny, exam):
    """What the bars below ask about: of recall, that among rivals alone; of the wishes, every third."""
    model, tokenizer = tiny
    among_rivals = {(distance, rivals): items for (distance, rivals), items in exam["recall"].items() if rivals}
    asked = {**exam, "recall": among_rivals, "wishes": exam["wishes"][::3]}
    return evaluate.measure(model, tokenizer, asked, evaluate.held_out_documents("tiny", 20))


# ---------------------------------------------------------------- the bars, on a sample
def test_exact_match(results):
    assert results["exact_match"] >= 0.98, results["tasks"]
    weak = {name: r for name, r in results["tasks"].items() if r["exact_match"] < 0.9}
    assert weak == {}
    assert results["sums"]["exact_match"] >= 0.98


@pytest.mark.parametrize("distance, bar", [(64, 0.98), (256, 0.98), (512, 0.98), (704, 0.95)])
def test_recall_among_rivals(results, distance, bar):
    (point,) = [p for p in results["recall"] if p["distance"] == distance and p["rivals"] == 2]
    assert point["accuracy"] >= bar


def test_stories_meet_every_wish_and_differ(results):
    assert results["stories"]["satisfied"] >= 0.99 and results["stories"]["distinct"] >= 0.85


def test_words_never_seen_are_copied_whole(results):
    assert results["wishes"] == {"satisfied": results["wishes"]["satisfied"], "n": len(WISHES[::3])}
    assert results["wishes"]["satisfied"] >= 0.7


def test_what_lies_outside_is_declined(results):
    assert results["real_world"]["declined"] >= 0.9 and results["real_world"]["n"] == len(REAL_WORLD)


def test_four_bits_lose_little(tiny, exam, results):
    model, tokenizer = evaluate.at_precision("tiny", 4)
    some = {task: items for task, items in exam["tasks"].items()
            if task in ("scene_who", "arithmetic", "copy", "rivals")}
    right = [ok for items in some.values() for ok in answers.answered(model, tokenizer, items)]
    whole = [results["tasks"][task]["exact_match"] for task in some]
    assert answers.accuracy(right) >= np.mean(whole) - 0.06  # at most 3 of 48 fewer


# ---------------------------------------------------------------- the measuring itself
def test_one_pass_says_what_greedy_decoding_does(tiny, exam):
    model, tokenizer = tiny
    items = [exam["tasks"][task][i] for task in ("spell", "pairs", "scene_has") for i in range(3)]
    items.append(items[0]._replace(answer="something else entirely"))
    said = []
    for item in items:
        pieces = list(mistral_edu.stream_generate(model, tokenizer, item.prompt, max_tokens=60))
        ended = pieces[-1].finish_reason == "stop"
        said.append(ended and "".join(p.text for p in pieces) in (item.answer, " " + item.answer))
    assert answers.answered(model, tokenizer, items) == said
    assert not said[-1]


def test_stories_told_side_by_side_are_those_told_alone(tiny, exam):
    model, tokenizer = tiny
    items = exam["stories"][:3]
    for item, (text, ended) in zip(items, answers.told(model, tokenizer, items)):
        alone = mistral_edu.generate(model, tokenizer, item.prompt, max_tokens=exams.LONGEST_STORY)
        assert text == alone.strip() and ended


def test_a_wish_counts_only_as_a_whole_word():
    assert answers.contains("Two red Foxes and a fox.", "fox")
    assert answers.contains("All cats sleep.", "cat") and not answers.contains("A catapult.", "cat")


def test_masking_leaves_only_the_telling():
    a, b = "Mia had a red ball.", "Ben had a blue kite."
    assert {"Mia", "Ben"} <= set(words.GIRLS + words.BOYS)
    assert answers.masked(a) == answers.masked(b) == "_ had a _ _."
    assert answers.distinct([(a, True), (b, True)]) == 0.5


def test_perplexity_is_one_over_the_likelihood(tiny):
    model, _ = tiny
    documents = evaluate.held_out_documents("tiny", 6)
    once, twice = answers.perplexity(model, documents), answers.perplexity(model, documents * 2)
    assert 1.0 < once < 3.0 and once == pytest.approx(twice, abs=1e-3)


# ---------------------------------------------------------------- a fair exam
def test_no_item_could_have_been_trained_on(tiny):
    r = random.Random(5)
    for task in ("story", "scene", "rivals", "arithmetic"):
        for _ in range(30):
            assert held_out(sample(r, "test", task).key) and not held_out(sample(r, "train", task).key)


def test_recall_items_lie_at_their_distance(tiny, exam):
    _, tokenizer = tiny
    for (distance, rivals), items in exam["recall"].items():
        for item in items[:3]:
            assert item.meta == distance
            subject = tokenizer.decode(item.prompt)
            facts = subject[: subject.rindex(".")]
            assert len(item.prompt) > distance and facts
            assert len(item.prompt) < distance + 40 + 20 * rivals


def test_the_same_seed_gives_the_same_exam(tiny):
    _, tokenizer = tiny
    assert exams.task_items(tokenizer, "pairs", 3) == exams.task_items(tokenizer, "pairs", 3)
    assert exams.task_items(tokenizer, "pairs", 3, seed=1) != exams.task_items(tokenizer, "pairs", 3)


# ---------------------------------------------------------------- the command
def test_the_json_object_has_the_promised_form(results):
    assert set(results) >= {"exact_match", "tasks", "stories", "recall", "perplexity"}
    assert set(results["tasks"]) == set(exams.TASKS)
    assert all(set(t) == {"exact_match", "n"} for t in results["tasks"].values())
    assert set(results["stories"]) == {"satisfied", "distinct", "n"}
    assert all(set(p) == {"distance", "rivals", "accuracy", "n"} for p in results["recall"])
    whole = {"model": "tiny", "precisions": {"16": results}}
    assert json.loads(json.dumps(whole)) == whole
    lines = evaluate.table(whole).splitlines()
    assert lines[0].endswith("| 16 bit |") and all(line.count("|") == 4 for line in lines)


def test_precisions_measured_side_by_side_give_the_same(tmp_path, monkeypatch):
    """Of a model with one layer and random weights: what it knows does not matter here, and it tells stories fast."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    small = write_checkpoint(tmp_path / "small", random_model(n_layers=1, context_len=1024))
    sizes = dict(n=1, n_recall=1, distances=(16,), progress=evaluate.say_nothing)
    both = evaluate.evaluate(small, (8, 4), processes=2, **sizes)["precisions"]
    assert list(both) == ["8", "4"] and os.environ["OPENBLAS_NUM_THREADS"] == "1"
    assert both["4"] == evaluate.evaluate_one(small, 4, **sizes)
    assert both["8"]["perplexity"] != both["4"]["perplexity"]


def test_ctrl_c_ends_the_processes_of_all_precisions():
    """As a terminal sends it, to the whole group, while two are being measured, and the third waits."""
    code = ("from mistral_edu.tiny import evaluate\n"
            "if __name__ == '__main__': evaluate.evaluate(processes=2, n=3, n_recall=1)")
    command = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, start_new_session=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        begun = set()
        while len(begun) < 2:
            begun.add(command.stderr.readline().split(",")[0])
        assert begun == {"16 bit", "8 bit"}
        os.killpg(command.pid, signal.SIGINT)
        assert "KeyboardInterrupt" in command.communicate(timeout=10)[1]  # which ends with the last that writes there
    finally:
        with suppress(ProcessLookupError):
            os.killpg(command.pid, signal.SIGKILL)


@pytest.mark.parametrize("model", ["run", "run/checkpoints/0000.01M"])
def test_a_model_of_another_world_is_not_asked_about_the_village(tmp_path, monkeypatch, model):
    monkeypatch.chdir(tmp_path)
    (tmp_path / model).mkdir(parents=True)
    (tmp_path / "run/world.py").write_text("MIX = {}")
    with pytest.raises(ValueError, match="learned a world of its own, run/world.py, .* exact_match in run/log.jsonl"):
        evaluate.evaluate(model)


def test_arguments():
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert parser.parse_args([]).bits == [16, 8, 4] and parser.parse_args(["--bits", "4"]).bits == [4]
