"""`mistral-edu train`: learns, resumes after a kill as if nothing had happened, and leaves whole files."""
import argparse
import itertools
import json
import os
import random
import re
import signal
import sys
from pathlib import Path

import mistral_edu
from mistral_edu.checkpoints.errors import CheckpointError
from mistral_edu.commands import train as command
from mistral_edu.tiny import FOLDER, train
from mistral_edu.tiny import exam as exams
from mistral_edu.tiny.training import curve, exam, saving, start
from mistral_edu.tiny.world.own import own_world

import mlx.core as mx
import pytest


def options(out, *arguments):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    small = ["--batch", "1", "--workers", "0", "--log-every", "2", "--save-minutes", "1000", "--evaluate-every", "1000"]
    return parser.parse_args(["--out", str(out), *small, *arguments])


@pytest.fixture(autouse=True)
def small_exam(monkeypatch):
    """A short exam, since what is asked is tested elsewhere; and the shipped vocabulary instead of a fresh one."""
    whole = exams.make_exam
    monkeypatch.setattr(exams, "TASKS", ["arithmetic", "fact"])
    monkeypatch.setattr(exam, "PROBE_DISTANCES", (64,))
    monkeypatch.setattr(train, "LOG_SECONDS", float("inf"))  # lines of the log come by steps, however long these take
    monkeypatch.setattr(exams, "make_exam", lambda tokenizer: whole(tokenizer, n=2, n_recall=2, distances=(64,)))
    monkeypatch.setattr(start, "train_tokenizer", copy_tokenizer)


def copy_tokenizer(path, vocab_size, world=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((FOLDER / "tokenizer.json").read_bytes())


def weights_of(folder):
    return mx.load(str(folder / "model.safetensors"))


@pytest.mark.slow
def test_a_run_leaves_a_model_a_log_a_curve_and_checkpoints(tmp_path):
    assert command.run(options(tmp_path, "--tokens", "0.008", "--keep", "0", "0.002")) == 0
    names = {p.name for p in tmp_path.iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "state.safetensors", "log.jsonl",
            "curve.png"} <= names
    assert not [name for name in names if name.startswith("part-")]
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = [entry["loss"] for entry in log if "loss" in entry]
    assert len(losses) == 4 and 0 < losses[-1] < losses[0]  # eight steps of one row
    assert 0 <= log[-1]["exact_match"] <= 1 and set(log[-1]["tasks"]) == {"arithmetic", "fact"}
    assert {p.name for p in (tmp_path / "checkpoints").iterdir()} == {"0000M", "0000.002M"}  # two marks, two names
    model, tokenizer = mistral_edu.load(tmp_path)
    assert mistral_edu.generate(model, tokenizer, "Hello!", max_tokens=3) is not None
    kept, _ = mistral_edu.load(tmp_path / "checkpoints" / "0000M")
    assert kept.config == model.config


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path, monkeypatch):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    assert command.run(options(whole, "--tokens", "0.004")) == 0
    learn = train.Run.log_losses

    def kill_after_two_steps(self, losses):
        learn(self, losses)
        if self.step == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(train.Run, "log_losses", kill_after_two_steps)
    assert command.run(options(halves, "--tokens", "0.004")) == 130
    monkeypatch.setattr(train.Run, "log_losses", learn)
    with open(halves / "log.jsonl", "a") as log:  # a line of a step that was never saved
        log.write(json.dumps({"step": 3, "loss": 99.0}) + "\n")
    assert command.run(options(halves, "--tokens", "0.004")) == 0
    expected, got = weights_of(whole), weights_of(halves)
    apart = {name: mx.abs(expected[name] - got[name]).max().item() for name in expected}
    assert not any(apart.values()), {name: gap for name, gap in apart.items() if gap}
    assert "99.0" not in (halves / "log.jsonl").read_text()


@pytest.mark.slow
def test_training_by_the_clock_ends_by_itself(tmp_path, monkeypatch):
    clock = itertools.count(step=0.25)  # a step takes a quarter of a second
    monkeypatch.setattr(train.time, "perf_counter", lambda: next(clock))
    run = train.Run(options(tmp_path, "--minutes", "0.01", "--tokens", "1000"), say=lambda text: None)
    run.train()
    assert (run.seconds, run.step) == (0.75, 3)


