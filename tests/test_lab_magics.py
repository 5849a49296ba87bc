"""%%mistral streams the model's answer into the cell and remembers it; Stop and mistakes end in one line."""
import html
import io
import pickle
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import mistral_edu
from lab_in_browser import ERRORS, KERNEL_IDLE, PANEL, browser_on
from mistral_edu.generate import Piece
from mistral_edu.lab.prompting import MagicError, Reply
from mistral_edu.lab.prompting import session as sessions
from mistral_edu.lab.prompting.magics import Stopped
from mistral_edu.lab.prompting.safe_markdown import safe_markdown
from mistral_edu.lab.prompting.variables import fill

import huggingface_hub
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook, writes

HELLO, SPELL, WHO = "Hello!", "How do you spell ball?", "Who are you?"


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


def session_of(shell):
    return shell.magics_manager.registry["MistralMagics"].session


def messages(shell):
    return session_of(shell).chat.messages


def piece(text, finish_reason=None):
    """A Piece with this text, as a model might have given it."""
    return Piece(text, 7, -0.5, [], 3, 0, 100.0, 1, 50.0, 0.1, finish_reason)


def a_model_that_says(monkeypatch, *steps):
    """In place of the model: yields these pieces, and raises those that are exceptions."""
    def stream(*_, **__):
        for step in steps:
            if isinstance(step, type):
                raise step
            yield step
    monkeypatch.setattr(mistral_edu.conversation, "stream_generate", stream)


def test_the_answer_is_that_of_generate_and_kept_in_reply(shell):
    model, tokenizer = mistral_edu.load()
    expected = mistral_edu.generate(model, tokenizer, "What is 3 + 4?", max_tokens=9)
    printed, error = run(shell, "%%mistral -n 9\nWhat is 3 + 4?\n")
    assert error is None
    assert " ".join(printed.split()) == " ".join(expected.split())
    assert shell.user_ns["reply"] == expected != ""


def test_options_reach_the_model(shell, monkeypatch):
    seen = {}

    def listen(chat, prompt, **settings):
        seen.update(settings, prompt=prompt)
        yield from ()
    monkeypatch.setattr(mistral_edu.Chat, "stream", listen)
    run(shell, "%mistral -n 7 -t 0.5 -s 3 -o answer Say hello")
    assert seen == {"prompt": "Say hello", "max_tokens": 7, "temperature": 0.5, "seed": 3}
    assert shell.user_ns["answer"] == ""
    run(shell, "%mistral -p 0.9 -k 5 --min-p 0.1 --stop . --stop 'the end' Say hello")
    assert seen == {"prompt": "Say hello", "max_tokens": 200, "temperature": 0, "seed": 0,
                    "top_p": 0.9, "top_k": 5, "min_p": 0.1, "stop": [".", "the end"]}


def test_options_of_the_model_reach_load(shell, monkeypatch):
    asked, load = [], sessions.load
    monkeypatch.setattr(sessions, "load", lambda name, **how: asked.append((name, how)) or load(name, **how))
    run(shell, "%mistral -n 2 Hello!")
    run(shell, "%mistral -n 2 -b 4 -w 16 Hello!")
    run(shell, "%mistral -n 2 Hello!")                              # the model stays
    run(shell, "%mistral load tiny -w none")                        # a name begins from what was published
    assert asked == [("tiny", {"window_size": "config", "bits": None}), ("tiny", {"window_size": 16, "bits": 4}),
                     ("tiny", {"window_size": None, "bits": None})]


def test_a_reply_knows_how_it_came_about(shell):
    model, tokenizer = mistral_edu.load()
    pieces = list(mistral_edu.stream_generate(model, tokenizer, SPELL))
    run(shell, f"%%mistral\n{SPELL}")
    reply = shell.user_ns["reply"]
    assert reply.tokens == [piece.token for piece in pieces] and reply.prompt == SPELL
    assert reply.logprobs == pytest.approx([piece.logprob for piece in pieces], abs=1e-3)
    assert (reply.text, reply.finish_reason) == ("b-a-l-l.", "stop") and type(reply.text) is type(str(reply)) is str
    assert reply.timing["generation_tps"] > 0
    assert pickle.loads(pickle.dumps(reply)).tokens == reply.tokens
    run(shell, f"%mistral -n 3 {SPELL} ")
    assert shell.user_ns["reply"].finish_reason == "length" and len(shell.user_ns["reply"].tokens) == 3


# --- the conversation ------------------------------------------------------------------------------------------------

