"""The benchmark on a GPU, as far as a processor can stand in for one: it says that it is one, and MLX counts memory."""
import json
import sys
from copy import deepcopy
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import small_peers
from mistral_edu import load_model
from mistral_edu.bench import measure, on_gpu, peers, provenance, rounds, tables, tasks
from mistral_edu.bench.by_length import as_tables
from mistral_edu.bench.compare import Comparison
from mistral_edu.bench.measure import Case
from mistral_edu.bench.peers import runner, with_mlx_lm
from mistral_edu.bench.results import SCHEMA, check, read
from mistral_edu.bench.row import FirstAnswer, OurSample
from mistral_edu.commands import bench
from mistral_edu.commands.main import build_parser, main
from mistral_edu.machine import backend

import mlx.core as mx
import pytest
from jsonschema import Draft202012Validator

CASE = Case(None, "tiny", bits=16, contexts=(5, 60), max_tokens=3)
LIMITS = {"read_gb_per_s": 40.0, "matrix_gflops": {"bfloat16": 800.0}}
SAYS = {"device_name": "NVIDIA H200", "total_memory": 150 * 10**9, "free_memory": 110 * 10**9, "architecture": "sm_90",
        "compute_capability_major": 9, "compute_capability_minor": 0}


@pytest.fixture
def gpu(monkeypatch, tmp_path):
    """The processor, called a GPU: what MLX says of one is SAYS."""
    monkeypatch.setattr(on_gpu, "is_used", lambda: True)
    monkeypatch.setattr(mx, "device_info", lambda *device: SAYS)
    monkeypatch.setenv("MISTRAL_EDU_ENGINE", "gpu")
    monkeypatch.delenv("MLX_ENABLE_TF32", raising=False)
    driver = tmp_path / "version"
    driver.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.159.04  Tue Nov  3 10:00:00 UTC 2026\nGCC\n")
    monkeypatch.setattr(on_gpu, "DRIVER", driver)


@cache
def once(case):
    """The rows of a case, measured when they are first asked for. All that ask use the fixture gpu."""
    return measure.measure(case)


def measured(cases=(CASE,), repeats=1, **settings):
    """A whole result, all in this process but for peers; each repeat is given the same measurement."""
    answers = {"describe": lambda case: tasks.carry_out("describe", None), "limits": lambda case: LIMITS,
               "measure": lambda case: deepcopy(once(case))}
    return rounds.benchmark(list(cases), repeats, "mistral-edu bench --random tiny",
                            run=lambda task, case=None: answers[task](case), **settings)


# ---------------------------------------------------------------- what a GPU says
def test_a_gpu_is_described_as_far_as_it_is_known(gpu, monkeypatch):
    machine = provenance.describe_machine()
    assert machine["device"] == "NVIDIA H200" and machine["gpu"] == {
        "name": "NVIDIA H200", "memory_gb": 150.0, "architecture": "sm_90", "compute_capability": "9.0",
        "driver": "580.159.04", "tf32": True}
    monkeypatch.setenv("MLX_ENABLE_TF32", "0")
    assert on_gpu.describe()["tf32"] is False and on_gpu.taken() == 40 * 10**9
    metal = {"device_name": "Apple M3 Max", "memory_size": 36 * 10**9, "architecture": "applegpu_g15s"}
    monkeypatch.setattr(mx, "device_info", lambda *device: metal)
    monkeypatch.setattr(on_gpu, "DRIVER", Path("/nowhere"))
    assert on_gpu.describe() == {"name": "Apple M3 Max", "memory_gb": 36.0, "architecture": "applegpu_g15s"}
    assert on_gpu.taken() is None


@pytest.mark.skipif(on_gpu.is_used(), reason="for processors")
def test_a_processor_says_nothing_of_it():
    assert "gpu" not in provenance.describe_machine() and on_gpu.taken() is None


