"""The checker says what is wrong, where, and why; hints and predictions keep what they promise."""
import importlib
import re
import signal
import time
from pathlib import Path

from mistral_edu.lab import check, hint, outcome, predict, say
from mistral_edu.lab.exercises import hints
from mistral_edu.lab.exercises.bank import exercises_of, find
from mistral_edu.lab.exercises.time_limit import time_limit
from mistral_edu.masks import sliding_window_mask

import mlx.core as mx
import numpy as np
import pytest

check_module = importlib.import_module("mistral_edu.lab.exercises.check")      # its name is also its function's
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


@pytest.mark.parametrize("exercise", [
    pytest.param(exercise, marks=pytest.mark.slow if exercise.label == "10.6" else ()) for exercise in EXERCISES
], ids=lambda exercise: exercise.label)
def test_the_printed_solution_passes(exercise):
    name = exercise.reference.__name__
    assert check(exercise.label, solutions(exercise.label.split(".")[0].zfill(2))[name])


@pytest.mark.slow
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
    (lambda x: None, "returns None; is a return line missing"),
    (lambda x: x.sum(axis=1), r"expected shape \(2, 2\), yours has shape \(2,\)"),
    (lambda x: x.astype(mx.float16) * 2, "expected dtype float32, yours is float16"),
    (lambda x: x / 0 * 0, "NaN in 4 of 4 places"),
    (lambda x: x * 2 + (x > 3), r"expected \[\[2, 4\], \[6, 8\]\], yours gives \[\[2, 4\], \[6, 9\]\]"),
    (lambda x: "twice", "yours gives a str"),
    (lambda x: (row for row in x * 2), "yields its results one by one; collect them"),
], ids=["nothing", "shape", "dtype", "nan", "numbers", "text", "generator"])
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


def test_the_same_for_arrays_in_a_list():
    def doubled(gradients):
        return [2 * g for g in gradients]

    def in_place(gradients):
        for g in gradients:
            g *= 2
        return gradients

    cases = [([mx.array([3.0]), mx.array([4.0])],)]
    assert "your function changes gradients" in check("t", in_place, cases, doubled).message
    assert [g.item() for g in cases[0][0]] == [3, 4]
    assert not check("t", lambda gradients: gradients, cases, doubled)
    assert check("t", doubled, cases, doubled)


def test_what_is_right_is_computed_only_for_those_who_have_begun():
    def not_begun(x):
        raise NotImplementedError
    assert "not started yet" in check("t", not_begun, [(X,)], lambda x: 1 / 0).message


def test_a_loop_without_an_end_is_ended(monkeypatch):
    monkeypatch.setattr(check_module, "time_limit", lambda *seconds: time_limit(0.2))
    def counts(x):
        while True:
            x = x + 0
    verdict = check("t", counts, [(1,)], lambda x: x)
    assert re.search(r"TimeoutError: it had not ended after 0.2 seconds; does a loop go on for ever, or take very "
                     r"many steps\?, in line \d+ of your cell: ", verdict.message)
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL and signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_what_a_function_prints_is_cut_short(capsys):
    def chatty(n):
        print("n is", n)
        for _ in range(2000):
            print("again")
        return n
    check("t", chatty, [(1,), (2,)], lambda n: 2 * n, [(lambda n: n, "double it")])
    printed = capsys.readouterr().out
    assert printed.startswith("n is 1\nagain\n") and "prints more; it is not shown" in printed
    assert len(printed) < 1000 and "Likely: double it" in printed


def test_a_slow_wrong_answer_is_told_soon(monkeypatch):
    """To name a slip, the reader's function is run on all cases; where that takes long, the answer comes without it."""
    monkeypatch.setattr(check_module, "SOON", 0.3)
    ran_to_its_end = []
    def slow(n):
        time.sleep(0.1 * n)
        ran_to_its_end.append(n)
        return n
    message = check("t", slow, [(1,), (100,)], lambda n: 2 * n, [(lambda n: n, "double it")]).message
    assert "expected 2, yours gives 1" in message and "Likely" not in message and 100 not in ran_to_its_end


def test_a_slip_that_cannot_run_is_recognised_by_that():
    slips = [(lambda x: x @ mx.ones((3, 3)), "the inner sizes differ")]
    verdict = check("t", lambda x: x @ mx.ones((5, 1)), [(X,)], lambda x: x, slips)
    assert "Likely: the inner sizes differ" in verdict.message


def test_cases_without_a_reference_are_refused():
    with pytest.raises(ValueError, match="give it a function that is right"):
        check("t", lambda x: x, [(1,)])


