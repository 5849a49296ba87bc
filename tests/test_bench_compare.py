"""Other engines beside ours. None is installed here: small_peers.py stands in for them, behind the real runner."""
import json
import os
import re
import signal
from dataclasses import asdict, replace
from types import SimpleNamespace

import small_peers
from mistral_edu import MistralConfig, load_model
from mistral_edu.bench import compare, peers, rounds, same_weights, tables, tasks
from mistral_edu.bench.compare import Comparison, difference
from mistral_edu.bench.measure import Case, measure
from mistral_edu.bench.peers import runner, with_llama_cpp
from mistral_edu.bench.random_model import random_model
from mistral_edu.bench.results import SCHEMA
from mistral_edu.bench.row import PeerRow
from mistral_edu.bench.timed_answers import sampled_logprobs
from mistral_edu.commands import bench
from mistral_edu.commands.main import main

import mlx.core as mx
import numpy as np
import pytest
from jsonschema import Draft202012Validator

pytestmark = pytest.mark.slow

CASE = Case(None, "tiny", bits=16, contexts=(9, 5), max_tokens=3)
SHORT = replace(CASE, contexts=(4,), max_tokens=2)
CHECK = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def here(task, case=None, **settings):
    """What a process of ours would do, in this one."""
    if task == "limits":
        return {"read_gb_per_s": 40.0, "matrix_gflops": {"float32": 200.0}}
    return tasks.carry_out(task, asdict(case) if case else None, **settings)


def compared(place, tmp_path, cases=(CASE,), names=("mlx-lm",), repeats=1):
    """A whole comparison, the peers alone in processes of their own."""
    folder = tmp_path / "weights"
    folder.mkdir(parents=True)
    comparison = Comparison(list(cases), list(names), place, folder, run=here)
    return rounds.benchmark(list(cases), repeats, "mistral-edu bench tiny", run=here, comparison=comparison)


def left_out(result):
    return [(entry["engine"], entry["precision"], entry["context"]) for entry in result["left_out"]]


def answering(**changes):
    """A program that answers as a peer does, with our own log probabilities, but for these changes of its one row."""
    row = {"batch": 1, "context": 4, "generated": 2, "logprobs": None, "weights_gb": 1.0, "load_seconds": 1.0,
           "prompt_tps": 1.0, "generation_tps": 1.0, "peak_memory_gb": 1.0, **changes}
    row["logprobs"] = row["logprobs"] or measure(replace(CASE, contexts=(4,), max_tokens=2))[0]["logprobs"]
    return f"""
        import json
        print(json.dumps({{"result": {{"rows": [{row!r}], "versions": {{}}, "seconds": 1}}}}))"""


# ---------------------------------------------------------------- a peer that works
def test_a_peer_is_measured_with_our_weights_and_prompts_and_found_equal(tmp_path):
    small_peers.mlx_lm(tmp_path)
    cases = [replace(CASE, batches=(2, 1)), replace(CASE, contexts=(5,), max_tokens=2, bits=4)]
    result = compared(tmp_path, tmp_path, cases, repeats=2)
    CHECK.validate(json.loads(json.dumps(result)))
    rows = [(row["engine"], row["bits"], row["batch"], row["context"]) for row in result["rows"]]
    assert rows == [("mistral_edu", 16, 1, 5), ("mistral_edu", 16, 1, 9), ("mistral_edu", 16, 2, 5),
                    ("mistral_edu", 16, 2, 9), ("mlx-lm", 16, 1, 5), ("mlx-lm", 16, 1, 9), ("mlx-lm", 16, 2, 5),
                    ("mlx-lm", 16, 2, 9), ("mistral_edu", 4, 1, 5), ("mlx-lm", 4, 1, 5)]
    theirs = [row for row in result["rows"] if row["engine"] == "mlx-lm"]
    apart = [(row["difference"], row["largest_difference"]) for row in theirs]
    assert all(share < 0.15 and largest < 0.5 for share, largest in apart), apart
    assert all(row.keys() == PeerRow.__required_keys__ for row in theirs)
    assert len(theirs[0]["prompt_tps"]["samples"]) == 2 and theirs[0]["generated"] == 3
    assert theirs[4]["weights_gb"] < 0.3 * theirs[0]["weights_gb"]
    assert result["software"]["peers"]["mlx-lm"]["mlx-lm"] == "9.8.7" and result["left_out"] == []

    table = next(part for part in tables.as_table(result).split("\n\n") if "ours / theirs |" in part).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table[2:]]
    assert [row[:4] for row in cells[:2]] == [["16", "1", "5", "mistral_edu"], ["16", "1", "5", "mlx-lm bf16"]]
    assert [row[:4] for row in cells[4:6]] == [["16", "2", "5", "mistral_edu"], ["16", "2", "5", "mlx-lm bf16"]]
    for place, ours, other in ((1, result["rows"][0], theirs[0]), (5, result["rows"][2], theirs[2])):
        ratio = ours["prompt_tps"]["median"] / other["prompt_tps"]["median"]
        assert float(cells[place][7].removesuffix("x")) == pytest.approx(ratio, rel=0.01) and cells[place - 1][7] == ""


