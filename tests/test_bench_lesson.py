"""What mistral_edu/fast/README.md quotes: the ladder, and the account of a token."""
import re
from pathlib import Path
from types import SimpleNamespace

from mistral_edu.bench import account, ladder
from mistral_edu.bench.measure import Case
from mistral_edu.bench.random_model import random_model
from mistral_edu.bench.results import spread
from mistral_edu.fast import accelerate, cpu_engine, detach
from mistral_edu.fast.step import Step

import mlx.core as mx
import numpy as np
import pytest

LESSON = (Path(__file__).parents[1] / "mistral_edu/fast/README.md").read_text(encoding="utf-8")
CASE = Case(model=None, preset="tiny", bits=16, contexts=(8,), max_tokens=3)


def test_every_rung_is_measured_under_its_own_settings_in_every_round():
    asked = []

    def run(task, case, under):
        asked.append((case.bits, case.fast, under))
        return [{"prompt_tps": 10.0 * len(asked), "generation_tps": 1.0 * len(asked)}]

    rows = ladder.climb([CASE], repeats=2, run=run)
    rungs = ladder.rungs()
    assert asked == 2 * [(16, rung.fast, rung.under) for rung in rungs]
    assert [(row["bits"], row["rung"]) for row in rows] == [(16, rung.name) for rung in rungs]
    assert rows[0]["generation_tps"] == spread([1.0, 1.0 + len(rungs)])  # of two rounds
    assert rows[0]["prompt_tps"]["samples"] == [10.0, 10.0 * (len(rungs) + 1)]


def test_the_ladder_compares_each_rung_with_the_one_above():
    table = ladder.as_table([
        {"bits": bits, "rung": rung, "prompt_tps": spread(prompt), "generation_tps": spread([generation])}
        for bits, rung, prompt, generation in ((16, "a", [10.0], 4.0), (16, "b", [24.0, 26.0], 2.0),
                                               (4, "a", [5.0], 5.0))])
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    assert lines == [["16", "a", "10.0", "", "4.0", ""], ["16", "b", "25.0 (24.0-26.0)", "2.5x", "2.0", "0.5x"],
                     ["4", "a", "5.0", "", "5.0", ""]]


def test_the_ladder_says_what_it_measured_first(monkeypatch, capsys):
    monkeypatch.setattr(ladder, "climb", lambda cases, repeats, progress: [])
    ladder.main([])
    assert capsys.readouterr().out.startswith(
        "random weights of the shape 230m, a prompt of 16 tokens, an answer of 6, 3 rounds: medians, with the lowest "
        "and the highest\n\n| bits |")


@pytest.mark.slow
def test_a_rung_really_runs_as_it_says():
    """Without OpenBLAS and the engine, and with a copy: seen in the path that answered."""
    paths = [ladder.in_fresh_process("measure", Case(**{**vars(CASE), "fast": rung.fast}), under=rung.under)[0]["path"]
             for rung in (ladder.RUNGS[0], ladder.RUNGS[2])]
    assert paths[0] == "readable" and not paths[1].startswith("cpu:")


@pytest.fixture
def clock(kernels, monkeypatch):
    """A clock for the account: each job takes a second, and each look at the clock another one."""
    seconds, run = [0], Step.run

    def run_by_the_clock(step, *arguments):
        seconds[0] += sum((jobs.jobs[:, kernels.OPERATION] != account.IDLE).sum() for jobs, _ in step.lists)
        return run(step, *arguments)

    def look():
        seconds[0] += 1
        return seconds[0]
    monkeypatch.setattr(Step, "run", run_by_the_clock)
    monkeypatch.setattr(account, "time", SimpleNamespace(perf_counter=look))


def test_an_account_adds_up_and_leaves_the_engine_as_it_was(kernels, clock):
    model = random_model("tiny")
    one = account.Account(model)
    rows = dict(one.rows())
    jobs = np.concatenate([jobs.jobs[:, kernels.OPERATION] for jobs, _ in one.step.lists])
    assert sum(rows.values()) == one.token > one.run["nothing"] > len(jobs)
    for part, name in (("products with the weights", "products"), ("attention", "attention"),
                       ("norms, rope, gates", "small")):
        assert rows[part] == np.isin(jobs, one.left_out[name]).sum() > 0
    assert "to hand keys and values to the caches" in rows
    left_out = {operation for name in ("products", "attention", "small") for operation in one.left_out[name]}
    assert set(jobs) == left_out & set(jobs) and account.IDLE not in jobs   # every job belongs to one of the parts
    tokens = mx.array([[1, 2, 3]])
    want = model(tokens)
    assert mx.abs(accelerate(detach(model))(tokens) - want).max() == 0


def test_an_account_needs_the_compiled_kernels(kernels, monkeypatch):
    monkeypatch.setattr(cpu_engine, "make_engine", lambda model: None)
    with pytest.raises(ValueError, match="no account of this path"):
        account.Account(random_model("tiny"))


@pytest.mark.slow
def test_the_parts_of_mlx_are_measured():
    parts = account.parts_of_mlx()
    assert set(parts) == {"float32 product", "bfloat16 product", "4-bit product", "e**x", "one addition", "additions"}
    assert all(seconds > 0 for seconds in parts.values())
    lines = account.about_mlx(run=lambda task, under=None: {name: 1.0 if under else 0.5 for name in parts})
    assert "| " + f"{2 * 256 * 1024**2 / 1e9:.3g}" in re.sub(" +", " ", lines[2])


def test_the_lesson_quotes_the_rows_that_the_commands_print():
    for rung in ladder.RUNGS:
        assert rung.name in LESSON
    for command in ("python -m mistral_edu.bench.ladder", "python -m mistral_edu.bench.account",
                    "python -m mistral_edu.bench.equal", "mistral-edu bench"):
        assert command in LESSON
