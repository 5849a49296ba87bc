"""The benchmark: what it measures, predicts, prints and keeps. No test looks at how fast this machine is."""
import json
import re
import shlex
from copy import deepcopy
from dataclasses import replace
from importlib.metadata import distributions
from types import SimpleNamespace

import mistral_edu
from mistral_edu import MistralConfig, Model
from mistral_edu.bench import (
    ask,
    limits,
    measure,
    on_gpu,
    provenance,
    results,
    rounds,
    same_weights,
    tables,
    tasks,
    timed_answers,
)
from mistral_edu.bench.ask import in_fresh_process
from mistral_edu.bench.limits import measure_limits
from mistral_edu.bench.measure import Case
from mistral_edu.bench.random_model import random_model
from mistral_edu.bench.results import SCHEMA, number, stored_results
from mistral_edu.bench.row import Figure, OurRow, OurSample, PeerRow
from mistral_edu.bench.timed_answers import prompt_ids, timed_answer
from mistral_edu.bench.work import bytes_per_step, operations_per_prompt, predict, shares, weight_bytes_per_step
from mistral_edu.checkpoints import memory
from mistral_edu.checkpoints.errors import NotEnoughMemory
from mistral_edu.commands import bench
from mistral_edu.commands.main import build_parser, main
from mistral_edu.machine import blas
from mistral_edu.quantize import size_in_bytes
from small_models import CONFIG
from small_models import random_model as small_model

import mlx.core as mx
import numpy as np
import pytest
from jsonschema import Draft202012Validator
from mlx.utils import tree_flatten

SHORT = Case(bits=4, contexts=(9, 5), max_tokens=3)
LIMITS = {"read_gb_per_s": 40.0, "matrix_gflops": {"float32": 200.0, "bfloat16": 800.0}}
CHECK = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def rows():
    """One configuration, measured in this process."""
    return measure.measure(SHORT)