def test_a_peer_without_batches_is_measured_at_batch_1(tmp_path):
    small_peers.program(tmp_path, "transformers", answering())
    result = compared(tmp_path, tmp_path, [replace(SHORT, batches=(1, 8))], names=["transformers"])
    CHECK.validate(json.loads(json.dumps(result)))
    assert [(row["engine"], row["batch"]) for row in result["rows"]] == [
        ("mistral_edu", 1), ("mistral_edu", 8), ("transformers", 1), ("transformers", 1)]
    table = tables.as_table(result)
    assert "Left out: transformers, batch 8: it is measured at batch 1 only" in table.splitlines()
    header = next(line for line in table.splitlines() if "engine |" in line)
    assert "batch" not in header and "of a batch, after" not in table  # only ours has one, in the table above


def test_a_batch_is_asked_for_and_left_out_by_itself(tmp_path, monkeypatch):
    """What answers a batch with another model keeps its row at batch 1."""
    asked, good = [], measure(SHORT)[0]
    monkeypatch.setattr(peers, "python_of", lambda *where: tmp_path)

    def run(name, place, task, batches, **settings):
        asked.append([(len(prompts), len(prompts[0])) for prompts in batches])
        same = {figure: 1.0 for figure in compare.FIGURES} | {"generated": 2}
        return {"versions": {}, "seconds": 1, "rows": [
            {**same, "batch": batch, "context": context, "logprobs": good["logprobs"] if batch == 1 else [0.0] * 256}
            for batch, context in asked[-1]]}

    monkeypatch.setattr(peers, "run", run)
    result = compared(tmp_path, tmp_path, [replace(SHORT, batches=(4, 1))], repeats=2)
    assert asked == [[(1, 4), (4, 4)], [(1, 4)]]
    assert [(row["batch"], len(row["prompt_tps"]["samples"])) for row in result["rows"] if row["engine"] == "mlx-lm"] \
        == [(1, 2)]
    assert [(entry["batch"], entry["context"]) for entry in result["left_out"]] == [(4, 4)]
    assert "Left out: mlx-lm bf16, batch 4, prompts of 4: it computes something else" in tables.as_table(result)


def test_tokens_a_second_of_a_batch_are_those_of_all_its_sequences(monkeypatch):
    class Engine:
        def answer_side_by_side(self, prompts, n_tokens):
            assert prompts == [[1, 2], [3, 4], [5, 6]]
            yield from range(n_tokens)

    now = iter([100.0, 110.0, 113.0, 116.0])
    monkeypatch.setattr(runner.time, "perf_counter", lambda: next(now))
    assert runner.timed_answer(Engine(), [[1, 2], [3, 4], [5, 6]], 3) == (0.6, 1.0, 3)


def test_what_computes_another_model_is_left_out(tmp_path):
    """One without the window of 128: equal as long as a prompt is shorter."""
    small_peers.mlx_lm(tmp_path, "window_size=None")
    result = compared(tmp_path, tmp_path, [replace(CASE, contexts=(20, 200))], repeats=2)
    assert [row["context"] for row in result["rows"] if row["engine"] == "mlx-lm"] == [20]
    assert left_out(result) == [("mlx-lm", "bf16", 200)]
    assert "computes something else" in result["left_out"][0]["reason"]
    assert "Left out: mlx-lm bf16, a prompt of 200" in tables.as_table(result)