def test_the_next_question_follows_the_last(shell):
    chat = mistral_edu.Chat(*mistral_edu.load())
    run(shell, f"%%mistral\n{HELLO}")
    run(shell, f"%%mistral\n{WHO}")
    chat(HELLO), chat(WHO)
    assert messages(shell) == chat.messages
    run(shell, f"%%mistral --new\n{WHO}")
    assert [message["content"] for message in messages(shell)] == [WHO, mistral_edu.Chat(*mistral_edu.load())(WHO)]


def test_a_cell_that_is_run_again_asks_the_same_question_and_not_one_more(shell):
    run(shell, f"%%mistral\n{HELLO}")
    first, _ = run(shell, f"%%mistral\n{SPELL}")
    before = list(messages(shell))
    assert run(shell, f"%%mistral\n{SPELL}") == (first, None) and messages(shell) == before and len(before) == 4


@pytest.mark.parametrize("wrong", [KeyboardInterrupt, ValueError])
def test_an_answer_stays_where_asking_again_gives_no_word(shell, monkeypatch, wrong):
    run(shell, f"%%mistral\n{HELLO}")
    before = list(messages(shell))
    a_model_that_says(monkeypatch, wrong)
    _, error = run(shell, f"%%mistral\n{HELLO}")
    assert isinstance(error, (Stopped, MagicError)) and messages(shell) == before


def test_a_raw_prompt_is_continued_outside_of_the_conversation(shell):
    run(shell, f"%%mistral\n{HELLO}")
    before = list(messages(shell))
    run(shell, "%%mistral --raw -n 5\nOnce upon a ")
    continued = mistral_edu.generate(*mistral_edu.load(), "Once upon a ", raw=True, max_tokens=5)
    assert shell.user_ns["reply"] == continued and messages(shell) == before


def test_a_system_message_stands_until_it_is_taken_away(shell):
    run(shell, '%mistral -n 2 --system "You are in a hurry." Hello!')
    run(shell, "%mistral -n 2 Hello again!")
    assert [message["role"] for message in messages(shell)] == ["system", *["user", "assistant"] * 2]
    assert messages(shell)[0]["content"] == "You are in a hurry."
    run(shell, '%mistral -n 2 --system "" Bye!')
    assert [message["role"] for message in messages(shell)] == ["user", "assistant"] * 3


def test_commands(shell):
    assert "none is loaded; the next question loads tiny" in run(shell, "%mistral status")[0]
    said, _ = run(shell, "%mistral load tiny -b 8")
    assert said.splitlines() == ["model         tiny, 8 bit, window 128", "conversation  0 turns, 0 of 1,024 tokens"]
    run(shell, f"%mistral -n 5 {HELLO}")
    n_tokens = len(mistral_edu.encode_chat(messages(shell), mistral_edu.load_tokenizer()))
    assert f"conversation  1 turn, {n_tokens} of 1,024 tokens" in run(shell, "%mistral status")[0]
    assert "0 turns" in run(shell, "%mistral reset")[0] and session_of(shell).chat is not None
    assert "none is loaded" in run(shell, "%mistral unload")[0] and session_of(shell).chat is None
    assert "--temperature" in run(shell, "%mistral --help")[0]


def test_models_are_those_that_need_no_download(shell, monkeypatch, tmp_path):
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.scan_cache_dir", lambda scan=huggingface_hub.scan_cache_dir: scan(cache))
    assert sessions.models() == ["tiny"]
    weights = "model.safetensors"
    for name, kind, files in (("a--mistral", "mistral", [weights]), ("a--other", "gpt2", [weights]),
                              ("a--half-fetched", "mistral", [])):
        snapshot = cache / f"models--{name}" / "snapshots" / "0123"
        snapshot.mkdir(parents=True)
        (snapshot / "config.json").write_text(f'{{"model_type": "{kind}"}}')
        for file in files:
            (snapshot / file).touch()
    assert sessions.models() == ["tiny", "a/mistral"]
    assert run(shell, "%mistral models")[0].splitlines()[:2] == ["tiny", "a/mistral"]


@pytest.mark.slow
@pytest.mark.parametrize("prompt", ["reset the clock", "load the dishwasher", "What's 3 - 4", "say -n 5 -- twice",
                                    "it costs $HOME", "models --of -x"])
