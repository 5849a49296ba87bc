"""%%mistral streams the model's answer into the cell; Stop and mistakes end in one line."""
import io
from contextlib import redirect_stdout

import pytest
from IPython.core.interactiveshell import InteractiveShell

import mistral_edu
from mistral_edu.lab.prompting.magics import MagicError, Stopped


@pytest.fixture
def shell():
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "mistral_edu")
    yield shell
    shell.run_line_magic("unload_ext", "mistral_edu")


def run(shell, cell):
    """Run a cell; returns (what it printed, the exception or None)."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        result = shell.run_cell(cell)
    return printed.getvalue(), result.error_in_exec


def test_the_answer_is_that_of_generate_and_kept_in_reply(shell):
    model, tokenizer = mistral_edu.load()
    expected = mistral_edu.generate(model, tokenizer, "What is 3 + 4?", max_tokens=9)
    printed, error = run(shell, "%%mistral -n 9\nWhat is 3 + 4?\n")
    assert error is None
    assert " ".join(printed.split()) == " ".join(expected.split())
    assert shell.user_ns["reply"] == expected != ""


def test_options_reach_the_model(shell, monkeypatch):
    seen = {}

    def listen(model, tokenizer, prompt, **settings):
        seen.update(settings, prompt=prompt)
        yield from ()
    monkeypatch.setattr(mistral_edu, "stream_generate", listen)
    run(shell, "%mistral -n 7 -t 0.5 -s 3 -o answer Say hello")
    assert seen == {"prompt": "Say hello", "max_tokens": 7, "temperature": 0.5, "seed": 3}
    assert shell.user_ns["answer"] == ""


def test_stop_keeps_what_was_said_and_raises_a_quiet_interrupt(shell, monkeypatch):
    def interrupted(*_, **__):
        yield type("Piece", (), {"text": "Once upon"})
        raise KeyboardInterrupt
    monkeypatch.setattr(mistral_edu, "stream_generate", interrupted)
    printed, error = run(shell, "%%mistral\nTell me a story\n")
    assert isinstance(error, Stopped)               # so cells queued behind it do not run
    assert shell.user_ns["reply"] == "Once upon"
    assert "Once upon" in printed and "Traceback" not in printed and "variable reply" in printed


@pytest.mark.parametrize("cell, message", [
    ("%mistral", "Nothing was asked"),
    ("%mistral -m /no/such/folder Hello", "FileNotFoundError: there is no folder"),
])
def test_mistakes_are_answered_in_one_line(shell, cell, message):
    printed, error = run(shell, cell)
    assert isinstance(error, MagicError) and message in str(error)
    assert "Traceback" not in printed