@pytest.fixture
def result(rows):
    """A whole result, two rounds, without processes."""
    answers = {"describe": lambda case: tasks.carry_out("describe", None), "measure": lambda case: deepcopy(rows),
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
    """Reading takes 10 s here, and the three tokens after the first 6 s."""
    now = iter([100.0, 110.0, 116.0] * 2)
    monkeypatch.setattr(timed_answers.time, "perf_counter", lambda: next(now))
    model = small_model()
    assert timed_answer(model, prompt_ids(2048, 50), 4)[:2] == (5.0, 0.5)
    assert timed_answer(model, prompt_ids(2048, 50, batch=3), 4)[:2] == (15.0, 1.5)  # of all three together


@pytest.mark.parametrize("window", [None, 4])
def test_sequences_side_by_side_are_answered_as_each_alone(window, monkeypatch):
    monkeypatch.setattr(timed_answers, "CHUNK", 4)
    model, prompts = small_model(window_size=window), prompt_ids(2048, 9, batch=3)
    cache = model.make_cache()
    logits = timed_answers.prefill_side_by_side(model, cache, mx.array(prompts))
    together = np.stack([np.array(tokens) for tokens in timed_answers.decode_side_by_side(model, cache, logits, 5)],
                        axis=1)
    assert together.tolist() == [mistral_edu.generate(model, None, prompt, max_tokens=5) for prompt in prompts]
    one, three = timed_answer(model, prompts[:1], 3), timed_answer(model, prompts, 3)
    assert np.allclose(one.logprobs, three.logprobs, atol=1e-4) and three.cache_bytes == 3 * one.cache_bytes


def test_sequences_side_by_side_are_one_step_ahead():
    """While a step's tokens are taken, the next one is under way; none is computed that nobody takes."""
    model, calls = small_model(), []
    cache = model.make_cache()

    def counted(tokens, **settings):
        calls.append(tokens.shape)
        return model(tokens, **settings)

    logits = timed_answers.prefill_side_by_side(counted, cache, mx.array(prompt_ids(2048, 9, batch=3)))
    calls.clear()
    assert [len(calls) for _ in timed_answers.decode_side_by_side(counted, cache, logits, 4)] == [1, 2, 3, 3]
    assert set(calls) == {(3, 1)}


def test_log_probabilities_are_those_of_the_model():
    model, prompts = small_model(), prompt_ids(2048, 6)
    logits = model(mx.array(prompts))[0, -1]
    expected = np.array(logits - mx.logsumexp(logits))[timed_answers.sample_ids(2048)]
    assert len(expected) == 256 and np.allclose(timed_answer(model, prompts, 2).logprobs, expected, atol=1e-4)


def test_a_batch_is_a_row_of_its_own():
    case = replace(SHORT, contexts=(3, 2), batches=(1, 4), max_tokens=2)
    assert case.sizes == [(1, 2), (1, 3), (4, 2), (4, 3)]
    found = measure.measure(case)
    assert [(row["batch"], row["context"]) for row in found] == case.sizes
    assert found[2]["bytes_per_step"] - found[0]["bytes_per_step"] == pytest.approx(
        3 * (found[0]["bytes_per_step"] - found[0]["weight_bytes_per_step"]), abs=3)


@pytest.mark.slow
@pytest.mark.skipif(not measure.process_memory()[0], reason="the system does not say what a process holds")
def test_memory_beyond_weights_and_cache_is_seen(monkeypatch):
    """An engine that holds 50 MB of its own shows; the weights do not."""
    def heavy(model):
        model.ballast = np.ones(50_000_000, dtype=np.uint8)
        return model

    case = replace(SHORT, contexts=(4,), max_tokens=2)
    measure.measure(case)  # whatever is made once
    light, = measure.measure(case)
    monkeypatch.setattr(measure, "accelerate", heavy)
    laden, = measure.measure(case)
    assert laden["beyond_gb"] > light["beyond_gb"] + 0.03 and laden["beyond_gb"] < light["beyond_gb"] + 0.08


def test_kernels_are_waited_for_before_anything_is_measured(processor, monkeypatch):
    waited = []
    monkeypatch.setattr(measure.compiled, "kernels", lambda wait: waited.append(wait))
    monkeypatch.setattr(measure.compiled, "is_coming", lambda: True)
    with pytest.raises(ValueError, match="not compiled after 600 s"):
        measure.measure(SHORT)
    measure.measure(replace(SHORT, fast=False, contexts=(4,), max_tokens=2))
    assert waited == [600]


@pytest.mark.slow
def test_what_was_asked_for_is_what_answers(monkeypatch):
    readable = measure.measure(Case(preset="tiny", model=None, bits=8, fast=False, contexts=(4,), max_tokens=2))
    assert readable[0]["path"] == "readable" and readable[0]["bits"] == 8
    monkeypatch.setenv("MISTRAL_EDU_FAST", "0")
    assert measure.measure(replace(SHORT, contexts=(4,), max_tokens=2))[0]["path"] == "readable"
    stored = measure.measure(replace(SHORT, bits=16, contexts=(4,)))[0]
    assert stored["bits"] == 16 and stored["group_size"] is None


@pytest.mark.parametrize("changes, message", [
    ({"contexts": (1000,), "max_tokens": 100}, "--context 1000 and --max-tokens 100 take 1100 tokens; .* has 1024"),
    ({"max_tokens": 1}, "--max-tokens 1: an answer has at least 2 tokens"), ({"contexts": ()}, "at least 1 token"),
    ({"contexts": (9, 0)}, "--context 0: a prompt has at least 1 token"),
    ({"batches": (1, 0)}, "--batch 0: a batch has at least 1 sequence"), ({"batches": ()}, "at least 1 sequence"),
    ({"preset": "230m"}, "a model or a preset"), ({"model": None}, "a model or a preset")])
def test_a_case_that_cannot_be_measured_says_why(changes, message):
    with pytest.raises(ValueError, match=message):
        measure.measure(replace(SHORT, **changes))


def test_16_bit_of_a_quantized_checkpoint_is_refused(tmp_path):
    same_weights.write(SHORT, tmp_path)
    measure.check_case(Case(str(tmp_path / "4"), contexts=(4,)))
    with pytest.raises(ValueError, match="--bits 16: .* is stored quantized"):
        measure.check_case(Case(str(tmp_path / "4"), bits=16, contexts=(4,)))


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
    assert weight_bytes_per_step(model) == size_in_bytes(model) - unread


def test_the_cache_adds_the_keys_in_sight():
    model, per_key = small_model(window_size=4), CONFIG.kv_bytes_per_token(2)
    keys = [(bytes_per_step(model, context, 3) - weight_bytes_per_step(model)) / per_key for context in (1, 2, 9)]
    assert keys == [2.5, 3.5, 4.0]  # after a prompt of 1, the two steps see 2 and 3 keys, and none sees more than 4


def test_a_batch_reads_the_weights_once_and_every_cache():
    model = small_model()
    weights = weight_bytes_per_step(model)
    assert bytes_per_step(model, 8, 3, batch=4) - weights == 4 * (bytes_per_step(model, 8, 3) - weights)


def test_a_short_prompt_waits_for_memory_and_a_long_one_for_the_multipliers():
    speeds = {"read_gb_per_s": 10, "matrix_gflops": 1000}
    row = {"weight_bytes_per_step": 1e9, "operations_per_prompt": 2e9, "context": 1, "batch": 1}
    assert predict(row, **speeds) == {"prompt_tps": 10.0, "generation_tps": 10.0}
    long = {**row, "operations_per_prompt": 2e12, "context": 1000}
    assert predict(long, **speeds)["prompt_tps"] == 500.0
    assert predict({**long, "batch": 2}, **speeds) == {"prompt_tps": 500.0, "generation_tps": 20.0}


def test_shares_are_of_what_the_prompts_need_and_of_the_weights_alone():
    row = {"weight_bytes_per_step": 1e9, "bytes_per_step": 2e9, "operations_per_prompt": 4e9, "context": 10, "batch": 2}
    found = shares(row, prompt_tps=500, generation_tps=10, read_gb_per_s=20, matrix_gflops=400)
    assert found == {"multiply": 0.5, "read": 0.25}  # 50 prompts a second; 5 steps a second


def test_limits_are_measured_and_leave_the_threads_as_they_were():
    threads = blas.status().threads
    found = measure_limits(n_bytes=10**6, size=64)
    assert found["read_gb_per_s"] > 0 and all(speed > 0 for speed in found["matrix_gflops"].values())
    assert blas.status().threads == threads


@pytest.mark.parametrize("library, expected", [("libdnnl.so", {"float32": 9.0, "bfloat16": 77.0}),
                                               (None, {"float32": 9.0})])
@pytest.mark.skipif(mx.default_device() != mx.Device(mx.cpu), reason="for processors")
def test_bfloat16_counts_where_onednn_multiplies_it(monkeypatch, library, expected):
    asked = []
    onednn = SimpleNamespace(status=lambda: SimpleNamespace(library=library),
                             matrix_speed=lambda *shape: asked.append(shape) or 77.0)
    monkeypatch.setattr(limits, "onednn", onednn)
    monkeypatch.setattr(limits, "matrix_speed", lambda size, dtype: 9.0)
    monkeypatch.setattr(limits, "kernels_speed", lambda size: 8.0)
    assert measure_limits(n_bytes=10**6, size=64)["matrix_gflops"] == expected
    assert asked == ([(256, 64, 64)] if library else [])


# ---------------------------------------------------------------- processes
@pytest.mark.slow
def test_a_child_measures_and_does_not_inherit_the_memory_of_its_parent():
    ballast = np.ones(400_000_000, dtype=np.uint8)
    assert measure.process_peak() > ballast.nbytes
    row, = in_fresh_process("measure", replace(SHORT, contexts=(4,), max_tokens=2))
    assert row["context"] == 4 and 0.02 < row["peak_memory_gb"] < 0.4


def test_what_a_child_cannot_do_it_says_in_its_own_words():
    with pytest.raises(ValueError, match="no/such/folder"):
        in_fresh_process("measure", replace(SHORT, model="no/such/folder"))


@pytest.mark.parametrize("program, message", [
    ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended by SIGKILL; most likely memory ran out"),
    ("import sys; sys.exit(3)", "code 3 and no result"), ("print('hello')", "code 0 and no result")])
def test_a_child_that_dies_is_an_error(monkeypatch, tmp_path, program, message):
    (tmp_path / "python").write_text(f"#!{ask.sys.executable}\n{program}\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(ask.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ValueError, match=message):
        in_fresh_process("limits")


def test_settings_that_slow_openblas_are_taken_out_and_recorded(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    monkeypatch.delenv("OPENBLAS_L2_SIZE", raising=False)
    seen = {}

    def start(*words, env, **settings):
        seen.update(env)
        return ask.subprocess.CompletedProcess(words, 0, '{"result": {}}')

    monkeypatch.setattr(ask.subprocess, "run", start)
    assert in_fresh_process("describe") == {} and "OPENBLAS_CORETYPE" not in seen and "PATH" in seen
    monkeypatch.undo()
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    answers = {"describe": {}, "limits": LIMITS, "measure": []}
    result = rounds.benchmark([SHORT], 1, run=lambda task, case=None: answers[task])
    assert result["settings"]["unset"]["OPENBLAS_CORETYPE"] == "Prescott"


def test_what_the_package_set_for_itself_is_told_from_what_the_user_set(monkeypatch):
    monkeypatch.setattr(blas, "set_by_us", {"GOMP_SPINCOUNT": "2000"})
    monkeypatch.setenv("GOMP_SPINCOUNT", "2000")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    found = provenance.describe_software()
    assert found["set_by_us"] == {"GOMP_SPINCOUNT": "2000"}
    assert found["environment"]["OMP_NUM_THREADS"] == "2" and "GOMP_SPINCOUNT" not in found["environment"]
    program = "import json, os; print(json.dumps({'result': os.environ.get('GOMP_SPINCOUNT')}))"
    assert ask.ask([ask.sys.executable, "-c", program], {}, "a peer") is None


def test_versions_are_of_what_is_installed():
    found = provenance.describe_software()["packages"]
    assert set(found) == {name for name in provenance.PACKAGES if find_distribution(name)} and "mlx" in found
    assert {"numba", "llvmlite", "onednn-cpu-gomp"} < set(provenance.PACKAGES)


def find_distribution(name):
    return next(iter(distributions(name=name)), None)


# ---------------------------------------------------------------- results
def test_a_round_measures_every_case_in_turn():
    order = []

    def run(task, case=None):
        order.append(task if case is None else case.bits)
        return {"describe": {}, "limits": LIMITS, "measure": []}[task]

    rounds.benchmark([replace(SHORT, bits=8), SHORT], 2, run=run)
    assert order == ["describe", "limits", 8, 4, "limits", 8, 4]


def test_rounds_that_different_code_answered_have_no_median(rows):
    paths = iter(["readable", "cpu"])
    answers = {"describe": dict, "limits": lambda: LIMITS, "measure": lambda: [{**rows[0], "path": next(paths)}]}
    with pytest.raises(ValueError, match="answered by 'readable', another by 'cpu'"):
        rounds.benchmark([SHORT], 2, run=lambda task, case=None: answers[task]())


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


@pytest.mark.parametrize("kind, name", [(OurRow, "row"), (PeerRow, "peer_row"), (Figure, "figure")])
def test_the_types_of_rows_name_the_keys_of_the_schema(kind, name):
    described = CHECK.schema["$defs"][name]
    assert kind.__required_keys__ == set(described["required"])
    assert kind.__required_keys__ | kind.__optional_keys__ == set(described["properties"])
    assert kind.__optional_keys__ <= {"above_gb", "taken_gb"}  # what only a GPU says


def test_rows_have_the_keys_of_their_types(rows, result):
    of_a_gpu = {"above_gb", "taken_gb"} if on_gpu.is_used() else set()
    assert all(row.keys() == OurSample.__required_keys__ | of_a_gpu for row in rows)
    assert all(row.keys() == OurRow.__required_keys__ | of_a_gpu for row in result["rows"])


def test_a_result_agrees_with_itself(result):
    def slips(**changes):
        return [*results.slips({**deepcopy(result), **changes})]

    assert slips() == [] and [*map(results.check, [result, *stored_results("measured").values()])]
    assert slips(date="2026-02-30") == ["2026-02-30 is not a date"]
    assert "either a model or random" in slips(settings={**result["settings"], "random": "tiny"})[0]
    assert "has 2 samples of 3 rounds" in slips(settings={**result["settings"], "repeats": 3})[0]
    row, *others = deepcopy(result["rows"])
    row["prompt_tps"]["median"] = 2 * row["prompt_tps"]["max"]
    assert "median, min and max of prompt_tps" in slips(rows=[row, *others])[0]
    compared = "mistral-edu bench tiny --compare mlx-lm,transformers"
    entry = {"engine": "mlx-lm", "precision": None, "context": None, "reason": "not installed"}
    assert "neither rows nor" in slips(command=compared)[0]
    assert "neither rows nor" in slips(command=compared, left_out=[entry])[0]  # nothing of transformers
    assert slips(command=compared, left_out=[entry, {**entry, "engine": "transformers"}]) == []
    alone = {"engine": "mlx-lm", "precision": "8-bit", "bits": 8, "batch": 1, "context": 5}
    for theirs in (alone, {**alone, "bits": 4, "batch": 8}):
        assert slips(rows=[*result["rows"], theirs]) == ["mlx-lm 8-bit has no row of ours beside it"]
    with pytest.raises(ValueError, match="does not agree with itself: 2026-02-30 is not a date"):
        results.check({**result, "date": "2026-02-30"})


def test_the_prediction_uses_the_limits_of_the_same_run(result):
    row = result["rows"][0]
    assert row["predicted"]["generation_tps"] == pytest.approx(40e9 / row["weight_bytes_per_step"])
    assert row["shares"]["read"] == pytest.approx(row["generation_tps"]["median"] / row["predicted"]["generation_tps"])
    assert row["shares"]["read"] == pytest.approx(
        row["generation_tps"]["median"] * row["weight_bytes_per_step"] / 40e9)
    assert row["shares"]["multiply"] == pytest.approx(  # of the faster product
        row["prompt_tps"]["median"] / row["context"] * row["operations_per_prompt"] / 800e9)
    assert len(row["prompt_tps"]["samples"]) == result["settings"]["repeats"] == 2
    assert number(row, "prompt_tps") == row["prompt_tps"]["median"]


def test_the_table_shows_each_row_and_says_what_it_shows(processor, result):
    table = tables.as_table(result)
    lines = table.splitlines()
    assert lines[0].startswith("tiny, 20") and lines[0].endswith("2 rounds, answers of 3 tokens")
    assert lines[1] == "mistral-edu bench tiny" and result["machine"]["processor"] in lines[2]
    assert f"memory: {result['machine']['memory_gb']} GB" in lines[2]
    body = [line for line in lines if line.startswith("|    4 |")]
    assert [line.split("|")[3].strip() for line in body] == ["5", "9"]
    assert "Python included" in table and "median of the rounds" in " ".join(lines)
    assert [cell.strip() for cell in lines[5].split("|")].count("of limit") == 2 and "batch" not in table
    result["rows"][0]["shares"]["multiply"], result["rows"][1]["shares"]["read"] = 0.0567, 0.108
    body = [line.split("|") for line in tables.as_table(result).splitlines() if line.startswith("|    4 |")]
    assert body[0][6].strip() == "5.7 %" and body[1][8].strip() == "11 %"
    result["rows"][0]["prompt_tps"] = {"median": 50.0, "min": 40.0, "max": 61.0}
    result["rows"][1]["batch"] = 2
    assert "50.0 (40.0-61.0)" in tables.as_table(result) and "| batch |" in tables.as_table(result)
    result["limits"]["read_gb_per_s"] = {"median": 20.0, "min": 18.0, "max": 21.0}
    result["software"].update(blas="OpenBLAS from conda", blas_threads=1)
    header = tables.as_table(result).split("\n\n")[0]
    assert "OpenBLAS from conda, OpenBLAS threads: 1" in header and "reads 20.0 (18.0-21.0) GB/s" in header
    result["software"]["blas_threads"], result["machine"]["memory_gb"] = 0, None
    header = tables.as_table(result).split("\n\n")[0]
    assert "threads" not in header and "memory" not in header


def test_the_note_on_loading_says_what_was_loaded(result):
    assert "load: weights read, checked and quantized." in tables.as_table(result)
    result["settings"].update(model=None, random="tiny")
    assert "load: random weights made, and quantized." in tables.as_table(result)
    result["left_out"], result["software"]["peers"] = [], {}
    table = " ".join(tables.as_table(result).split())
    assert "a file that has them in this precision already" in table and "so it does not compare" in table


def test_a_result_is_kept_and_shown_again(result, monkeypatch, tmp_path, capsys):
    """A plain name is a file of the current folder, not of the package."""
    (tmp_path / "kept").mkdir()
    monkeypatch.setattr(results, "FOLDER", tmp_path / "kept")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench, "benchmark", lambda *args, **settings: result)
    assert main(["bench", "--save", "mine"]) == main(["bench", "--save", "kept/other.json"]) == 0
    shown = capsys.readouterr().out
    table = shown[:len(shown) // 2]  # the same, twice
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "mine"]
    for name in ("mine", "./mine", "other", "kept/other.json"):
        assert main(["bench", "--show", name]) == 0
        assert capsys.readouterr().out == table and result["date"] in table
    assert main(["bench", "--show", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(result))


@pytest.mark.parametrize("content, message", [
    (None, "there is no file mine; .* is kept: other"), ("{", "not valid JSON"),
    ('{"kind": "quoted"}', "not a measured result"), ('{"kind": "measured"}', "does not fit schema.json")])
def test_what_cannot_be_shown_says_why(monkeypatch, tmp_path, content, message):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    if content is None:
        (tmp_path / "other.json").write_text('{"kind": "measured"}')
    else:
        (tmp_path / "mine.json").write_text(content)
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        results.measured_result("mine")


def test_nothing_is_measured_that_cannot_be_kept(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(bench, "benchmark", lambda *args, **settings: pytest.fail("measured"))
    (tmp_path / "kept.json").write_text("mine")
    for place, reason in ((tmp_path / "nowhere" / "r.json", "no file can be written there .No such file"),
                          ("/proc/x.json", "no file can be written there"), (tmp_path, "exists already"),
                          (tmp_path / "kept.json", "exists already; remove it or choose another name")):
        assert main(["bench", "--save", str(place)]) == 1
        assert re.search(f"--save {place}: .*{reason}", capsys.readouterr().err)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.json"]


def test_a_result_that_cannot_be_saved_after_all_is_still_shown(result, monkeypatch, tmp_path, capsys):
    def fill_the_disk(*args, **settings):
        (tmp_path / "r.json").mkdir()
        return result

    monkeypatch.setattr(bench, "benchmark", fill_the_disk)
    assert main(["bench", "--save", str(tmp_path / "r.json")]) == 1
    shown = capsys.readouterr()
    assert "generation, tok/s" in shown.out and "mistral-edu bench: " in shown.err and "r.json" in shown.err


@pytest.mark.parametrize("words", [["nofolder"], ["--context", "5000"], ["--context", "0"], ["--repeats", "0"],
                                   ["nofolder", "--compare", "mlx-lm"]])
def test_what_cannot_be_measured_is_said_before_anything_is(monkeypatch, words, capsys):
    monkeypatch.setattr(bench, "benchmark", lambda *args, **settings: pytest.fail("measured"))
    assert main(["bench", *words]) == 1
    assert " ".join(words[:2]).removesuffix(" --compare") in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--compare", "--set-up", "--show", "--submit", "--save", "--peers"])
def test_an_empty_argument_is_a_slip_and_not_the_default(monkeypatch, option, capsys):
    monkeypatch.setattr(bench, "benchmark", lambda *args, **settings: pytest.fail("measured"))
    for empty in ("", " ", ","):
        with pytest.raises(SystemExit):
            main(["bench", option, empty])
        assert f"argument {option}: {empty!r} names nothing" in capsys.readouterr().err


@pytest.mark.parametrize("words, idle", [
    (["--show", "epyc_tiny", "--save", "x.json"], "--save"), (["--published", "--compare", "mlx-lm"], "--compare"),
    (["--set-up", "mlx-lm", "--bits", "4"], "--bits"), (["--submit", "epyc_tiny", "--json"], "--json"),
    (["tiny", "--show", "epyc_tiny"], "a model"), (["--show", "epyc_tiny", "--published"], "--published")])
def test_an_option_that_would_have_no_effect_is_refused(monkeypatch, tmp_path, words, idle, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench.peers, "set_up", lambda *args: pytest.fail("set up"))
    assert main(["bench", *words]) == 1
    shown = capsys.readouterr()
    assert f"measures nothing, so {idle} would have no effect" in shown.err and not shown.out


def test_what_is_submitted_is_the_saved_result_and_nothing_is_sent(result, tmp_path, capsys):
    place = results.save(result, tmp_path / "mine.json")
    assert main(["bench", "--submit", str(place)]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == json.loads(place.read_text(encoding="utf-8"))
    assert "paste it" in shown.err and "Nothing has been sent" in shown.err


@pytest.mark.parametrize("name", stored_results("measured"))
def test_every_kept_result_could_be_submitted(name, capsys):
    assert main(["bench", "--submit", name]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "measured"


@pytest.mark.parametrize("place", ["/home/ada/mistral", "~/mistral", r"C:\Users\ada"])
def test_a_place_on_the_machine_is_not_submitted(result, tmp_path, capsys, place):
    result["settings"]["model"], result["command"] = place, f"mistral-edu bench {shlex.quote(place)}"
    assert main(["bench", "--submit", str(results.save(result, tmp_path / "mine.json"))]) == 1
    shown = capsys.readouterr()
    assert shown.out == "" and "names a place on this machine" in shown.err


def test_the_name_of_a_user_is_not_submitted(result, monkeypatch):
    monkeypatch.setenv("USER", "adalovelace")
    assert results.fit_to_send(result) is result
    result["settings"]["model"] = "models/adalovelace"
    with pytest.raises(ValueError, match="model is 'models/adalovelace'.*or its user"):
        results.fit_to_send(result)


def test_a_result_that_does_not_fit_the_schema_is_not_submitted(result, tmp_path, capsys):
    place = results.save({**result, "date": "yesterday"}, tmp_path / "mine.json")
    assert main(["bench", "--submit", str(place)]) == 1
    assert "at $.date" in capsys.readouterr().err


def test_a_result_that_could_not_be_written_leaves_nothing(result, monkeypatch, tmp_path):
    monkeypatch.setattr(results.json, "dumps", lambda *args, **settings: "\ud800")  # cannot be encoded
    with pytest.raises(UnicodeEncodeError):
        results.save(result, str(tmp_path / "r.json"))
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_does_not_fit_the_schema_is_neither_kept_nor_printed(result, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(bench, "benchmark", lambda *args, **settings: {**result, "date": "yesterday"})
    assert main(["bench", "--save", str(tmp_path / "r.json")]) == 1
    shown = capsys.readouterr()
    assert "at $.date" in shown.err and shown.out == "" and list(tmp_path.iterdir()) == []


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
    assert [case.bits for case in bench.cases(arguments())] == [16, 8, 4]
    assert [(case.model, case.preset) for case in bench.cases(arguments("--random", "230m"))] == [(None, "230m")] * 3
    assert [case.bits for case in bench.cases(arguments("a/folder"))] == [None]
    assert [case.bits for case in bench.cases(arguments("a/folder", "--bits", "4"))] == [4]
    with pytest.raises(ValueError, match="either a/folder or --random 230m"):
        bench.cases(arguments("a/folder", "--random", "230m"))


@pytest.mark.parametrize("words", [(), ("--random", "230m", "--bits", "4", "--no-fast", "--batch", "1", "8"),
                                   ("my folder", "--repeats", "1", "--compare", "llama.cpp,mlx-lm")])
def test_the_recorded_command_measures_the_same_again(words):
    args = arguments(*words)
    again = arguments(*shlex.split(bench.command(args))[2:])
    assert bench.cases(again) == bench.cases(args)
    assert (again.repeats, again.compare) == (args.repeats, args.compare)


def test_the_recorded_command_says_which_engine_was_asked_for(monkeypatch):
    monkeypatch.setenv("MISTRAL_EDU_ENGINE", "mlx")
    words = bench.command(arguments("--random", "230m"))
    assert words.startswith("MISTRAL_EDU_ENGINE=mlx mistral-edu bench --random 230m ")
    assert re.match(json.loads(SCHEMA.read_text())["$defs"]["measured"]["properties"]["command"]["pattern"], words)


@pytest.mark.slow
def test_from_the_command_line_to_json(capsys):
    assert main(["bench", "--bits", "4", "--context", "4", "--max-tokens", "2", "--repeats", "1", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    CHECK.validate(result)
    assert result["software"]["mistral_edu"] == mistral_edu.__version__
    assert result["command"] == "mistral-edu bench tiny --bits 4 --context 4 --batch 1 --max-tokens 2 --repeats 1"