def test_a_prompt_is_sent_as_it_is_written(shell, monkeypatch, prompt):
    asked = []
    monkeypatch.setattr(mistral_edu.Chat, "stream", lambda chat, text, **_: iter(asked.append(text) or ()))
    run(shell, f"%mistral -n 5 {prompt}")
    run(shell, f"%mistral -- {prompt}")
    run(shell, f"%%mistral\n{prompt}\n")
    assert asked == [prompt] * 3


# --- variables of the notebook ---------------------------------------------------------------------------------------

def test_variables_are_filled_in(shell):
    run(shell, "thing, few = 'ball', 4")
    run(shell, "%%mistral -n {few}\nHow do you spell {thing}?")
    assert shell.user_ns["reply"].prompt == SPELL and len(shell.user_ns["reply"].tokens) == 4


def test_an_unknown_variable_is_named_and_nothing_is_asked(shell):
    run(shell, "colour = 'red'")
    printed, error = run(shell, "%%mistral\nA {color} ball")
    assert isinstance(error, MagicError) and session_of(shell).chat is None
    assert "no variable color (did you mean colour?)" in str(error) and "{{color}}" in str(error)


@pytest.mark.parametrize("text", ['{"a": {"b": [1, 2]}}', "{}", "{ x }", "{1, 2}", "f(x) = {x | x > 0}", "}} {", "{x",
                                  "{x!r}"])
def test_braces_that_hold_no_name_stay(text):
    assert fill(text, {"x": 5}) == text


@pytest.mark.parametrize("text, filled", [
    ("{x}{x}", "55"), ("{{x}}", "{x}"), ('{{"a": {x}}}', '{"a": 5}'), ('{{"a": {"b": {x}}}}', '{"a": {"b": 5}}'),
    ("{{{x}}}", "{5}"), ("{{{{ user }}}}", "{{ user }}"), ("{tricky}", "{x}"), ("{größe}", "6"),
])
def test_doubled_braces_are_braces_and_values_are_not_filled_again(text, filled):
    assert fill(text, {"x": 5, "tricky": "{x}", "größe": 6}) == filled


# --- Stop and mistakes -----------------------------------------------------------------------------------------------

def test_stop_keeps_what_was_said_and_raises_a_quiet_interrupt(shell, monkeypatch):
    a_model_that_says(monkeypatch, piece("Once upon"), KeyboardInterrupt)
    printed, error = run(shell, "%%mistral\nTell me a story\n")
    assert isinstance(error, Stopped)               # so cells queued behind it do not run
    assert shell.user_ns["reply"] == "Once upon"
    assert "Once upon" in printed and "Traceback" not in printed and "variable reply" in printed
    assert shell.user_ns["reply"].finish_reason is None and shell.user_ns["reply"].tokens == [7]
    assert messages(shell)[-1] == {"role": "assistant", "content": "Once upon"}


def test_stop_while_the_page_is_being_written_keeps_it_too(shell, monkeypatch):
    """The interrupt comes outside of the model, where the stream is still open."""
    def say(pieces):
        next(pieces)
        raise KeyboardInterrupt
    monkeypatch.setattr("mistral_edu.lab.prompting.magics.say", say)
    _, error = run(shell, f"%%mistral\n{HELLO}\n")
    assert isinstance(error, Stopped) and shell.user_ns["reply"] == messages(shell)[-1]["content"] == "Hello"


def test_stop_before_the_first_token_says_so_and_counts_as_not_asked(shell, monkeypatch):
    a_model_that_says(monkeypatch, KeyboardInterrupt)
    printed, error = run(shell, "%%mistral\nTell me a story\n")
    assert str(error) == "[stopped before the first token]" and shell.user_ns["reply"] == "" and messages(shell) == []


def test_a_hint_of_the_library_is_one_line(shell):
    with redirect_stderr(io.StringIO()) as hint:
        run(shell, "%mistral -n 2 [INST] Hello")
    assert hint.getvalue().startswith("hint: the prompt spells [INST]") and hint.getvalue().count("\n") == 1


@pytest.mark.parametrize("cell, message", [
    ("%mistral", "Nothing was asked"),
    ("%mistral -m /no/such/folder Hello", "FileNotFoundError: there is no folder"),
    ("%mistral load", "Which model?"),
    ("%mistral --frobnicate 3 Hello", "unrecognized arguments: --frobnicate"),
    ("%mistral -n many Hello", "'many'"),
    ("%mistral -t -1 Hello", "temperature"),
    ("%mistral -o my-reply Hello", "'my-reply'"),
    ("%mistral --raw --system Short Hello", "leave out one of the two"),
    ("%mistral -w wide Hello", "argument -w/--window: a window is a number of tokens, at least 1"),
    ("%mistral -w 0 Hello", "window_size should be a whole number of at least 1; None for no window; got 0"),
])
def test_mistakes_are_answered_in_one_line(shell, cell, message):
    printed, error = run(shell, cell)
    assert isinstance(error, MagicError) and message in str(error) and "\n" not in str(error)
    assert "Traceback" not in printed