def test_a_function_that_changes_its_argument_is_told_so_and_the_next_one_meets_it_as_it_was():
    """In a model, what it changes is the row that the other parts go on with."""
    def double_in_place(x):
        x += x
        return x
    case = mx.array([1.0, 2.0])
    verdict = check("t", double_in_place, [(case,)], lambda x: 2 * x)
    assert not verdict and "changes x" in verdict.message and "mx.array(x)" in verdict.message
    assert case.tolist() == [1.0, 2.0]


def test_bfloat16_tuples_and_expected_nan_are_compared():
    pair = lambda x: (x.astype(mx.bfloat16), float("nan"))
    assert check("t", pair, [(X,)], pair)
    assert not check("t", lambda x: (x.astype(mx.bfloat16), 1.0), [(X,)], pair)


@pytest.mark.parametrize("made, what", [(np.array, "a NumPy array"), (lambda x: x.tolist(), "a list")])
def test_right_numbers_that_are_no_array_of_mlx_are_not_taken(made, what):
    """A model could not go on with them; a single number may come from anywhere."""
    message = check("t", lambda x: made(x * 2), [(X,)], lambda x: x * 2).message
    assert message == (f"✗ t, case 1 of 1: the numbers are right, but they come as {what}; "
                       "convert it with mx.array(...).")
    assert check("t", lambda x: x.sum().item(), [(X,)], lambda x: x.sum())


def test_of_two_slips_that_cannot_run_the_one_with_the_same_shapes_is_named():
    slips = [(lambda x: x @ mx.ones((3, 3)), "three"), (lambda x: x @ mx.ones((5, 1)), "five")]
    assert "Likely: five" in check("t", lambda x: x @ mx.ones((5, 1)), [(X,)], lambda x: x, slips).message


def test_a_mask_of_numbers_is_not_a_mask_of_truths():
    assert "expected True or False" in check("t", lambda: [1, 0], [()], lambda: [True, False]).message


def test_a_result_in_place_of_the_function_is_told_apart(capsys):
    verdict = check("0.3", X - 1)
    assert verdict.message.startswith("✗ 0.3: give the function itself, without brackets after its name: "
                                      'check("0.3", subtract_row_mean).')
    assert "[[0, 1], [2, 3]]" in verdict.message
    assert 'check("8.9", pairs)' in check("8.9").message


def test_small_masks_are_shown_side_by_side():
    def window_too_wide(L, window, offset):
        return find("8.3").reference(L, window + 1, offset)
    assert check("8.3", window_too_wide).message.splitlines() == [
        "✗ 8.3, case 1 of 5: 2 of 12 entries differ:",
        "  expected        yours",
        "  0 0 1 1 1 0  ≠  0 1 1 1 1 0",
        "  0 0 0 1 1 1  ≠  0 0 1 1 1 1",
        "  It was called with L = 2, window = 3, offset = 4. Likely: your rows see window + 1 keys: a token's own key "
        "counts, so it is back < window"]


def test_masks_of_different_shapes_are_shown_side_by_side_too():
    verdict = check("t", lambda: mx.array([[True]]), [()], lambda: mx.array([[True, False], [True, True]]))
    assert verdict.message.splitlines()[:4] == [
        "✗ t, case 1 of 1: expected shape (2, 2), yours has shape (1, 1):", "  expected     yours",
        "  1 0       ≠  1", "  1 1       ≠"]


def test_rows_that_agree_carry_no_sign_and_large_masks_are_counted():
    want = np.eye(3, dtype=bool)
    got = want.copy()
    got[2, 0] = True
    lines = check("t", lambda: got, [()], lambda: want).message.splitlines()
    assert lines[2:5] == ["  1 0 0        1 0 0", "  0 1 0        0 1 0", "  0 0 1     ≠  1 0 1"]
    large = np.zeros((20, 20), dtype=bool)
    assert "400 of 400 numbers differ" in check("t", lambda: ~large, [()], lambda: large).message


def test_one_case_alike_names_no_slip():
    """Many wrong formulas give the same 0 at one case: a slip is named when it is like the answer at most of them."""
    slips = [(lambda x: 0 * x, "that is always 0")]
    assert "Likely" not in check("t", lambda x: x - 1, [(1,), (2,), (3,)], lambda x: 2 * x, slips).message
    assert "that is always 0" in check("t", lambda x: x - x, [(1,), (2,), (3,)], lambda x: 2 * x, slips).message


def test_an_error_is_only_taken_for_a_slip_with_the_same_message():
    slips = [(lambda x: x @ mx.ones((3, 3)), "the inner sizes differ")]
    for other in (lambda x: x + mx.ones((3, 3)), lambda x: x.size()):
        verdict = check("t", other, [(X,)], lambda x: x, slips)
        assert "your code stops with" in verdict.message and "Likely" not in verdict.message