def test_the_runner_says_what_it_cannot_do(tmp_path):
    small_peers.mlx_lm(tmp_path)
    with pytest.raises(ValueError, match="FileNotFoundError: .*nowhere"):
        peers.run("mlx-lm", tmp_path, "measure", folder=str(tmp_path / "nowhere"), precision="bf16", batches=[[[1]]],
                  max_tokens=2, threads=1, sample=[0])


def test_a_slow_answer_ends_early_and_says_how_long_it_was(monkeypatch):
    class Slow:
        def answer(self, ids, n_tokens):
            yield from range(n_tokens)

    now = iter([0.0, 10.0, 22.0, 34.0])
    monkeypatch.setattr(runner.time, "perf_counter", lambda: next(now))
    assert runner.timed_answer(Slow(), [[1, 2]], 64) == (0.2, 2 / 24, 3)


def test_a_slow_peer_is_measured_in_the_first_round_only(tmp_path, monkeypatch):
    small_peers.mlx_lm(tmp_path)
    monkeypatch.setattr(compare, "SLOW", 0)
    result = compared(tmp_path, tmp_path, [replace(CASE, contexts=(4,))], repeats=2)
    assert [len(row["prompt_tps"]["samples"]) for row in result["rows"]] == [2, 1]
    CHECK.validate(json.loads(json.dumps(result)))


def test_engines_take_turns_in_being_first(tmp_path, monkeypatch):
    """And what is equal to ours is found equal, whichever came first."""
    small_peers.program(tmp_path, "mlx-lm", answering())
    small_peers.write_python(tmp_path / "transformers", f"exec {tmp_path / 'mlx-lm' / 'bin' / 'python'}")
    order, run = [], peers.run

    def here_noted(task, case=None, **settings):
        order.append({"limits": "|", "measure": "ours"}.get(task))
        return here(task, case, **settings)

    monkeypatch.setattr(peers, "run", lambda name, *args, **settings: order.append(settings["precision"])
                        or run(name, *args, **settings))
    comparison = Comparison([SHORT], ["mlx-lm", "transformers"], tmp_path, tmp_path, run=here)
    result = rounds.benchmark([SHORT], 3, "mistral-edu bench tiny", run=here_noted, comparison=comparison)
    turns = ["ours bf16 bf16 fp32", "bf16 bf16 fp32 ours", "bf16 fp32 ours bf16"]
    assert " ".join(filter(None, order)) == " ".join(f"| {turn}" for turn in turns)
    assert [row["engine"] for row in result["rows"]] == ["mistral_edu", "mlx-lm", "transformers", "transformers"]
    assert all(len(row["prompt_tps"]["samples"]) == 3 for row in result["rows"]) and result["left_out"] == []


def test_fewer_rounds_and_shorter_answers_are_told(tmp_path, monkeypatch):
    small_peers.program(tmp_path, "mlx-lm", answering())
    monkeypatch.setattr(compare, "SLOW", 0)
    result = compared(tmp_path, tmp_path, [replace(SHORT, max_tokens=5)], repeats=2)
    assert ("mlx-lm bf16, a prompt of 4: 1 round of 2, as it takes over 60 s; 2 tokens of 5, as they take over 20 s."
            in tables.as_table(result).splitlines())
    again = compared(tmp_path, tmp_path / "again", [SHORT])
    assert "1 round of" not in tables.as_table(again) and "tokens of" not in tables.as_table(again)


def test_a_precision_that_a_peer_does_not_have_is_told(tmp_path):
    small_peers.program(tmp_path, "transformers", answering())
    result = compared(tmp_path, tmp_path, [replace(SHORT, bits=4)], names=["transformers"])
    assert left_out(result) == [("transformers", "4 bit", None)]
    assert "Left out: transformers 4 bit: it is compared in 16 bit only" in tables.as_table(result)