def test_a_wrong_name_leaves_the_model_and_the_conversation_alone(shell):
    run(shell, f"%%mistral\n{HELLO}")
    chat = session_of(shell).chat
    run(shell, "%mistral load nowhere")
    assert session_of(shell).chat is chat and session_of(shell).name == "tiny"


# --- how a reply is shown --------------------------------------------------------------------------------------------

NASTY = """<script>alert(1)</script> <img src=x onerror=alert(1)> [x](javascript:alert(1)) ![x](http://e.org/x)
[x]: javascript:alert(1)
```html
<b onclick="alert(1)">
```
    ```
$$
```
$$
`<img src=x onerror=alert(1)>` ``<i>`` `a
<img src=x onerror=alert(1)>
\\begin{x}
~~~
\\end{x}
<img src=x onerror=alert(1)>"""


def tags(markup):
    """What stands behind each < of a text: the names of its tags, if they are tags."""
    return {one.split(">")[0].split(" ")[0] for one in markup.split("<")[1:]}


def test_markup_in_a_reply_is_shown_and_never_works():
    bundle = Reply(NASTY)._repr_mimebundle_()
    assert bundle["text/plain"] == NASTY
    assert tags(bundle["text/html"]) == {"pre", "/pre", "div", "/div"}
    markdown = bundle["text/markdown"]
    assert tags(markdown) == {"pre", "code", "/code", "/pre"}
    assert "](" not in markdown and "]:" not in markdown


def test_markdown_keeps_what_is_harmless_and_code_keeps_its_letters():
    assert safe_markdown("# Title\n\n- *one*\n- $x^2$\n> 3 > 2") == "# Title\n\n- *one*\n- $x^2$\n> 3 > 2"
    code = safe_markdown("Before\n```python\nif a < b:\n\n    f()\n```\nafter `x<y` too")
    assert html.unescape(code) == ("Before\n<pre><code>if a < b:\n\n    f()\n</code></pre>\n\n"
                                   "after <code>x<y</code> too")


def test_timing_is_never_shown():
    one, other = (Reply.of([piece("Hello", "stop")]) for _ in range(2))
    other.timing = {"generation_tps": 123456.0}
    assert one._repr_mimebundle_() == other._repr_mimebundle_() and "1 token." in one._repr_mimebundle_()["text/html"]


def test_in_a_terminal_a_reply_is_its_text(shell):
    run(shell, f"%%mistral\n{SPELL}")
    assert run(shell, "reply")[0].endswith(": b-a-l-l.\n")


# --- real kernels ----------------------------------------------------------------------------------------------------

CELLS = ["%load_ext mistral_edu\nthing = 'ball'", "%mistral Hello!",
         "%%mistral -n 30\nTell me a story about a {thing}.", "reply",
         "%%mistral -f markdown\nHow do you spell {thing}?", "%mistral status", "%mistral --help",
         "%mistral -t 0.8 -s 5 -n 20 -f markdown Tell me a story about a {thing}."]


