"""The command line: what it prints where, and with which exit code."""
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import mistral_edu
from mistral_edu import course, doctor
from mistral_edu.commands import chat, main, terminal
from mistral_edu.tiny import FOLDER

import pytest

STORY = "Tell me a story about a red ball."
ENDLESS = ("--max-tokens", "900", "--temperature", "1e6", "--seed", "0")  # every token as likely; no end token is drawn


@pytest.fixture
def run(monkeypatch, capsys):
    """Call the command in this process: (exit code, stdout, stderr)."""
    def call(*argv, stdin=None):
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin or ""))
        try:
            code = main.main(argv)
        except SystemExit as end:  # argparse leaves this way
            code = end.code
        return code, *capsys.readouterr()
    return call


def start(*argv, **settings):
    """The same in a process of its own."""
    settings = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
    return subprocess.Popen([sys.executable, "-m", "mistral_edu", *argv], preexec_fn=heed_ctrl_c, **settings)


def heed_ctrl_c():
    """In the child: a shell starts what runs in the background with Ctrl-C ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_help_names_every_command_and_gives_examples(run):
    code, out, _ = run("--help")
    assert code == 0
    for command in ("generate", "chat", "convert", "evaluate", "doctor", "lab", "train"):
        assert command in out
        code, text, _ = run(command, "--help")
        assert code == 0 and f"  mistral-edu {command}" in text.split("examples:")[1]
    assert run("--version")[1] == f"mistral-edu {mistral_edu.__version__}\n"


@pytest.mark.parametrize("argv", [(), ("frobnicate",), ("generate", "hi", "--frobnicate"),
                                  ("generate", "hi", "--bits", "5"), ("generate", "hi", "--window", "wide"),
                                  ("convert", "tiny"), ("convert", "tiny", "out", "--bits", "7"),
                                  ("convert", "tiny", "out", "--group-size", "48")])
def test_a_wrong_command_line_ends_with_2_and_the_usage(run, argv):
    code, out, err = run(*argv)
    assert code == 2 and out == "" and err.startswith("usage: mistral-edu")


@pytest.mark.parametrize("argv, message", [
    (("generate", "hi", "--window", "wide"), "a window is a number of tokens, at least 1"),
    (("generate", "hi", "--model", ""), "'' names nothing"),
    (("chat", "--api", ""), "'' names nothing"),
    (("convert", "tiny", "new", "--bits", "7"), "'none'"),
    (("evaluate", "--items", "0"), "'0' is not a whole number of at least 1"),
])
def test_an_argument_that_cannot_be_meant_is_refused_with_what_can(run, argv, message):
    code, out, err = run(*argv)
    assert code == 2 and out == "" and message in err.splitlines()[-1]


def test_generate_prints_what_the_library_answers(run):
    answer = mistral_edu.generate(*mistral_edu.load(), STORY, max_tokens=20)
    assert run("generate", STORY, "--max-tokens", "20") == (0, answer + "\n", "")
    assert run("generate", "--max-tokens", "20", stdin=STORY + "\n") == (0, answer + "\n", "")
    code, out, err = run("generate", STORY, "--max-tokens", "20", "--stats")
    assert (code, out) == (0, answer + "\n") and "20 written" in err


@pytest.mark.slow
def test_generate_json_is_one_object_that_agrees_with_itself(run):
    code, out, _ = run("generate", STORY, "--json", "--max-tokens", "12", "--bits", "8", "--no-fast", "--window", "64")
    report = json.loads(out)
    assert code == 0 and report["prompt"] == STORY and report["path"] == "readable" and report["model"] == "tiny"
    assert len(report["tokens"]) == len(report["logprobs"]) == report["generation_tokens"] == 12
    assert report["finish_reason"] == "length" and report["generation_tps"] > 0 and report["peak_memory_gb"] > 0
    assert mistral_edu.load_tokenizer().decode(report["tokens"]).strip() == report["text"]


def test_settings_reach_the_sampler(run):
    def story(*settings):
        return run("generate", STORY, "--max-tokens", "10", *settings)[1]
    hot = ("--temperature", "2")
    assert story(*hot, "--seed", "1") == story(*hot, "--seed", "1") != story(*hot, "--seed", "2")
    greedy = story()
    # In 16 bits the two likeliest tokens can be exactly as likely, and then both stay; in float32 none here are.
    assert story(*hot, "--top-k", "1", "--dtype", "float32") == story("--dtype", "float32")
    third = greedy.split(" ")[2]
    assert story("--stop", f" {third}").strip() == greedy.split(f" {third}")[0]


@pytest.mark.parametrize("argv, message", [
    (("generate", "hi", "--model", "no/such/folder"), "no/such/folder"),
    (("generate", "hi", "--temperature", "-1"), "temperature"),
    (("generate", "hi", "--max-tokens", "0"), "max_tokens should be at least 1; got 0"),
    (("convert", "tiny", f"{FOLDER / 'config.json'}/new"), "cannot be a folder, since there is a file of that name"),
    (("train", "--world", str(FOLDER)), "tiny is a folder; --world takes a Python file"),
    (("train", "--start", "no/such/folder"), "there is no folder no/such/folder; --start takes the folder of a model"),
    (("bench", "--show", str(FOLDER)), "tiny is a folder; give the path of a saved result"),
    (("generate", "hello " * 1200), "context"),
    (("generate", ""), "prompt is empty"),
    (("generate", "hi", "--chat-format", "v9"), "there is no chat format 'v9'"),
    (("generate", "hi", "--chat-format", "v7"), "[SYSTEM_PROMPT]"),
    (("chat", "--chat-format", "template"), "no chat template"),
    (("lab", "99"), "no notebook 99"),
])
def test_what_goes_wrong_is_one_line_and_ends_with_1(run, argv, message):
    code, out, err = run(*argv)
    assert code == 1 and out == ""
    assert err.count("\n") == 1 and err.startswith(f"mistral-edu {argv[0]}: ") and message in err


def test_a_traceback_is_there_for_those_who_ask(run, monkeypatch):
    with pytest.raises(FileNotFoundError):
        run("--traceback", "generate", "hi", "--model", "nowhere")
    monkeypatch.setenv("MISTRAL_EDU_TRACEBACK", "1")
    with pytest.raises(FileNotFoundError):
        run("generate", "hi", "--model", "nowhere")


def test_the_chat_format_can_be_named(run):
    model, tokenizer = mistral_edu.load()
    ids = mistral_edu.encode_chat([{"role": "user", "content": STORY}], tokenizer, version="v1")
    answer = mistral_edu.generate(model, tokenizer, ids, max_tokens=12)
    named = ("--max-tokens", "12", "--chat-format", "7b-v0.1")                  # which speaks v1
    assert run("generate", STORY, *named) == (0, answer + "\n", "")
    assert run("chat", *named, stdin=STORY + "\n") == (0, answer + "\n", "")
    assert run("generate", STORY, "--max-tokens", "12") != (0, answer + "\n", "")


def test_chat_answers_line_by_line_and_remembers(run):
    code, out, err = run("chat", "--max-tokens", "15", stdin="Hello!\n\nWho are you?\n")
    talk = mistral_edu.Chat(*mistral_edu.load(), max_tokens=15)
    assert (code, out.splitlines(), err) == (0, [talk("Hello!"), talk("Who are you?")], "")


def test_commands_of_chat(run):
    def talk(*lines):
        return run("chat", "--max-tokens", "8", stdin="\n".join(lines) + "\n")

    code, out, err = talk("/undo", "/stats", "/help", "/frob", "/quit", "Hello!")
    assert code == 0 and "undo" in err and err.count("\n") == 1      # nothing to take back: said, and the chat goes on
    assert "no answer yet" in out and "there is no command /frob" in out and out.count(chat.HELP) == 2
    assert "Hello" not in out                                        # /quit came first

    answers = talk("Hello!", "Who are you?")[1].splitlines()
    undone = talk("Hello!", "What is 2 plus 2?", "/undo", "Who are you?")[1].splitlines()
    assert undone[2] == "taken back: What is 2 plus 2?" and [undone[0], undone[3]] == answers
    reset = talk("What is 2 plus 2?", "/reset", "Hello!", "/stats")[1].splitlines()
    assert reset[1] == answers[0] and "8 written" in reset[2]


@pytest.mark.slow
def test_ctrl_c_ends_quietly_with_130():
    process = start("generate", STORY, *ENDLESS)
    assert process.stdout.read(1)                                    # it has begun to write
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and err.strip() == b""


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_no_error():
    process = start("generate", STORY, *ENDLESS)
    process.stdout.read(1)
    process.stdout.close()
    assert process.wait(timeout=60) == 0 and process.stderr.read() == b""


def test_doctor_tells_programs_by_json_and_exit_code(run, monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", (lambda: doctor.Check("memory", "warn", "1 GB free", "close something"),))
    assert run("doctor")[0] == 0
    monkeypatch.setattr(doctor, "CHECKS", (lambda: doctor.Check("MLX", "fail", "nothing", "install it"),))
    code, out, _ = run("doctor")
    assert code == 1 and "-> install it" in out
    code, out, _ = run("doctor", "--json")
    check = {"name": "MLX", "status": "fail", "found": "nothing", "fix": "install it"}
    assert code == 1 and json.loads(out) == {"ok": False, "checks": [check]}


@pytest.mark.slow
def test_lab_opens_the_learners_notebook_with_this_environments_kernel(run, monkeypatch, tmp_path):
    calls, home = [], tmp_path / "clone"
    monkeypatch.setattr(os, "execv", lambda program, command: calls.append((program, command)))
    monkeypatch.setenv("JUPYTER_PATH", "/elsewhere")
    monkeypatch.setenv("PATH", os.environ["PATH"])              # put back afterwards
    monkeypatch.setattr(course, "HOME", home)
    said = run("lab")[2]
    run("lab", "08", "--no-browser", "--port", "9999")
    run("lab", "--no-browser", "--port", "9999", "--folder", str(tmp_path / "mine"))
    run("lab", "--finished", "08", "--no-browser")
    (program, first), (_, second), (_, third), (_, fourth) = calls
    assert program == sys.executable and first[:3] == [sys.executable, "-m", "jupyterlab"]
    assert said == f"Your pages: {home / 'mistral-notebooks'}\n"
    assert f"--ServerApp.root_dir={home / 'mistral-notebooks'}" in first
    assert "--LabApp.default_url=/lab/tree/00_start_here.ipynb" in first
    assert "--LabApp.default_url=/lab/tree/08_sliding_window_attention.ipynb" in second
    assert f"--ServerApp.root_dir={tmp_path / 'mine'}" in third
    assert "--LabApp.default_url=/lab/tree/00_start_here.ipynb" in third
    assert "--LabApp.default_url=/lab/tree/finished/08_sliding_window_attention.ipynb" in fourth
    assert second[-3:] == third[-3:] == ["--no-browser", "--port", "9999"] and fourth[-1] == "--no-browser"
    assert os.environ["JUPYTER_PATH"].split(os.pathsep)[0] == str(Path(sys.prefix, "share", "jupyter"))
    assert os.environ["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)      # for !mistral-edu in a cell
    for file in ("00_start_here.ipynb", "finished/08_sliding_window_attention.ipynb", "solutions/08_solutions.md"):
        assert (home / "mistral-notebooks" / file).is_file()
    (home / "mistral-notebooks" / "00_start_here.ipynb").unlink()
    run("lab")
    assert "--LabApp.default_url=/lab" in calls[-1][1]        # a page that was deleted stays away: the folder is shown


def test_lab_can_make_the_pages_alone_where_a_hub_starts_jupyterlab(run, monkeypatch, tmp_path):
    monkeypatch.setattr(os, "execv", None)
    monkeypatch.setattr("mistral_edu.commands.lab.find_spec", lambda name: None)        # nor is it needed
    code, out, err = run("lab", "--pages", "--folder", str(tmp_path / "mine"))
    assert (code, out, err) == (0, "", f"Your pages: {tmp_path / 'mine'}\n")
    page = tmp_path / "mine" / "08_sliding_window_attention.ipynb"
    page.rename(tmp_path / "mine" / "08_mine.ipynb")
    run("lab", "--pages", "--folder", str(tmp_path / "mine"))
    assert not page.exists()                                  # it stays away until it is asked for
    run("lab", "08", "--pages", "--folder", str(tmp_path / "mine"))
    assert page.is_file() and (tmp_path / "mine" / "08_mine.ipynb").is_file()


def test_lab_without_jupyterlab_says_how_to_get_it(run, monkeypatch, tmp_path):
    monkeypatch.setattr("mistral_edu.commands.lab.find_spec", lambda name: None)
    monkeypatch.setattr(course, "HOME", tmp_path)
    code, out, err = run("lab")
    assert (code, out, list(tmp_path.iterdir())) == (1, "", [])
    assert err.endswith('JupyterLab is not installed in this environment; get it with: pip install -e ".[cpu,lab]"\n')
    monkeypatch.setattr(course, "HOME", course.PACKAGE)
    assert run("lab")[2].endswith('pip install "mistral-edu[cpu,lab]"\n')


def test_a_model_in_a_folder_is_as_good_as_tiny(run, tmp_path):
    for file in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / file).symlink_to(FOLDER / file)
    short = ("generate", STORY, "--max-tokens", "5")
    assert run(*short, "--model", str(tmp_path)) == run(*short)


def test_convert_writes_a_folder_that_the_others_take(run, tmp_path):
    out = tmp_path / "small"
    code, printed, err = run("convert", "tiny", str(out), "--bits", "8", "--group-size", "32", "--dtype", "float16")
    size = sum(file.stat().st_size for file in out.iterdir()) / 1e6
    assert (code, printed) == (0, "") and err == f"{out}: {size:.1f} MB. Try it: mistral-edu chat --model {out}\n"
    stored = json.loads((out / "config.json").read_text())
    assert stored["quantization"] == {"group_size": 32, "bits": 8, "mode": "affine"}
    assert stored["torch_dtype"] == "float16"
    answer = mistral_edu.generate(*mistral_edu.load(out), STORY, max_tokens=5)
    assert run("generate", STORY, "--max-tokens", "5", "--model", str(out)) == (0, answer + "\n", "")
    code, _, err = run("convert", "tiny", str(out), "--bits", "none")
    assert code == 1 and err.count("\n") == 1 and "is there already" in err and "--overwrite" in err
    assert run("convert", "tiny", str(out), "--bits", "none", "--overwrite")[0] == 0
    assert "quantization" not in json.loads((out / "config.json").read_text())


def test_convert_shows_how_far_it_is_to_those_who_watch(run, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    out = tmp_path / "a small model"
    _, _, err = run("convert", "tiny", str(out))
    lines = err.split("\r")
    assert lines[-1].endswith(f" Try it: mistral-edu chat --model '{out}'\n")  # as a shell takes it
    assert len(lines) > 70 and re.search(r"written: 100%.* (\d\.\d+)M of \1MB, .*\n", lines[-1])


def test_a_long_prompt_shows_how_far_it_is_read_to_those_who_watch(processor, run, monkeypatch):
    long = ("generate", "--raw", "A red ball. " * 200, "--max-tokens", "2")
    _, answer, err = run(*long)
    assert err == ""                                         # a pipe, a file, a notebook
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _, again, err = run(*long)
    shown = [line for line in err.split("\r") if line.strip()]
    assert again == answer and len(shown) > 1 and "\n" not in err and err.endswith("\r")
    assert all(re.match(r"reading the prompt: +\d+%.* of \d+ tokens, ", line) for line in shown)
    assert err.split("\r")[-2].isspace()                     # and is wiped when the answer begins
    assert run("generate", STORY, "--max-tokens", "2")[2] == ""  # what is read in one go has no bar


def test_a_bar_that_is_interrupted_is_wiped(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with pytest.raises(KeyboardInterrupt), terminal.bar("reading", " tokens") as show:
        show(1, 3)
        terminal.say("a line of the answer")
        raise KeyboardInterrupt
    out, err = capsys.readouterr()
    assert out == "a line of the answer\n" and "1.00 of 3.00 tokens" in err and err.split("\r")[-2].isspace()


def test_too_long_a_context_for_the_memory_is_said(run, monkeypatch):
    monkeypatch.setattr("mistral_edu.checkpoints.memory.machine_memory", lambda: (10**9, 60 * 10**6))
    assert run("generate", STORY, "--max-tokens", "2", "--context", "10")[0] == 0
    code, out, err = run("generate", STORY, "--window", "none", "--context", "100000")
    assert code == 1 and out == "" and err.count("\n") == 1
    assert "needs 1." in err and "100,000 tokens" in err and "a shorter context, context=" in err


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_obstacle(closed):
    """As under cron: a file that is opened must not take the place of a stream."""
    command = f"exec {sys.executable} -m mistral_edu generate Hello! --max-tokens 3 {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout == "" if ">&-" in closed.replace("2>&-", "") else done.stdout.startswith("Hello!")


def test_an_output_that_knows_ascii_only_loses_nothing(run, monkeypatch):
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, encoding="ascii"))
    terminal.open_streams()
    print("café", flush=True)
    assert buffer.getvalue() == b"caf\\xe9\n"
    assert not terminal.speaks_unicode(sys.stdout)


def test_a_terminal_gets_no_character_that_steers_it(monkeypatch):
    steering = "a\x1b[2Jb\x9bc\x07\td\n\r"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert terminal.printable(steering) == "a\ufffd[2Jb\ufffdc\ufffd\td\n\ufffd"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert terminal.printable(steering) == steering


def test_a_piped_chat_in_which_a_question_failed_says_so(run):
    code, out, err = run("chat", "--max-tokens", "3", stdin="x" * 40_000 + "\nHello!\n")
    assert code == 1 and "tokens at least" in err and out.startswith("Hello!")