# ---------------------------------------------------------------- peers that do not
def test_what_is_not_installed_is_named_with_the_command_that_sets_it_up(tmp_path):
    result = compared(tmp_path, tmp_path, [replace(CASE, contexts=(4,))], names=list(peers.PEERS))
    CHECK.validate(json.loads(json.dumps(result)))
    assert left_out(result) == [(name, None, None) for name in peers.PEERS]
    table = tables.as_table(result)
    assert "Left out: llama.cpp: not installed; to set it up: mistral-edu bench --set-up llama.cpp" in table
    assert "mistral_edu" in table


@pytest.mark.parametrize("code, reason", [
    ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "mlx-lm was ended by SIGKILL"),
    ("import sys; print('no such thing', file=sys.stderr); sys.exit(3)", "code 3 .* its last words: no such thing"),
    ("import os, sys; sys.exit(os.path.expanduser('~/x'))", "its last words: ~/x"),
    ("print('hello')", "code 0 and no result"), ("print('[1]')", "code 0 and no result"),
    ("print('{\"error\": \"ValueError: too old\"}')", "ValueError: too old"),
    ("print('{\"result\": 7}')", "not what was asked for"),
    ("print('{\"result\": {\"rows\": [{\"context\": 4}]}}')", "not what was asked for"),
    ({"logprobs": [0.0]}, "asked for 256 .* got 1"), ({"logprobs": [0.0] * 256}, "computes something else"),
    ({"prompt_tps": -1}, "prompt_tps of -1"), ({"load_seconds": "long"}, "load_seconds of 'long'"),
    ({"generated": 1.5}, "generated of 1.5")])
def test_a_peer_that_fails_is_left_out_and_ours_stays(tmp_path, code, reason):
    """code: a program, or what changes in a good answer."""
    small_peers.program(tmp_path, "mlx-lm", answering(**code) if isinstance(code, dict) else code)
    result = compared(tmp_path, tmp_path, [replace(CASE, contexts=(4,))])
    CHECK.validate(json.loads(json.dumps(result)))
    assert [row["engine"] for row in result["rows"]] == ["mistral_edu"]
    entry, = result["left_out"]
    assert entry["precision"] == "bf16" and re.search(reason, entry["reason"])


def test_a_peer_that_fails_once_has_no_row(tmp_path):
    """Medians are of all rounds, or of none."""
    small_peers.mlx_lm(tmp_path)
    python = tmp_path / "mlx-lm" / "bin" / "python"
    works = python.read_text()
    python.write_text(works.replace("exec", f"test -e {tmp_path}/twice && exit 4; touch {tmp_path}/twice; exec"))
    result = compared(tmp_path, tmp_path, [replace(CASE, contexts=(4,))], repeats=2)
    assert [row["engine"] for row in result["rows"]] == ["mistral_edu"]
    assert left_out(result) == [("mlx-lm", "bf16", None)]


def test_a_peer_whose_files_cannot_be_written_is_left_out(tmp_path):
    small_peers.program(tmp_path, "llama.cpp", "print('{\"error\": \"no gguf\"}')")
    result = compared(tmp_path, tmp_path, [replace(CASE, contexts=(4,))], names=["llama.cpp"])
    assert left_out(result) == [("llama.cpp", None, None)] and result["left_out"][0]["reason"] == "no gguf"


# ---------------------------------------------------------------- the same weights
def test_the_files_hold_the_weights_that_are_measured_without_them(tmp_path):
    for bits in (16, 4):
        case = replace(CASE, bits=bits, contexts=(5,), max_tokens=2)
        config = same_weights.write(case, tmp_path)
        assert config == MistralConfig.preset("tiny").to_hf()
        written, = measure(replace(case, written=str(tmp_path / str(bits))))
        made, = measure(case)
        assert np.allclose(written["logprobs"], made["logprobs"], atol=1e-5) and written["bits"] == made["bits"] == bits
    assert sorted(path.name for path in tmp_path.iterdir()) == ["16", "4"]