def test_memory_is_that_of_each_answer(gpu):
    """Weights are in the peak, and not above; a longer prompt takes more; the row before does not count."""
    backwards = once(CASE)[::-1]
    longer, shorter = backwards
    assert shorter.keys() == OurSample.__required_keys__ | {"above_gb", "taken_gb"}
    assert 0 < shorter["above_gb"] < longer["above_gb"]
    for row in backwards:
        assert row["path"].startswith("gpu") and row["taken_gb"] == 40.0
        assert row["peak_memory_gb"] == row["mlx_peak_gb"] >= row["weights_gb"] + row["above_gb"]
        assert row["beyond_gb"] is None


def test_the_result_is_shown_with_what_the_gpu_says(gpu):
    result = measured(repeats=2)
    Draft202012Validator(read(SCHEMA)).validate(json.loads(json.dumps(result)))
    check(result)
    table = tables.as_table(result)
    lines = table.splitlines()
    assert lines[3] == ("GPU: NVIDIA H200, 150.0 GB, compute capability 9.0, driver 580.159.04, "
                        "float32 products in TF32")
    header = next(line for line in lines if "weights, GB" in line)
    assert [name.strip() for name in header.split("|")[-4:-1]] == ["peak, GB", "above, GB", "taken, GB"]
    assert "on the GPU during the answer" in " ".join(lines) and "Python included" not in table
    row = next(line for line in lines if line.startswith("|   16 |")).split("|")
    assert row[-2].strip() == "40.0"


def test_first_answers_are_timed_where_nothing_is_compiled(gpu, monkeypatch):
    """Each precision in a process of its own, with empty folders that are gone afterwards; the table says it."""
    seen = []

    def run(task, case=None, under=None):
        if task != "first":
            return {"describe": lambda: tasks.carry_out("describe", None), "limits": lambda: LIMITS,
                    "measure": lambda: deepcopy(once(case))}[task]()
        assert {Path(folder).parent.exists() and not Path(folder).exists() for folder in under.values()} == {True}
        seen.append(under)
        return tasks.carry_out("first", asdict(case))
    cases = [replace(CASE, bits=bits) for bits in (16, 4)]
    result = rounds.benchmark(cases, 1, "mistral-edu bench --random tiny --first", run=run, first=True)
    Draft202012Validator(read(SCHEMA)).validate(json.loads(json.dumps(result)))
    assert [(answer["bits"], answer["context"]) for answer in result["first_answers"]] == [(16, 5), (4, 5)]
    assert all(answer.keys() == FirstAnswer.__required_keys__ and 0 < answer["seconds"] < 60
               for answer in result["first_answers"])
    assert [set(under) for under in seen] == 2 * [{"MLX_PTX_CACHE_DIR", "CUDA_CACHE_PATH"}] and seen[0] != seen[1]
    assert not any(Path(folder).parent.exists() for under in seen for folder in under.values())
    assert "first token where nothing is compiled yet, after a prompt of 5: 16 bit " in tables.as_table(result)


def test_first_answers_are_asked_of_a_gpu_alone(gpu, monkeypatch, capsys):
    args = build_parser("bench").parse_args(["bench", "--random", "tiny", "--first"])
    assert "--first" in bench.command(args).split()
    monkeypatch.setattr(on_gpu, "is_used", lambda: False)
    assert main(["bench", "--random", "tiny", "--first"]) == 1
    assert "leave it out, since MLX computes on the processor here" in capsys.readouterr().err


