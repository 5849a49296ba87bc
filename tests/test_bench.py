"""The benchmark: what it measures, predicts, prints and keeps. No test looks at how fast this machine is."""
import json
import shlex
from copy import deepcopy
from dataclasses import replace

import mlx.core as mx
import numpy as np
import pytest
from jsonschema import Draft202012Validator
from mlx.utils import tree_flatten
from small_models import CONFIG, random_model as small_model

import mistral_edu
from mistral_edu import MistralConfig, Model, memory, quantize
from mistral_edu.bench import child, command, measure, rounds, tables
from mistral_edu.bench.child import in_child
from mistral_edu.bench.limits import measure_limits
from mistral_edu.bench.measure import Case
from mistral_edu.bench.random_model import random_model
from mistral_edu.bench.results import SCHEMA, number, stored_results
from mistral_edu.bench.work import bytes_per_token, operations_per_prompt, predict, weight_bytes_per_token
from mistral_edu.cli import build_parser, main
from mistral_edu.errors import NotEnoughMemory
from mistral_edu.fast import blas
from mistral_edu.quantize import size_in_bytes

SHORT = Case(bits=4, contexts=(9, 5), max_tokens=3)
LIMITS = {"read_gb_per_s": 40.0, "matrix_gflops": 200.0, "matrix_dtype": "float32"}
CHECK = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def rows():
    """One configuration, measured in this process."""
    return measure.measure(SHORT)


@pytest.fixture
def result(rows):
    """A whole result, two rounds, without processes."""
    answers = {"describe": lambda case: child.carry_out("describe", None), "measure": lambda case: deepcopy(rows),
               "limits": lambda case: LIMITS}
    return rounds.benchmark([SHORT], 2, "mistral-edu bench tiny", run=lambda task, case=None: answers[task](case))


# ---------------------------------------------------------------- one configuration
def test_a_row_a_prompt_length_from_short_to_long(rows):
    assert [row["context"] for row in rows] == [5, 9]
    for row in rows:
        assert (row["bits"], row["group_size"], row["dtype"], row["generated"]) == (4, 64, "bfloat16", 3)
        assert row["load_seconds"] > 0 and row["prompt_tps"] > 0 and row["generation_tps"] > 0
        assert row["peak_memory_gb"] > row["weights_gb"] == pytest.approx(0.00443, rel=0.01)


def test_the_clock_counts_the_prompt_and_every_token_but_the_first(monkeypatch):
    """Reading takes 10 s here, each token 2 s."""
    now = iter([100.0, 110.0, 110.5, 112.5, 114.5, 116.5])
    monkeypatch.setattr(measure.time, "perf_counter", lambda: next(now))
    assert measure.timed_answer(small_model(), 50, 4) == (5.0, 0.5)


def test_what_was_asked_for_is_what_answers(monkeypatch):
    readable = measure.measure(Case(preset="tiny", model=None, bits=8, fast=False, contexts=(4,), max_tokens=2))
    assert readable[0]["path"] == "readable" and readable[0]["bits"] == 8
    monkeypatch.setenv("MISTRAL_EDU_FAST", "0")
    assert measure.make_model(Case(preset="tiny", model=None, bits=8)).path == "readable"
    stored = measure.measure(replace(SHORT, bits=16, contexts=(4,)))[0]
    assert stored["bits"] == 16 and stored["group_size"] is None


@pytest.mark.parametrize("changes, message", [
    ({"contexts": (1000,), "max_tokens": 100}, "1000 tokens and an answer of 100 take 1100; .* has 1024"),
    ({"max_tokens": 1}, "at least 2"), ({"contexts": ()}, "at least 1 token"), ({"contexts": (0,)}, "at least 1 token"),
    ({"preset": "230m"}, "a model or a preset"), ({"model": None}, "a model or a preset")])
def test_a_case_that_cannot_be_measured_says_why(changes, message):
    with pytest.raises(ValueError, match=message):
        measure.measure(replace(SHORT, **changes))


def test_16_bit_of_a_quantized_checkpoint_is_refused():
    with pytest.raises(ValueError, match="stored in 4 bit"):
        measure.check_room(quantize(small_model(), 4, 64), Case("a/folder", bits=16, contexts=(4,), max_tokens=2))