def test_advice_names_the_arguments():
    assert "It was called with n = 6, window = 3. A hint waits" in check("8.9", lambda n, window: 1).message


# What beginners wrote in place of the answers: the checker's sentence holds these words.
BEGINNERS = {
    "0.3": [
        (lambda x: x - mx.mean(x, axis=1), "keepdims=True gives (rows, 1)"),
        (lambda x: x - x.mean(keepdims=True), "a single mean for the whole array"),
        (lambda x: x - x.sum(axis=1, keepdims=True) / x.shape[0], "number of rows"),
        (lambda x: x - x.mean(axis=1, keepdim=True), "keepdims, with an s"),
        (lambda x: x - np.mean(x, axis=1), "use x.mean"),
        (lambda x: x - x.mean(axis=2, keepdims=True), "axes are counted from 0")],
    "8.3": [
        (lambda L, w, o: [[0 <= i - j < w for j in range(o + L)] for i in range(L)], "start at position 0"),
        (lambda L, w, o: mx.tril(mx.ones((o + L, o + L))) == 1, "causal mask of the whole text"),
        (lambda L, w, o: [[0 <= i - j <= w for j in range(o + L)] for i in range(L)], "instead of offset; and it is"),
        (lambda L, w, o: (back(L, o) >= 0) and (back(L, o) < w), "a single truth"),
        (lambda L, w, o: back(L, o) >= 0 & back(L, o) < w, "brackets around each"),
        (lambda L, w, o: [[int(0 <= i + o - j < w) for j in range(o + L)] for i in range(L)], "as 1 and 0")],
    "8.5": [
        (lambda p, d, w: p - d * w, "And there is no token before position 0"),
        (lambda p, d, w: p - d * w + 1, "takes off one token for all layers together"),
        (lambda p, d, w: max(0, p - w), "one layer, and one token too far"),
        (lambda p, d, w: max(1, p - d * (w - 1)), "position 0, not 1"),
        (lambda p, d, w: p - min(d, p // max(1, w - 1)) * (w - 1), "would pass the beginning"),
        (lambda p, d, w: d * (w - 1) - p, "signs are reversed"),
        (lambda p, d, w: p - (d - 1) * w, "one layer too few: there are depth hops; and each")],
    "8.9": [
        (lambda n, w: min(n, w) * n, "the first queries see fewer"),
        (lambda n, w: sum(range(n + 1)), "that is full attention"),
        (lambda n, w: [min(i + 1, w) for i in range(n)], "add them up"),
        (lambda n, w: sum(range(w)) + (n - w) * w, "And a text may be shorter"),
        (lambda n, w: n * (n + 1) // 2 - (n - w) * (n - w + 1) // 2, "right for texts longer than the window"),
        (lambda n, w: sum(min(i + 1, w) for i in range(n + 1)), "one token too many")],
}


def back(L, offset):
    return mx.arange(offset, offset + L)[:, None] - mx.arange(offset + L)[None, :]


@pytest.mark.parametrize("label, answer, words",
                         [(label, *answer) for label, answers in BEGINNERS.items() for answer in answers])
def test_what_beginners_write_is_answered_to_the_point(label, answer, words):
    assert words in check(label, answer).message


def test_a_loop_that_would_take_long_is_ended_soon():
    """Exercise 8.9 asks for a formula: its last case has 10**14 tokens."""
    message = check("8.9", lambda n, window: sum(min(i + 1, window) for i in range(n))).message
    assert message.startswith("✗ 8.9, case 101 of 101: your code stops with") and "after 2 seconds" in message


def test_a_mask_of_a_long_text_does_not_bring_the_kernel_down():
    message = check("8.9", lambda n, window: sliding_window_mask(n, window).sum().item()).message
    assert message.startswith("✗ 8.9, case 101 of 101: your code stops with ValueError")


def test_labels_have_one_form(capsys, monkeypatch):
    monkeypatch.setattr(hints, "_rungs", {})
    predict("08.4", 3)
    outcome("8.4", 3)
    check("00.3", find("0.3").reference)
    hint("00.3")
    hint("0.3")
    printed = capsys.readouterr().out
    assert re.findall(r"^(Prediction|Outcome|✓) (\S+):", printed, flags=re.M) == [
        ("Prediction", "8.4"), ("Outcome", "8.4"), ("✓", "0.3")]
    assert re.findall(r"^Hint (\d)", printed, flags=re.M) == ["1", "2"]         # one ladder for both forms
    with pytest.raises(TypeError, match='like "8.3"; got 8.3'):
        check(8.3, back)


def test_after_a_failed_attempt_the_first_hint_comes_at_once_but_not_to_run_all(capsys, monkeypatch):
    """In a notebook's kernel; a check that was not started leaves the invitation."""
    monkeypatch.setattr(hints, "_rungs", {})
    monkeypatch.setattr(hints, "_tried", set())
    monkeypatch.setattr(hints.kernel, "is_there", lambda: True)
    monkeypatch.setattr(hints.kernel, "cell_was_queued", lambda: False)
    monkeypatch.setattr(check_module, "left_unmade", lambda name: None)

    def started(x):
        raise NotImplementedError

    def told():
        hint("0.3")
        return re.search(r"^(3 hints wait|Hint 1 of)", capsys.readouterr().out, flags=re.M)[0]
    check("0.3", started)
    assert told() == "3 hints wait" and told() == "Hint 1 of"
    hints._rungs.clear()
    check("00.3", lambda x: x)
    assert told() == "Hint 1 of"
    hints._rungs.clear()
    monkeypatch.setattr(hints.kernel, "cell_was_queued", lambda: True)
    assert told() == "3 hints wait"


SHAPES = ("(4, 3)", "(3, 4)", "error")


@pytest.mark.parametrize("guess, choices, understood", [
    ((4, 3), SHAPES, "(4, 3)"), ([4, 3], SHAPES, "(4, 3)"), ("(4,3)", SHAPES, "(4, 3)"), ("4 x 3", SHAPES, "(4, 3)"),
    ("4×3", SHAPES, "(4, 3)"), ("ERROR.", SHAPES, "error"), ("half", ("building", "half and half"), "half and half"),
    (128, ("64", "128", "none"), "128"), (None, ("64", "128", "none"), "none"), (all, ("all", "one"), "all")])
def test_a_guess_that_plainly_means_a_choice_is_taken_for_it(capsys, guess, choices, understood):
    predict("t", guess, choices=choices)
    assert capsys.readouterr().out == f"Prediction t: {understood}. Recorded.\n"
    outcome("t", understood)
    assert f"You predicted {understood}: right." in capsys.readouterr().out


@pytest.mark.parametrize("guess", ["43", (3,), "(4, 3, 1)", "er ror?", "4", 12, "not (4, 3)"])
def test_a_guess_that_means_no_choice_gets_the_choices(capsys, guess):
    predict("t", guess, choices=SHAPES)
    assert capsys.readouterr().out.endswith("is not one of the choices: (4, 3), (3, 4), error.\n")


@pytest.mark.parametrize("guess, judged", [
    ("12 places", ": off by a factor of 1.33"), ("about 12", ": off by a factor of 1.33"),
    ("1,000", ": off by a factor of 111"), ("nine", ": right"), ("9.0", ": right"), (9, ": right"), ("-3", ""),
    ("many", ": compare the two yourself"), ("8 to 12", ": compare the two yourself"),
    (1e305, ": compare the two yourself"), (float("nan"), ": compare the two yourself"),
    ("ln 9", ": compare the two yourself"), ("log2(512)", ": compare the two yourself"), ("ln v = 9", ": right")])
def test_numbers_are_compared_as_numbers_however_they_are_typed(capsys, guess, judged):
    predict("t", guess)
    outcome("t", 9)
    assert capsys.readouterr().out.splitlines()[1] == f"Outcome t: 9. You predicted {guess}{judged}."


def test_a_number_too_large_for_a_float_is_a_guess(capsys):
    predict("t", 10**400)
    outcome("t", 9)
    assert capsys.readouterr().out.endswith("compare the two yourself.\n")


def test_what_is_no_guess_is_said(capsys):
    predict("t.5", 1,000)                             # two arguments to Python
    predict("t.5", check)
    outcome("t.5", 1000)
    assert capsys.readouterr().out.splitlines() == [
        "Prediction t.5: write the number without a comma, or in quotes.",
        "Prediction t.5: a guess is a number, or text in quotes.", "Outcome t.5: 1000. No prediction was recorded."]


def test_not_started_is_neither_right_nor_wrong():
    def todo(x):
        raise NotImplementedError
    assert check("t", todo, [(X,)], lambda x: x).message.startswith("○ t: not started yet")


def test_a_wrong_choice_is_echoed_without_a_comment(capsys):
    predict("t", "below", choices=("above", "below"))
    outcome("t", "above")
    assert capsys.readouterr().out.splitlines()[1] == "Outcome t: above. You predicted below."


def test_predictions_are_echoed_beside_results(capsys):
    predict("t.1", "  Above ", choices=("above", "below"))
    outcome("t.1", "above")
    predict("t.2", 200)
    outcome("t.2", 50.0)
    predict("t.3", "sideways", choices=("above", "below"))
    predict("t.4", "?")
    outcome("t.4", "below")
    assert capsys.readouterr().out.splitlines() == [
        "Prediction t.1: above. Recorded.", "Outcome t.1: above. You predicted above: right.",
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