def test_tables_by_length_have_a_row_for_each_engine():
    def row(engine, context, tps, precision=None, **more):
        named = {"precision": precision} if precision else {}
        return {"engine": engine, "bits": 8, "batch": 1, "context": context, "prompt_tps": {"median": tps},
                "generation_tps": {"median": 2 * tps}, **named, **more}

    rows = [row("mistral_edu", 4096, 40.0), row("mistral_edu", 128, 1234.0), row("mlx-lm", 128, 30.0, "8-bit")]
    prompts, answers = "\n".join(as_tables({"rows": rows})).split("\n\nAnswers")
    assert prompts.splitlines() == ["Prompts, tokens a second:", "", "| bits |       engine |   128 |   4K |",
                                    "|-----:|-------------:|------:|-----:|", "|    8 |  mistral_edu | 1,230 | 40.0 |",
                                    "|    8 | mlx-lm 8-bit |  30.0 |      |"]
    assert "Memory" not in answers
    for each in rows:
        each["above_gb"] = {"median": 0.5}
    assert as_tables({"rows": rows})[-1] == "|    8 | mlx-lm 8-bit | 0.5 |     |"
    rows += [row("mistral_edu", 128, 9.0, batch=8), row("mlx-lm", 128, 7.0, "8-bit", batch=8)]
    prompts, answers = "\n".join(as_tables({"rows": rows})).split("\n\nAnswers")
    assert [line.split("|")[2:5] for line in prompts.splitlines()[4:]] == [
        ["     1 ", "  mistral_edu ", " 1,230 "], ["     1 ", " mlx-lm 8-bit ", "  30.0 "],
        ["     8 ", "  mistral_edu ", "   9.0 "], ["     8 ", " mlx-lm 8-bit ", "   7.0 "]]
    assert answers.splitlines()[-1].startswith("With several sequences side by side")


# ---------------------------------------------------------------- peers
def test_peers_compute_there_or_are_left_out(gpu, tmp_path):
    comparison = Comparison([CASE], ["llama.cpp", "transformers"], tmp_path, tmp_path,
                            run=lambda task, case, **settings: {"vocab_size": 2048})
    assert [(entry["engine"], entry["reason"][:13]) for entry in comparison.left_out] == [
        ("llama.cpp", "it is not com"), ("transformers", "not installed")]
    assert peers.precisions("transformers") == {16: ("bf16",)}


def test_a_peer_says_what_it_took(gpu, tmp_path):
    ours = once(CASE)[0]
    answer = {name: 1.0 for name in ("weights_gb", "load_seconds", "prompt_tps", "generation_tps", "peak_memory_gb")}
    answer |= {"batch": 1, "context": 5, "generated": 2, "logprobs": ours["logprobs"], "above_gb": 0.25,
               "taken_gb": 30.5}
    small_peers.program(tmp_path, "mlx-lm", f"""
        import json, sys
        assert json.load(sys.stdin)["on_gpu"] is True
        print(json.dumps({{"result": {{"rows": [{answer!r}], "versions": {{}}, "seconds": 1}}}}))""")
    comparison = Comparison([CASE], ["mlx-lm"], tmp_path, tmp_path,
                            run=lambda task, case, **settings: {"vocab_size": 2048})
    comparison.cases = [CASE]
    result = measured(comparison=comparison)
    assert result["left_out"] == []
    check({**result, "command": "mistral-edu bench --random tiny --compare mlx-lm"})
    theirs = result["rows"][-1]
    assert (theirs["engine"], theirs["above_gb"]["median"], theirs["taken_gb"]["median"]) == ("mlx-lm", 0.25, 30.5)
    table = tables.as_table(result)
    assert "same GPU, one at a time" in " ".join(table.split()) and "threads as there" not in table


def test_the_runner_counts_the_memory_of_each_answer(monkeypatch):
    begun, most = iter([100, 40]), iter([150, 640])      # bytes that are held before each answer, and at most

    class Module:
        PACKAGES = ("mlx",)
        start = staticmethod(lambda threads, on_gpu: None)
        begin = staticmethod(lambda: next(begun))
        peak = staticmethod(lambda: next(most))
        taken = staticmethod(lambda: 1000)

        class Engine:
            weight_bytes = 10

            def __init__(self, folder, precision, threads, room):
                pass

            def answer(self, ids, n_tokens):
                yield from range(n_tokens)

            def logits(self):
                return mx.arange(4)

    monkeypatch.setattr(runner, "import_module", lambda name: Module)
    monkeypatch.setattr(runner, "logprobs", lambda logits, sample: [])
    found = runner.measure("any", ".", "bf16", [[[1, 2]], [[1, 2, 3]]], 2, 1, [], on_gpu=True)
    assert [(row["peak_memory_gb"], row["above_gb"], row["taken_gb"]) for row in found["rows"]] == [
        (150e-9, 50e-9, 1e-6), (640e-9, 600e-9, 1e-6)]