def test_the_files_take_no_more_than_was_reckoned(tmp_path):
    cases = [CASE, replace(CASE, bits=8), replace(CASE, bits=4)]
    for case in cases:
        same_weights.write(case, tmp_path)
    size = sum(path.stat().st_size for path in tmp_path.glob("*/*"))
    reckoned = same_weights.bytes_on_disk(cases, ["mlx-lm", "transformers"])
    assert 0.9 * reckoned < size <= reckoned
    n = MistralConfig.preset("tiny").n_parameters
    gguf = same_weights.bytes_on_disk(cases, ["llama.cpp"]) - reckoned
    assert gguf == pytest.approx(same_weights.SPARE * n * (2 + 34 / 32 + 18 / 32), abs=2)
    assert same_weights.bytes_on_disk([replace(CASE, model="tiny", preset=None)], []) == pytest.approx(
        same_weights.SPARE * 2 * n, abs=2)


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary ones."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(same_weights.tempfile, "tempdir", str(place))
    return place


def test_too_little_disk_is_said_before_anything_is_written(temporary, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(same_weights.shutil, "disk_usage", lambda place: SimpleNamespace(free=1000))
    assert main(["bench", "--random", "tiny", "--compare", "mlx-lm", "--peers", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "takes 0.03 GB" in said and "0.00 GB free" in said and "TMPDIR" in said and not list(temporary.iterdir())


@pytest.mark.parametrize("error, code", [(KeyboardInterrupt, 130), (ValueError("something"), 1)])
def test_nothing_is_left_when_a_comparison_is_stopped(temporary, tmp_path, monkeypatch, error, code):
    seen = []

    def write(task, case, folder):
        (same_weights.Path(folder) / "16").mkdir()
        seen.append(list(temporary.glob("*/*")))
        raise error

    monkeypatch.setattr(bench, "Comparison", lambda *args: Comparison(*args, run=write))
    assert main(["bench", "--random", "tiny", "--compare", "mlx-lm", "--peers", str(tmp_path)]) == code
    assert len(seen[0]) == 1 and list(temporary.iterdir()) == []


def test_nothing_is_left_when_a_comparison_is_killed(temporary, tmp_path, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)

    def write(task, case, folder):
        (same_weights.Path(folder) / "16").mkdir()
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(bench, "Comparison", lambda *args: Comparison(*args, run=write))
    with pytest.raises(SystemExit) as ended:
        main(["bench", "--random", "tiny", "--compare", "mlx-lm", "--peers", str(tmp_path)])
    assert ended.value.code == 143 and list(temporary.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("words, message", [
    (["--compare", "mlx-lm,vllm"], "no peer 'vllm'.* mlx-lm, transformers, llama.cpp"),
    (["--compare", "transformers,llama.cpp", "--batch", "2"], "llama.cpp: measured at batch 1 only"),
    (["--set-up", "numpy"], "no peer 'numpy'")])
def test_a_command_that_cannot_be_carried_out_says_why(temporary, words, message, capsys):
    assert main(["bench", *words]) == 1
    assert re.search(message, capsys.readouterr().err) and list(temporary.iterdir()) == []


def test_quantized_weights_are_not_compared(tmp_path, temporary):
    same_weights.write(replace(CASE, bits=4), tmp_path)
    with pytest.raises(ValueError, match="already quantized"):
        with same_weights.folder_of_weights([Case(str(tmp_path / "4"))], ["mlx-lm"]):
            pass


# ---------------------------------------------------------------- llama.cpp's files
def test_rotating_neighbours_after_reordering_is_rotating_halves():
    weight = np.random.default_rng(0).normal(size=(2 * 8, 5)).astype(np.float32)  # two heads of eight
    x = np.ones((1, 5), dtype=np.float32)

    def rotated(weight, traditional):
        heads = mx.array((x @ weight.T).reshape(1, 2, 1, 8))  # (B, n_heads, L, head_dim)
        return np.array(mx.fast.rope(heads, 8, traditional=traditional, base=10000.0, scale=1.0, offset=7))

    halves, neighbours = rotated(weight, False), rotated(with_llama_cpp.as_neighbours(weight, 2), True)
    assert np.allclose(halves.reshape(2, 2, 4).swapaxes(1, 2).reshape(2, 8), neighbours.reshape(2, 8), atol=1e-5)
    assert not np.allclose(halves, neighbours)


def test_weights_are_read_from_bfloat16_files_as_they_are(tmp_path):
    same_weights.write(CASE, tmp_path)
    expected = dict(mx.load(str(tmp_path / "16" / "model.safetensors")))
    found = dict(with_llama_cpp.open_weights(tmp_path / "16"))
    assert found.keys() == expected.keys()
    for name, numbers in found.items():
        assert np.array_equal(numbers, np.array(expected[name].view(mx.uint16))), name
        assert with_llama_cpp.gguf_name(name).endswith(".weight")


# ---------------------------------------------------------------- differences
def test_differences_tell_rounding_from_another_model():
    rows = {bits: measure(replace(CASE, bits=bits, contexts=(20,), max_tokens=2))[0]["logprobs"] for bits in (16, 8, 4)}
    other = random_model("tiny", seed=1)
    logits = other(mx.array([list(range(20))]))[0, -1]
    unrelated = sampled_logprobs(logits)
    assert difference(rows[16], rows[16]) == (0.0, 0.0)
    assert difference(rows[16], rows[8])[0] < 0.1 < difference(rows[16], rows[4])[0] < compare.BOUNDS[4]
    assert difference(rows[16], unrelated)[0] > 1.1


# ---------------------------------------------------------------- setting up
def test_an_environment_is_there_only_when_it_is_finished(tmp_path, monkeypatch):
    commands, fails = [], [True]

    def start(words, **settings):
        commands.append(words)
        if "venv" in words:
            small_peers.write_python(peers.Path(words[-1]), "exit 0")
        code = int("pip" in words and fails[0])
        return peers.subprocess.CompletedProcess(words, code, "ERROR: no matching distribution" if code else "")

    monkeypatch.setattr(peers.subprocess, "run", start)
    with pytest.raises(ValueError, match="(?s)llama.cpp could not be set up.*no matching distribution"):
        peers.set_up("llama.cpp", tmp_path / "peers")
    assert list((tmp_path / "peers").iterdir()) == []
    fails[0], said = False, []
    peers.set_up("llama.cpp", tmp_path / "peers", said.append)
    assert peers.python_of("llama.cpp", tmp_path / "peers").exists() and "compiled" in said[0]
    assert [path.name for path in (tmp_path / "peers").iterdir()] == ["llama.cpp"]
    assert commands[-1][-len(peers.PEERS["llama.cpp"].packages):] == list(peers.PEERS["llama.cpp"].packages)
    count = len(commands)
    peers.set_up("llama.cpp", tmp_path / "peers", said.append)
    assert len(commands) == count and "remove that folder first" in said[-1]


def test_where_no_environment_can_be_made_is_named(tmp_path, capsys):
    (tmp_path / "file").touch()
    for place in ("/proc/nowhere", tmp_path / "file"):
        assert main(["bench", "--set-up", "mlx-lm", "--peers", str(place)]) == 1
        assert re.search(f"mlx-lm cannot be set up in {place} .*--peers FOLDER", capsys.readouterr().err)


@pytest.mark.parametrize("name", list(peers.PEERS))
def test_a_real_peer_computes_what_we_compute(name, tmp_path):
    place = os.environ.get("MISTRAL_EDU_PEERS") or peers.default_place()
    if not peers.python_of(name, place).exists():
        pytest.skip(f"not set up: mistral-edu bench --set-up {name}")
    several = (1, 3) if peers.PEERS[name].batches else (1,)
    cases = [replace(CASE, bits=bits, contexts=(20, 150)[:1 + (bits == 16)], batches=several)  # 150: over the window
             for bits in (16, 8, 4)]
    result = compared(place, tmp_path, cases, names=[name])
    missing = {f"{bits} bit" for bits in (16, 8, 4)} - {f"{bits} bit" for bits in peers.PEERS[name].precisions}
    assert {entry["precision"] for entry in result["left_out"]} == missing
    found = {(row["precision"], row["batch"], row["context"]) for row in result["rows"] if row["engine"] == name}
    assert found == {(precision, *size) for case in cases for size in case.sizes
                     for precision in peers.PEERS[name].precisions.get(case.bits, ())}


def test_the_weights_of_a_checkpoint_are_compared_as_bfloat16(tmp_path):
    case = Case("tiny", bits=None, contexts=(4,), max_tokens=2)
    same_weights.write(case, tmp_path)
    model = load_model(tmp_path / "16", fast=False)
    assert model.model.norm.weight.dtype == mx.bfloat16 and model.config == load_model("tiny", fast=False).config
