"""The checker says what is wrong, where, and why; hints and predictions keep what they promise."""
import re
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from mistral_edu.lab import check, hint, outcome, predict, say
from mistral_edu.lab.exercises.bank import exercises_of, find

SOLUTIONS = Path(__file__).parents[1] / "solutions"
EXERCISES = [exercise for n in range(20) for exercise in exercises_of(f"{n:02}")]
X = mx.array([[1.0, 2.0], [3.0, 4.0]])


def solutions(notebook):
    """All functions in the Python blocks of a solutions file, by name."""
    text = (SOLUTIONS / f"{notebook}_solutions.md").read_text(encoding="utf-8")
    names = {"mx": mx, "np": np}
    for block in re.findall(r"^```python\n(.*?)^```", text, flags=re.M | re.S):
        exec(block, names)
    return names


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.label)
def test_the_printed_solution_passes(exercise):
    name = exercise.reference.__name__
    assert check(exercise.label, solutions(exercise.label.split(".")[0].zfill(2))[name])


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.label)
def test_every_usual_slip_is_named(exercise):
    for wrong, sentence in exercise.slips:
        verdict = check(exercise.label, wrong)
        assert not verdict and f"Likely: {sentence}" in verdict.message


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.label)
def test_hints_climb_and_end_at_the_solution(exercise, capsys):
    for _ in range(len(exercise.hints) + 1):
        hint(exercise.label)
    lines = " ".join(capsys.readouterr().out.split())
    assert all(" ".join(text.split()) in lines for text in exercise.hints)
    place = re.search(r"solutions/\S+\.md", lines)[0]
    assert f"## {exercise.label} " in (SOLUTIONS.parent / place).read_text(encoding="utf-8")


def test_an_unknown_exercise_names_those_there_are():
    with pytest.raises(ValueError, match="notebook 00 has 0.3"):
        find("0.99")


@pytest.mark.parametrize("fn, expected", [
    (lambda x: None, "returns None; is the return line missing"),
    (lambda x: x.sum(axis=1), r"expected shape \(2, 2\), yours has shape \(2,\)"),
    (lambda x: x.astype(mx.float16) * 2, "expected dtype float32, yours is float16"),
    (lambda x: x / 0 * 0, "NaN in 4 of 4 places"),
    (lambda x: x * 2 + (x > 3), r"expected \[\[2, 4\], \[6, 8\]\], yours gives \[\[2, 4\], \[6, 9\]\]"),
    (lambda x: "twice", "yours gives a str"),
], ids=["nothing", "shape", "dtype", "nan", "numbers", "text"])
def test_each_kind_of_difference_is_told_apart(fn, expected):
    verdict = check("t", fn, [(X,)], lambda x: x * 2)
    assert not verdict and re.search(expected, verdict.message)


def test_large_arrays_are_answered_by_place_and_count():
    def last_one_off(x):
        y = x * 2
        y[9, 4] += 1
        return y
    verdict = check("t", last_one_off, [(mx.ones((10, 5)),)], lambda x: x * 2)
    assert "1 of 50 numbers differ, the first at [9, 4]: expected 2, yours gives 3" in verdict.message


def test_an_exception_is_reported_with_the_readers_line():
    def divide(x):
        zero = 0
        return 1 / zero
    verdict = check("t", divide, [(X,)], lambda x: x)
    assert re.search(r"ZeroDivisionError: .*, in line \d+ of your cell: return 1 / zero", verdict.message)


def test_a_slip_that_cannot_run_is_recognised_by_that():
    slips = [(lambda x: x @ mx.ones((3, 3)), "the inner sizes differ")]
    verdict = check("t", lambda x: x @ mx.ones((5, 1)), [(X,)], lambda x: x, slips)
    assert "Likely: the inner sizes differ" in verdict.message


def test_nothing_leaks_between_calls_that_change_their_argument():
    def double_in_place(x):
        x += x
        return x
    case = mx.array([1.0, 2.0])
    assert check("t", double_in_place, [(case,)], lambda x: 2 * x)
    assert case.tolist() == [1.0, 2.0]


def test_bfloat16_tuples_and_expected_nan_are_compared():
    pair = lambda x: (x.astype(mx.bfloat16), float("nan"))  # noqa: E731
    assert check("t", pair, [(X,)], pair)
    assert not check("t", lambda x: (x.astype(mx.bfloat16), 1.0), [(X,)], pair)


def test_a_mask_of_numbers_is_not_a_mask_of_truths():
    assert "expected True or False" in check("t", lambda: [1, 0], [()], lambda: [True, False]).message


def test_not_started_is_neither_right_nor_wrong():
    def todo(x):
        raise NotImplementedError
    assert check("t", todo, [(X,)], lambda x: x).message.startswith("○ t: not started yet")


def test_predictions_are_echoed_beside_results(capsys):
    predict("t.1", "  Above ", choices=("above", "below"))
    outcome("t.1", "above")
    predict("t.2", 200)
    outcome("t.2", 50.0)
    predict("t.3", "sideways", choices=("above", "below"))
    predict("t.4", "?")
    outcome("t.4", "below")
    assert capsys.readouterr().out.splitlines() == [
        "Prediction t.1: above. Recorded.", "Outcome t.1: above. You predicted above: as it came out.",
        "Prediction t.2: 200. Recorded.", "Outcome t.2: 50.0. You predicted 200: off by a factor of 4.",
        "Prediction t.3: 'sideways' is not one of the choices: above, below.",
        'Prediction t.4: still open. Put your guess in place of "?", and run the cell again.',
        "Outcome t.4: below. No prediction was recorded."]


def test_say_breaks_lines_between_words_and_shows_what_came_before_an_error(capsys):
    def pieces():
        yield "a wor"
        yield "d too lo"
        yield "ng\nnext"
        raise RuntimeError("cut off")
    with pytest.raises(RuntimeError):
        say(pieces(), width=10)
    assert capsys.readouterr().out == "a word too\nlong\nnext\n"