@pytest.mark.skipif(on_gpu.is_used(), reason="for processors")
def test_a_peer_without_a_gpu_is_not_measured_beside_one(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlx_lm", mx)
    monkeypatch.setitem(sys.modules, "mlx_lm.generate", mx)
    monkeypatch.setitem(sys.modules, "mlx_lm.utils", mx)
    with pytest.raises(ValueError, match="on the processor in its environment, and ours on a GPU"):
        with_mlx_lm.start(1, on_gpu=True)


def test_here_takes_what_this_python_finds(monkeypatch, tmp_path, capsys):
    assert peers.python_of("mlx-lm", peers.HERE) == Path(sys.executable)
    asked = []
    monkeypatch.setattr(peers, "ask", lambda command, *order, **settings: asked.append(command))
    peers.run("mlx-lm", peers.HERE, "measure")
    peers.run("mlx-lm", tmp_path, "measure")
    assert asked == [[sys.executable, str(peers.RUNNER)],
                     [str(tmp_path / "mlx-lm" / "bin" / "python"), "-s", "-E", str(peers.RUNNER)]]
    assert main(["bench", "--set-up", "mlx-lm", "--peers", "here"]) == 1
    assert "nothing to set up" in capsys.readouterr().err


@pytest.mark.parametrize("found, packages", [({"mlx-cpu": "1"}, "mlx[cpu]"), ({}, "mlx[cpu]"),
                                             ({"mlx-cuda-13": "1"}, "mlx[cuda13]")])
def test_mlx_lm_is_set_up_with_the_backend_of_this_machine(monkeypatch, found, packages):
    monkeypatch.setattr(backend, "installed", lambda: found)
    assert peers.packages(peers.PEERS["mlx-lm"])[1] == f"{packages}>=0.32,<0.40"


# ---------------------------------------------------------------- a limit of time
@pytest.mark.parametrize("limit, ends, n", [(None, [9, 9, 9, 9], 4), (25, [10, 20, 30], 2), (30, [10, 20, 30], 3),
                                            (35, [20, 22, 24], 1), (5, [10], 1)])
def test_a_round_begins_if_the_longest_would_end_in_time(monkeypatch, limit, ends, n):
    clock, said = iter([0, *ends]), []
    monkeypatch.setattr(rounds.time, "monotonic", lambda: next(clock))
    assert [*rounds.rounds_within(limit, 4, said.append)] == list(range(1, n + 1))
    assert len(said) == (n < 4)


def test_what_is_finished_is_kept_at_once(gpu):
    """After each case of the first round and each round; whatever ends the others, these are whole results."""
    kept, eight = [], Case(None, "tiny", bits=8, contexts=(5,), max_tokens=3)
    result = measured([Case(None, "tiny", bits=16, contexts=(5,), max_tokens=3), eight], 2, keep=kept.append)
    assert [(len(each["rows"]), each["settings"]["repeats"]) for each in kept] == [(1, 1), (2, 1), (2, 1), (2, 2)]
    for each in kept:
        check(each)
    assert kept[-1] == result


def test_an_interrupted_measurement_leaves_what_is_finished(monkeypatch, tmp_path):
    place = tmp_path / "r.json"

    def interrupted(*args, keep, **settings):
        assert 0 < settings["limit"] <= 60
        keep({"kind": "measured"})
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "benchmark", interrupted)
    args = build_parser("bench").parse_args(["bench", "--save", str(place), "--limit", "60"])
    with pytest.raises(KeyboardInterrupt):
        bench.run(args)
    assert read(place) == {"kind": "measured"}
    assert "--repeats 3 --limit 60" in bench.command(args)


def test_the_engine_for_gpus_waits_for_no_kernels_of_the_processor(monkeypatch):
    monkeypatch.setenv("MISTRAL_EDU_ENGINE", "gpu")
    monkeypatch.setattr(measure.compiled, "kernels", lambda wait: pytest.fail("waited"))
    measure.wait_for_kernels()
    assert load_model("tiny").answered_by.startswith("gpu")