def a_page(path, cells):
    notebook = new_notebook(cells=[new_code_cell(code) for code in cells],
                            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    path.write_text(writes(notebook), encoding="utf-8")
    return notebook


@pytest.mark.slow
def test_line_and_cell_forms_pass_strict_nbval(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = a_page(tmp_path / "page.ipynb", CELLS)
    NotebookClient(notebook, timeout=120, kernel_name="python3", record_timing=False).execute()
    (tmp_path / "page.ipynb").write_text(writes(notebook), encoding="utf-8")
    kinds = [[output.get("data", {"text": ""}).keys() for output in cell.outputs] for cell in notebook.cells]
    assert [set(one) for one in kinds[3]] == [{"text/plain", "text/markdown", "text/html"}]
    assert [set(one) for one in kinds[4]] == [{"text/plain", "text/markdown"}]
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tmp_path)
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "--rootdir", str(tmp_path),
               "--nbval-cell-timeout=120", "-p", "no:cacheprovider", "-q", str(tmp_path / "page.ipynb")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and f"{len(CELLS)} passed" in done.stdout, done.stdout


SLOWLY = """import time
from mistral_edu import conversation
at_once = conversation.stream_generate
def slowly(*prompt, **settings):
    for piece in at_once(*prompt, **settings):
        yield piece
        time.sleep(0.1)
conversation.stream_generate = slowly"""      # 200 tokens take 20 seconds: time enough to press Stop
STORY = "%%mistral{}\nTell me a story about a red ball."
OUTPUT = """number => JSON.stringify(window.jupyterapp.shell.currentWidget.content.widgets[number]
    .model.sharedModel.getOutputs())"""


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    """One JupyterLab and one browser for the pages below: its folder, and what browser_on gives."""
    folder = tmp_path_factory.mktemp("jupyter")
    with browser_on(folder) as in_browser:
        yield folder, *in_browser


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("format, mark", [("", "stdout"), (" -f markdown", "text/markdown")], ids=["text", "markdown"])
def test_stop_in_jupyterlab_keeps_the_part_and_halts_run_all(jupyter, format, mark):
    folder, page, address, errors = jupyter
    name = f"stop_{mark.split('/')[-1]}.ipynb"
    reading = "print([reply.finish_reason, 0 < len(reply.tokens) < 200, len(reply.text) > 0])"
    a_page(folder / name, ["%load_ext mistral_edu", SLOWLY, STORY.format(format), "print('queued')", reading])
    page.goto(address(name))
    panel = page.locator(PANEL)
    panel.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    page.wait_for_function(KERNEL_IDLE, timeout=60_000)
    page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(f"number => /[A-Z][a-z]+ [a-z]+/.test(({OUTPUT})(number))", arg=2, timeout=120_000)
    page.locator("[data-command='notebook:interrupt-kernel']").first.click()
    page.wait_for_function(KERNEL_IDLE, timeout=60_000)
    shown = page.evaluate(OUTPUT, 2)
    assert mark in shown and "[stopped; the first" in shown and "are in the variable reply" in shown
    assert page.evaluate(OUTPUT, 3) == "[]", "the cell behind a stopped one does not run"
    assert panel.locator(ERRORS).count() == 1
    page.evaluate("""() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 4;
                             return window.jupyterapp.commands.execute('notebook:run-cell'); }""")
    page.wait_for_function(f"number => ({OUTPUT})(number) !== '[]'", arg=4, timeout=60_000)
    assert "[None, True, True]" in page.evaluate(OUTPUT, 4)
    page.screenshot(path=folder / name.replace("ipynb", "png"))
    assert errors == []


ATTACK = "<img src=x onerror='window.ran = 1'>"
SHOWN = NASTY.replace("alert(1)", "window.ran = 1") + ATTACK
SHOW = f"""from IPython.display import display
from mistral_edu.lab.prompting import Reply
text = {SHOWN!r}
reply = Reply(text)
display(reply)
reply.format = "markdown"
display(reply)"""


@pytest.mark.browser
@pytest.mark.slow
def test_in_jupyterlab_no_markup_of_a_reply_runs(jupyter):
    """The page is trusted, as the last cell shows: there the same markup does run."""
    folder, page, address, errors = jupyter
    a_page(folder / "markup.ipynb", [SHOW, f"from IPython.display import Markdown\nMarkdown({ATTACK!r})"])
    page.goto(address("markup.ipynb"))
    panel = page.locator(PANEL)
    panel.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    page.wait_for_function(KERNEL_IDLE, timeout=60_000)

    def run_cell(number):
        page.evaluate(f"""() => {{ window.jupyterapp.shell.currentWidget.content.activeCellIndex = {number};
                                   return window.jupyterapp.commands.execute('notebook:run-cell'); }}""")

    run_cell(0)
    shown = panel.locator(".jp-OutputArea-output")
    shown.nth(1).locator("pre code").first.wait_for(timeout=60_000)
    assert shown.nth(0).locator("pre").inner_text() == SHOWN
    assert '<b onclick="window.ran = 1">' in shown.nth(1).locator("pre code").first.inner_text()
    assert panel.locator(".jp-OutputArea-output :is(img, script, i)").count() == 0
    links = panel.locator(".jp-OutputArea-output a").evaluate_all("links => links.map(link => link.protocol)")
    assert set(links) <= {"http:", "https:"}                     # an address in a text may be followed
    page.screenshot(path=folder / "shown.png")
    assert page.evaluate("window.ran") is None and errors == []
    run_cell(1)
    page.wait_for_function("window.ran === 1", timeout=60_000)