def test_random_weights_have_the_presets_shape_and_keep_the_size_of_the_stream():
    model = random_model("tiny")
    weights = dict(tree_flatten(model.parameters()))
    expected = dict(tree_flatten(Model(MistralConfig.preset("tiny")).parameters()))
    assert {name: weight.shape for name, weight in weights.items()} == {n: w.shape for n, w in expected.items()}
    assert {weight.dtype for weight in weights.values()} == {mx.bfloat16}
    matrix = np.array(weights["model.layers.3.mlp.down_proj.weight"].astype(mx.float32))
    assert matrix.std() == pytest.approx(matrix.shape[1] ** -0.5, rel=0.02)
    beginnings = [tuple(weight[0, :4].tolist()) for weight in weights.values() if weight.ndim == 2]
    assert len(set(beginnings)) == len(beginnings)  # no two are the same
    assert size_in_bytes(random_model("tiny", bits=4)) < 0.3 * size_in_bytes(model)


def test_random_weights_that_do_not_fit_are_not_begun(monkeypatch):
    monkeypatch.setattr(memory, "machine_memory", lambda: (16_000_000_000, 10_000_000_000))
    with pytest.raises(NotEnoughMemory, match="a random 7b-v0.3 needs 15.* bits=8"):
        random_model("7b-v0.3", context=192)


# ---------------------------------------------------------------- what bytes and operations predict
def counted(config, L):
    """Multiplications and additions of one prompt, counted matrix by matrix."""
    total = 0
    for name, weight in tree_flatten(Model(config).parameters()):
        if weight.ndim == 2 and "embed" not in name:
            total += 2 * weight.size * (1 if "lm_head" in name else L)
    scores = np.tril(np.ones((L, L)))
    if config.window_size:
        scores -= np.tril(np.ones((L, L)), -config.window_size)
    norms = config.dim * (2 * config.n_layers + 1)
    return total, int(4 * config.n_layers * config.n_heads * config.head_dim * scores.sum()), norms


@pytest.mark.parametrize("window", [None, 3])
def test_operations_are_those_of_the_matrices_and_of_the_keys_in_sight(window):
    config = replace(CONFIG, window_size=window)
    matrices, attention, norms = counted(config, 7)
    assert abs(operations_per_prompt(config, 7) - matrices - attention) <= 2 * norms * 7


@pytest.mark.parametrize("tie", [False, True])
def test_a_token_reads_all_weights_but_the_embedding_table_once(tie):
    model = small_model(tie_embeddings=tie)
    table = model.model.embed_tokens.weight
    unread = 0 if tie else table.nbytes - table[0].nbytes
    assert weight_bytes_per_token(model) == size_in_bytes(model) - unread


def test_the_cache_adds_the_keys_in_sight():
    model, per_key = small_model(window_size=4), CONFIG.kv_bytes_per_token(2)
    keys = [(bytes_per_token(model, context, 3) - weight_bytes_per_token(model)) / per_key for context in (1, 2, 9)]
    assert keys == [2.5, 3.5, 4.0]  # after a prompt of 1, the two steps see 2 and 3 keys, and none sees more than 4


def test_a_short_prompt_waits_for_memory_and_a_long_one_for_the_multipliers():
    speeds = {"read_gb_per_s": 10, "matrix_gflops": 1000}
    assert predict(1e9, 2e9, 1, **speeds) == {"prompt_tps": 10.0, "generation_tps": 10.0}
    assert predict(1e9, 2e12, 1000, **speeds)["prompt_tps"] == 500.0


def test_limits_are_measured_and_leave_the_threads_as_they_were():
    threads = blas.status().threads
    limits = measure_limits(n_bytes=10**6, size=64)
    assert limits["read_gb_per_s"] > 0 and limits["matrix_gflops"] > 0
    assert blas.status().threads == threads


@pytest.mark.slow
# ---------------------------------------------------------------- processes
def test_a_child_measures_and_does_not_inherit_the_memory_of_its_parent():
    ballast = np.ones(400_000_000, dtype=np.uint8)
    assert measure.process_peak() > ballast.nbytes
    row, = in_child("measure", replace(SHORT, contexts=(4,), max_tokens=2))
    assert row["context"] == 4 and 0.02 < row["peak_memory_gb"] < 0.4


def test_what_a_child_cannot_do_it_says_in_its_own_words():
    with pytest.raises(ValueError, match="no/such/folder"):
        in_child("measure", replace(SHORT, model="no/such/folder"))


@pytest.mark.parametrize("program, message", [
    ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended by SIGKILL; most likely the memory"),
    ("import sys; sys.exit(3)", "code 3 and no result"), ("print('hello')", "code 0 and no result")])