@pytest.mark.slow
def test_who_watches_sees_how_far_training_is_and_the_log_stays_clean(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert command.run(options(tmp_path, "--start", "tiny", "--tokens", "0.003", "--tasks", "fact")) == 0
    out, err = capsys.readouterr()
    shares = dict.fromkeys(re.findall(r"learning: +\d+%.*?([\d.]+) of 100%", err))
    assert list(shares) == ["0.00", "34.1", "68.3", "100"]   # rows of 1,024 tokens, of 3,000
    assert "\r" not in out and "\nstep      2," in out and "\ndone: 3 steps" in out


@pytest.mark.slow
def test_training_goes_on_from_the_shipped_weights(tmp_path):
    arguments = options(tmp_path, "--start", "tiny", "--tokens", "0.002", "--tasks", "fact", "--rate", "1e-9")
    assert command.run(arguments) == 0
    shipped, after = weights_of(FOLDER), weights_of(tmp_path)
    assert (tmp_path / "tokenizer.json").read_bytes() == (FOLDER / "tokenizer.json").read_bytes()
    assert all(mx.abs(shipped[n] - after[n]).max().item() < 1e-2 for n in shipped)


def test_an_unknown_task_is_named(tmp_path):
    with pytest.raises(ValueError, match="dancing"):
        command.run(options(tmp_path, "--tasks", "dancing"))


CHECKPOINTS = sorted(Path(__file__).parent.parent.glob("notebooks/data/tiny_checkpoints/*"))


def test_the_stored_checkpoints_are_of_the_shipped_model():
    assert [folder.name for folder in CHECKPOINTS] == ["0040M", "0060M", "0100M", "0120M"]
    shipped = mistral_edu.load_config("tiny")
    for folder in CHECKPOINTS:
        model = mistral_edu.load_model(folder)
        assert model.config == shipped
        assert (folder / "tokenizer.json").read_bytes() == (FOLDER / "tokenizer.json").read_bytes()


@pytest.mark.parametrize("argument, value", [
    ("--tokens", "0"), ("--tokens", "nan"), ("--tokens", "-3"), ("--batch", "-1"), ("--batch", "0"), ("--batch", "1.5"),
    ("--minutes", "nan"), ("--minutes", "0"), ("--rate", "nan"), ("--rate", "-1"), ("--rate", "inf"),
    ("--workers", "-1"), ("--evaluate-every", "0"), ("--log-every", "0"), ("--save-minutes", "0"), ("--keep", "-1"),
    ("--seed", "-1"), ("--tokens", "many"), ("--seed", "4294967296")])
def test_arguments_that_make_no_sense_are_refused_at_once(tmp_path, capsys, argument, value):
    with pytest.raises(SystemExit) as end:
        options(tmp_path / "run", f"{argument}={value}")
    assert end.value.code == 2 and f"argument {argument}: {value!r} is not a" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.fixture
def stopped(tmp_path):
    """A run that was saved after its first weights, with a log of two lines."""
    run = train.Run(options(tmp_path / "run"), say=lambda text: None)
    run.begin_or_resume()
    run.save()
    run.step = 1
    run.note({"loss": 3.0})
    run.note({"loss": 2.0})
    return run.out


def begin(folder):
    said = []
    run = train.Run(options(folder), say=said.append)
    run.begin_or_resume()
    return run, said


def test_what_a_kill_leaves_half_written_is_removed(stopped):
    (stopped / "part-model.safetensors").write_bytes(b"half")
    half = stopped / "checkpoints" / "part-0040M"
    half.mkdir(parents=True)
    (half / "config.json").write_text("{")
    begin(stopped)
    assert not [path for path in stopped.rglob("part-*")]


def test_a_kill_in_the_first_copy_is_no_obstacle(tmp_path, monkeypatch):
    def cut_short(source, target):
        Path(target).write_text("{")
        raise KeyboardInterrupt

    arguments = options(tmp_path, "--start", str(FOLDER))
    with monkeypatch.context() as patch:
        patch.setattr(start.shutil, "copyfile", cut_short)
        with pytest.raises(KeyboardInterrupt):
            train.Run(arguments, say=lambda text: None)
    assert train.Run(arguments, say=lambda text: None).tokenizer.vocab_size == 2048


def test_a_damaged_line_of_the_log_is_left_out_and_named(stopped):
    with open(stopped / "log.jsonl", "a") as log:
        log.write('{"step": 1, "lo')
    run, said = begin(stopped)
    assert any("log.jsonl, line 3, is damaged" in text for text in said)
    assert run.log.entries() == []                              # of steps after the last save: they will come again


@pytest.mark.slow
@pytest.mark.parametrize("damage", [lambda data: data[:1000], lambda data: b"", lambda data: data[:-8]])
def test_a_damaged_state_is_named(stopped, damage):
    state = stopped / "state.safetensors"
    state.write_bytes(damage(state.read_bytes()))
    with pytest.raises(CheckpointError, match="state.safetensors is damaged.*move it away"):
        begin(stopped)


def test_a_checkpoint_is_there_whole_or_not_at_all(stopped, monkeypatch):
    run, _ = begin(stopped)
    save = saving.write

    def killed(path, how):
        if path.name == "tokenizer.json":
            raise KeyboardInterrupt
        save(path, how)

    with monkeypatch.context() as patch:
        patch.setattr(saving, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            run.checkpoints.keep(40e6)
    assert not (stopped / "checkpoints" / "0040M").exists()
    run.checkpoints.keep(40e6)
    run.checkpoints.keep(40e6)                                # a run that comes by again
    assert mistral_edu.load_config(stopped / "checkpoints" / "0040M") == run.config


def test_a_full_disk_is_an_error_of_ours(tmp_path):
    def full(path):
        raise RuntimeError("[save] no space left on device")

    with pytest.raises(OSError, match="weights could not be written .*is the disk full"):
        saving.write(tmp_path / "weights", full)


HELLO = "def hello(r):\n    n = r.randrange(99)\n    return f'Say {n}.', f'{n}.', n\n\n\nMIX = {hello: 1}\n"
NO_MIX, FAILS, RANDOM = HELLO.replace("MIX", "MUX"), HELLO.replace("{n}.", "{m}."), HELLO.replace("r.", "random.")
FAILS_RARELY = HELLO.replace("99)", "9999)").replace("{n}.'", "{1 // n}.'")


@pytest.mark.slow
@pytest.mark.parametrize("broken, words", [
    (NO_MIX, "mine.py should end in MIX"),
    (FAILS, "mine.py: hello stopped in line 3: NameError: name 'm' is not defined"),
    ("import random\n" + RANDOM, "mine.py: from the same r, hello made"),
    (FAILS_RARELY, "mine.py: hello stopped in line 3: ZeroDivisionError")])
def test_a_start_that_fails_leaves_nothing_and_the_mended_file_starts(tmp_path, monkeypatch, broken, words):
    def tell_them_all(path, vocab_size, world):  # as the real one does, which draws 40,000 documents
        r = random.Random(1)
        for _ in range(40_000):
            own_world(world).sample(r)
        copy_tokenizer(path, vocab_size)

    monkeypatch.setattr(start, "train_tokenizer", tell_them_all)
    world, out = tmp_path / "mine.py", tmp_path / "run"
    world.write_text(broken)
    arguments = options(out, "--world", str(world))
    with pytest.raises(ValueError, match=re.escape(words)):
        train.Run(arguments)
    assert not out.exists()
    world.write_text(HELLO)
    run = train.Run(arguments, say=lambda text: None)
    assert list(own_world(run.world).makers) == ["hello"] and Path(run.world).parent == out


def test_a_run_without_a_step_is_begun_anew_with_another_world(tmp_path):
    world, out = tmp_path / "mine.py", tmp_path / "run"
    out.mkdir()
    for name in ("world.py", "tokenizer.json", "log.jsonl"):  # what a kill before the first save leaves
        (out / name).write_text('{"step": 1, "loss": 7.0}\n')
    world.write_text(HELLO)
    run = train.Run(options(out, "--world", str(world)), say=lambda text: None)
    run.begin_or_resume()
    assert (out / "world.py").read_text() == HELLO and run.log.entries() == []
    assert (out / "tokenizer.json").read_bytes() == (FOLDER / "tokenizer.json").read_bytes()


def test_a_run_of_the_village_refuses_a_world_of_ones_own(stopped, tmp_path):
    (tmp_path / "mine.py").write_text(HELLO)
    with pytest.raises(ValueError, match="begun with another world, the village"):
        train.Run(options(stopped, "--world", str(tmp_path / "mine.py")))


@pytest.mark.parametrize("name", ["model.safetensors", "notes.md"])
def test_a_folder_that_holds_something_else_is_left_alone(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(FileExistsError, match=f"holds {name}, and no run .* give a new one with --out"):
        train.Run(options(tmp_path))
    with pytest.raises(FileExistsError, match=f"{name} is a file; --out takes the folder of a run"):
        train.Run(options(tmp_path / name))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


@pytest.mark.parametrize("missing", ["tokenizer.json", "model.safetensors"])
def test_a_start_from_a_folder_without_a_model_leaves_nothing(tmp_path, missing):
    for name in {"tokenizer.json", "model.safetensors"} - {missing}:
        (tmp_path / name).write_text("")
    with pytest.raises(FileNotFoundError, match=f"holds no {missing}"):
        train.Run(options(tmp_path / "run", "--start", str(tmp_path)))
    assert not (tmp_path / "run").exists()


def test_every_mark_that_was_passed_is_kept_and_said(stopped):
    said = []
    run = train.Run(options(stopped), say=said.append)
    run.begin_or_resume()
    run.position, run.checkpoints.marks = 2, [0.0, 1e3, 2e3, 3e3]  # two rows of 1,024 tokens
    run.checkpoints.keep_passed(run.tokens)
    assert run.checkpoints.marks == [3e3]
    names = ["0000M", "0000.001M", "0000.002M"]
    assert {folder.name for folder in (stopped / "checkpoints").iterdir()} == set(names)
    assert said[-3:] == [f"  kept in 4 bit: {stopped / 'checkpoints' / name}" for name in names]


def said_by(run, **entry):
    """What a line of the log says: mean loss, and those of long and of short answers."""
    run.say = (said := []).append
    run.step, run.position, run.seconds = 20, 20, 10.0
    run.log_losses([mx.array([entry["loss"], entry["story"], entry["answer"]])])
    return said[0]


def test_the_log_of_an_own_world_says_only_what_it_has(tmp_path):
    (tmp_path / "mine.py").write_text(HELLO)
    run = train.Run(options(tmp_path / "run", "--world", str(tmp_path / "mine.py")), say=lambda text: None)
    assert "20 thousand tokens, loss 0.138 (answers 0.079)" in said_by(run, loss=0.138, story=0.0, answer=0.079)
    assert "(long answers 0.500, answers 0.079)" in said_by(run, loss=0.138, story=0.5, answer=0.079)


def test_the_curve_has_no_line_for_what_a_world_lacks(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(curve.Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    log = [{"step": n, "tokens": 1024 * n, "loss": 1 / n, "story": 0.0, "answer": 1 / n} for n in (1, 2)]
    log.append({"step": 2, "tokens": 2048, "exact_match": 0.5, "tasks": {"hello": 0.5}, "recall": {}})
    curve.draw_curve(log, tmp_path / "curve.png", "long answers")
    above, below = drawn[0].axes
    assert [line.get_label() for line in above.lines] == ["short answers"] and above.lines[0].get_xdata()[-1] == 2.048
    titles = [above.get_title(loc=place) for place in ("left", "center")]           # as the style of the day has it
    assert "After 2 thousand tokens: 0.500 nats in short answers" in titles
    assert len(below.lines) == 1 and below.get_xlabel() == "thousands of tokens seen"


@pytest.mark.slow
def test_a_run_says_whether_it_was_stopped_or_is_done(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.py").write_text(HELLO)
    arguments = options(tmp_path / "run", "--world", str(tmp_path / "mine.py"), "--tokens", "0.002", "--log-every", "1")
    learn = train.Run.log_losses
    with monkeypatch.context() as patch:
        patch.setattr(train.Run, "log_losses", lambda run, losses: (learn(run, losses), run.stop()))
        assert command.run(arguments) == 130
    assert "stopped after 1 step, 1 thousand tokens" in (said := capsys.readouterr().out)
    assert "the same command goes on from there" in said and "questions held out for the exam: hello" in said
    assert command.run(arguments) == 0
    assert "done: 2 steps, 2 thousand tokens" in (said := capsys.readouterr().out) and "at its end" not in said
    assert command.run(arguments) == 0
    assert "the run is at its end: its exam is asked once more" in (said := capsys.readouterr().out)
    assert "done: 2 steps" in said and "village" not in said and "stories" not in said


@pytest.mark.slow
def test_a_run_keeps_its_own_world_and_refuses_another(tmp_path):
    world, other, out = tmp_path / "mine.py", tmp_path / "other.py", tmp_path / "run"
    world.write_text(HELLO)
    other.write_text(world.read_text() + "\n")
    assert command.run(options(out, "--world", str(world), "--tokens", "0.002")) == 0
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert set(log[-1]["tasks"]) == {"hello"} and log[-1]["recall"] == {}
    with pytest.raises(ValueError, match="begun with another world"):
        command.run(options(out, "--world", str(other), "--tokens", "0.004"))
    with pytest.raises(ValueError, match="no such task: story; the world has hello"):
        command.run(options(out, "--tasks", "story", "--tokens", "0.004"))