def test_a_child_that_dies_is_an_error(monkeypatch, tmp_path, program, message):
    (tmp_path / "python").write_text(f"#!{child.sys.executable}\n{program}\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(child.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ValueError, match=message):
        in_child("limits")


def test_settings_that_slow_openblas_are_taken_out_and_recorded(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    monkeypatch.delenv("OPENBLAS_L2_SIZE", raising=False)
    seen = {}

    def start(*words, env, **settings):
        seen.update(env)
        return child.subprocess.CompletedProcess(words, 0, '{"result": {}}')

    monkeypatch.setattr(child.subprocess, "run", start)
    assert in_child("describe") == {} and "OPENBLAS_CORETYPE" not in seen and "PATH" in seen
    monkeypatch.undo()
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    answers = {"describe": {}, "limits": LIMITS, "measure": []}
    result = rounds.benchmark([SHORT], 1, run=lambda task, case=None: answers[task])
    assert result["settings"]["unset"]["OPENBLAS_CORETYPE"] == "Prescott"


# ---------------------------------------------------------------- results
def test_a_round_measures_every_case_in_turn():
    order = []

    def run(task, case=None):
        order.append(task if case is None else case.bits)
        return {"describe": {}, "limits": LIMITS, "measure": []}[task]

    rounds.benchmark([replace(SHORT, bits=8), SHORT], 2, run=run)
    assert order == ["describe", "limits", 8, 4, "limits", 8, 4]
    with pytest.raises(ValueError, match="repeats = 0"):
        rounds.benchmark([SHORT], 0, run=run)


def test_a_measured_result_and_every_stored_one_fit_the_schema(result):
    CHECK.validate(json.loads(json.dumps(result)))
    stored = stored_results()
    assert stored
    for found in stored.values():
        CHECK.validate(found)
    for part in ("machine", "software", "limits", "command", "date", "rows"):
        assert not CHECK.is_valid({name: value for name, value in result.items() if name != part}), part
    assert not CHECK.is_valid({**result, "rows": []})
    assert not CHECK.is_valid({**result, "kind": "quoted"})
    published = next(iter(stored_results("quoted").values()))
    assert not CHECK.is_valid({name: value for name, value in published.items() if name != "source"})


def test_the_prediction_uses_the_limits_of_the_same_run(result):
    row = result["rows"][0]
    assert row["predicted"]["generation_tps"] == pytest.approx(40e9 / row["bytes_per_token"])
    assert len(row["prompt_tps"]["samples"]) == result["settings"]["repeats"] == 2
    assert number(row, "prompt_tps") == row["prompt_tps"]["median"]


def test_the_table_shows_each_row_and_says_what_it_shows(result):
    table = tables.as_table(result)
    lines = table.splitlines()
    assert lines[0].startswith("tiny, 20") and result["machine"]["processor"] in lines[1]
    body = [line for line in lines if line.startswith("|    4 |")]
    assert [line.split("|")[3].strip() for line in body] == ["5", "9"]
    assert "Python included" in table and "median of the rounds" in table
    result["rows"][0]["prompt_tps"] = {"median": 50.0, "min": 40.0, "max": 61.0}
    assert "50.0 (40.0-61.0)" in tables.as_table(result)


def test_the_published_table_is_marked_as_that_of_others(capsys):
    assert main(["bench", "--published"]) == 0
    shown = capsys.readouterr().out
    assert "Theirs, not measured by this project" in shown and "M3 Max" in shown
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in shown.splitlines() if line.startswith("|")]
    assert ["bf16", "14", "~180", "40"] in cells and ["4-bit", "4", "~220", "55"] in cells
    assert ["4K", "15", "4.5", "38"] in cells


# ---------------------------------------------------------------- the command
def arguments(*words):
    return build_parser("bench").parse_args(["bench", *words])


def test_precisions_by_default():
    assert [case.bits for case in command.cases(arguments())] == [16, 8, 4]
    assert [(case.model, case.preset) for case in command.cases(arguments("--random", "230m"))] == [(None, "230m")] * 3
    assert [case.bits for case in command.cases(arguments("a/folder"))] == [None]
    assert [case.bits for case in command.cases(arguments("a/folder", "--bits", "4"))] == [4]
    with pytest.raises(ValueError, match="either a/folder or --random 230m"):
        command.cases(arguments("a/folder", "--random", "230m"))


@pytest.mark.parametrize("words", [(), ("--random", "230m", "--bits", "4", "--no-fast"),
                                   ("my folder", "--repeats", "1")])
def test_the_recorded_command_measures_the_same_again(words):
    args = arguments(*words)
    again = arguments(*shlex.split(command.command(args))[2:])
    assert command.cases(again) == command.cases(args) and again.repeats == args.repeats


@pytest.mark.slow
def test_from_the_command_line_to_json(capsys):
    assert main(["bench", "--bits", "4", "--context", "4", "--max-tokens", "2", "--repeats", "1", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    CHECK.validate(result)
    assert result["software"]["mistral_edu"] == mistral_edu.__version__
    assert result["command"] == "mistral-edu bench tiny --bits 4 --context 4 --max-tokens 2 --repeats 1"
