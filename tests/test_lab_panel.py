"""The chat panel without a browser: what each button does to the conversation, and that cells run between tokens."""
import asyncio
import gc
import re
import shutil
import signal
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import mistral_edu
from mistral_edu.checkpoints.errors import NotEnoughMemory
from mistral_edu.lab import chat_panel
from mistral_edu.lab.panel import answering, drawing
from mistral_edu.lab.panel import panel as widget
from mistral_edu.lab.prompting import session as sessions
from mistral_edu.lab.showing import reruns
from mistral_edu.text import saved_chat
from small_models import Counted, memory_held
from test_lab_magics import NASTY, a_model_that_says, a_page, piece

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from nbformat.v4 import writes

pytestmark = pytest.mark.slow

HELLO, SPELL, WHO = "Hello!", "How do you spell ball?", "Who are you?"
STORY = "Tell me a story about a red ball."
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def panel(monkeypatch):
    return heard(chat_panel(max_tokens=30), monkeypatch)


def heard(panel, monkeypatch):
    """The panel, whose messages to the page are in panel.told."""
    object.__setattr__(panel, "told", [])
    monkeypatch.setattr(panel, "send", panel.told.append)
    return panel


def contents(panel):
    return [message["content"] for message in panel.messages]


def press(panel, do, *args):
    """What the page reports when a button is pressed, and all that follows from it."""
    panel._received(panel, {"do": do, "with": args}, [])


async def until_it_has_said(panel, n_tokens):
    await asyncio.sleep(0)                                  # the answer begins
    while not panel.piece or panel.piece.generation_tokens < n_tokens:
        await asyncio.sleep(0)


# --- asking ----------------------------------------------------------------------------------------------------------

def test_the_answers_are_those_of_a_chat(panel):
    chat = mistral_edu.Chat(*mistral_edu.load(), max_tokens=30)
    for question in (HELLO, SPELL, WHO):
        assert asyncio.run(panel.ask(question)) == chat(question) != ""
    assert panel.messages == chat.messages
    drawn = [(bubble["name"], bubble["turn"]) for bubble in panel.bubbles]
    assert drawn == [(name, turn) for turn in range(3) for name in ("You", "Mistral")]
    assert (panel.busy, panel.answer, panel.status) == ("", "", "The model ended its reply.")


def test_other_code_runs_between_tokens():
    panel, seen = chat_panel(max_tokens=30), []

    async def a_cell():
        while panel.busy:
            seen.append(len(panel.said))
            await asyncio.sleep(0)

    async def both():
        answer = asyncio.create_task(panel.ask(STORY))
        await asyncio.sleep(0)
        assert panel.busy == "answering" and panel.bubbles[-1]["text"] == STORY      # the question stands there at once
        await a_cell()
        return await answer
    answer = asyncio.run(both())
    assert len(set(seen)) > 20 and sorted(seen) == seen and len(answer) > 50


def test_a_long_conversation_is_read_in_small_steps_and_answered_alike():
    messages = [{"role": "user", "content": WHO}, {"role": "assistant", "content": HELLO}] * 40
    chat, other = (mistral_edu.Chat(*mistral_edu.load(), max_tokens=5) for _ in range(2))
    chat.messages, other.messages = list(messages), list(messages)
    taken = list(answering.steps(chat, SPELL))
    n_ids = len(mistral_edu.encode_chat(messages + [{"role": "user", "content": SPELL}], chat.tokenizer))
    assert n_ids > 300 and taken.count(None) == -(-(n_ids - 1) // answering.CHUNK)
    pieces = [piece for piece in taken if piece]
    assert pieces[0].reused_tokens == n_ids - 1                          # nothing was left to be read in one go
    assert "".join(piece.text for piece in pieces) == other(SPELL)


def test_what_has_no_room_is_left_out_as_a_chat_leaves_it_out():
    messages = [{"role": role, "content": f"{text} {n}"} for n in range(90)
                for role, text in (("user", WHO), ("assistant", STORY))]
    chat, other = (mistral_edu.Chat(*mistral_edu.load(), keep="latest", max_tokens=5) for _ in range(2))
    chat.messages, other.messages = list(messages), list(messages)
    pieces = [piece for piece in answering.steps(chat, SPELL) if piece]
    assert len(chat.to_read()) < len(chat.messages) == 182
    assert "".join(piece.text for piece in pieces) == other(SPELL) and chat.messages == other.messages


def test_the_page_is_drawn_ten_times_a_second_at_most(panel, monkeypatch):
    clock = iter(n / 50 for n in range(1, 10_000))                       # each token takes a fiftieth of a second
    monkeypatch.setattr(widget, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    drawn = []
    panel.observe(lambda change: drawn.append(change["new"]), names="answer")
    asyncio.run(panel.ask(STORY))
    assert panel.piece.generation_tokens == 30 and drawn.pop() == ""     # the end takes the growing answer away
    assert 5 <= len(drawn) <= 7                                          # 0.6 seconds


def test_the_context_is_counted(panel):
    asyncio.run(panel.ask(HELLO))
    asyncio.run(panel.ask(STORY))
    read = mistral_edu.encode_chat(panel.messages, panel.chat.tokenizer)
    assert abs(panel.meter["used"] - len(read)) <= 1 and panel.meter["context"] == 1024
    assert f"{panel.meter['used']} of 1,024 tokens" in panel.meter["words"]
    assert panel.meter["speed"].startswith("30 tokens written, ")
    config = panel.chat.model.config
    assert "so the first token is out of its direct sight" in drawing.meter(129, config)["words"]
    assert "so the first 2 are out of its direct sight" in drawing.meter(130, config)["words"]
    assert "holds all of them" in drawing.meter(128, config)["words"]
    assert drawing.meter(129, config)["seen"] == 128


def test_turns_that_the_model_does_not_read_are_counted(panel, monkeypatch):
    assert "had no room" not in panel.meter["words"]
    a_model_that_says(monkeypatch, piece("ball " * 150, "stop"))
    for _ in range(12):
        asyncio.run(panel.ask(HELLO))
    n_read = sum(message["role"] == "user" for message in panel.chat.to_read())
    assert 0 < n_read < 12 and f"The first {12 - n_read} turns had no room" in panel.meter["words"]
    assert panel.meter["used"] <= 1024 * 3 // 4
    assert "The first turn had no room, and the model does not read it." in drawing.meter(
        9, panel.chat.model.config, left_out=1)["words"]


def test_a_hint_of_the_library_is_said(panel):
    asyncio.run(panel.ask("[INST] Hello"))
    assert "the prompt spells [INST]" in panel.status


# --- stopping --------------------------------------------------------------------------------------------------------

def test_stop_keeps_the_part_and_the_panel_goes_on(panel):
    whole = mistral_edu.generate(*mistral_edu.load(), STORY, max_tokens=30)

    async def stopped():
        answer = asyncio.create_task(panel.ask(STORY))
        await until_it_has_said(panel, 5)
        press(panel, "stop")
        return await answer
    part = asyncio.run(stopped())
    assert 0 < len(part) < len(whole) and whole.startswith(part)
    assert contents(panel) == [STORY, part] and (panel.busy, panel.status) == ("", "Stopped.")
    assert asyncio.run(panel.ask(HELLO)) and len(panel.messages) == 4


def test_stop_before_the_first_word_puts_the_message_back(panel):
    asyncio.run(panel.ask(HELLO))
    before = contents(panel)

    async def stopped():
        answer = asyncio.create_task(panel.ask(WHO))
        await asyncio.sleep(0)
        panel.stop()
        return await answer
    assert asyncio.run(stopped()) == "" and contents(panel) == before
    assert {"back": WHO} in panel.told and panel.busy == ""
    assert panel.status == "Stopped before the first word; the conversation is as it was."


def test_a_cell_that_waits_for_the_answer_can_be_interrupted(panel):
    """The kernel then cancels what the cell waits for."""
    async def cancelled():
        answer = asyncio.create_task(panel.ask(STORY))
        await until_it_has_said(panel, 5)
        answer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answer
    asyncio.run(cancelled())
    assert contents(panel) == [STORY, panel.said] and (panel.busy, panel.status) == ("", "Stopped.")


@pytest.mark.parametrize("at_rest", [signal.default_int_handler, signal.SIG_IGN], ids=["in a cell", "between cells"])
def test_the_interrupt_button_stops_the_answer_and_nothing_else(panel, at_rest):
    before = signal.signal(signal.SIGINT, at_rest)

    async def interrupted():
        answer = asyncio.create_task(panel.ask(STORY))
        await until_it_has_said(panel, 5)
        with answering.interrupts_stop():                   # as within a step
            signal.raise_signal(signal.SIGINT)
        return await answer
    try:
        loop = asyncio.new_event_loop()                     # asyncio.run has a handler of its own for the signal
        part = loop.run_until_complete(interrupted())
        loop.close()
        if at_rest is signal.SIG_IGN:
            signal.raise_signal(signal.SIGINT)              # too late: nothing happens
        else:
            assert signal.getsignal(signal.SIGINT) is at_rest
    finally:
        signal.signal(signal.SIGINT, before)
    assert contents(panel) == [STORY, part] and 0 < panel.piece.generation_tokens < 30 and panel.status == "Stopped."


def test_nothing_but_stop_is_possible_while_it_answers(panel):
    asyncio.run(panel.ask(HELLO))

    async def both():
        answer = asyncio.create_task(panel.ask(STORY))
        await until_it_has_said(panel, 2)
        for act in (panel.clear, panel.undo, lambda: panel.set("seed", 3), lambda: panel.export("cell")):
            with pytest.raises(ValueError, match="busy; stop it first"):
                act()
        for act in (panel.ask(HELLO), panel.regenerate(), panel.edit(0, HELLO), panel.load("tiny")):
            with pytest.raises(ValueError, match="busy; stop it first"):
                await act
        return await answer
    assert asyncio.run(both()) == contents(panel)[-1] and len(panel.messages) == 4


def test_an_error_is_a_sentence_and_the_message_comes_back(panel, monkeypatch):
    a_model_that_says(monkeypatch, RuntimeError)
    press(panel, "ask", HELLO)
    assert "RuntimeError" in panel.status and panel.busy == "" and panel.messages == []
    assert {"back": HELLO} in panel.told


# --- edit, regenerate, clear, undo -----------------------------------------------------------------------------------

def test_edit_drops_what_followed_and_says_so(panel):
    for question in (HELLO, SPELL, WHO):
        asyncio.run(panel.ask(question))
    before = contents(panel)
    answer = asyncio.run(panel.edit(1, WHO))
    assert contents(panel) == before[:2] + [WHO, answer]
    assert panel.status == "Question 2 was changed, and the 1 turn after it dropped."
    press(panel, "undo")
    assert contents(panel) == before and panel.status == "Edit is taken back." and panel.undoable == ""


def test_undo_takes_no_later_question_along(panel):
    asyncio.run(panel.ask(HELLO))
    panel.clear()
    asyncio.run(panel.ask(WHO))
    press(panel, "undo")
    assert panel.status == "there is nothing to take back" and contents(panel)[0] == WHO


def test_an_edit_that_cannot_be_answered_changes_nothing(panel):
    asyncio.run(panel.ask(HELLO))
    before = contents(panel)
    press(panel, "edit", 0, "ball " * 3000)
    assert "the context of this model" in panel.status and contents(panel) == before
    press(panel, "edit", 7, WHO)
    assert "there are 1 so far" in panel.status and contents(panel) == before


def test_regenerate_takes_the_next_seed_for_this_answer_where_chance_has_a_part(panel):
    first = asyncio.run(panel.ask(STORY))
    assert asyncio.run(panel.regenerate()) == first and "temperature 0" in panel.status and len(panel.messages) == 2
    panel.set("temperature", "1.5")
    second = asyncio.run(panel.regenerate())
    assert second == mistral_edu.generate(*mistral_edu.load(), STORY, max_tokens=30, temperature=1.5, seed=1) != first
    assert "seed 1" in panel.status and contents(panel) == [STORY, second]
    assert panel.meter["speed"].endswith("drawn with seed 1.") and panel.settings["seed"] == 0
    third = asyncio.run(panel.regenerate())
    assert third == mistral_edu.generate(*mistral_edu.load(), STORY, max_tokens=30, temperature=1.5, seed=2)
    panel.undo()
    assert contents(panel) == [STORY, second] and panel.meter["speed"] == ""
    chat = mistral_edu.Chat(*mistral_edu.load(), max_tokens=30, temperature=1.5, seed=0)
    chat.messages = list(panel.messages)
    assert asyncio.run(panel.ask(WHO)) == chat(WHO)                     # further questions keep to the set seed
    asyncio.run(panel.regenerate())
    assert panel.status.startswith("Written again with seed 1; further questions keep to seed 0.")


def test_regenerate_takes_a_seed_that_was_just_set(panel):
    panel.set("temperature", 1.0)
    asyncio.run(panel.ask(STORY))
    panel.set("seed", 7)
    for seed in (7, 8):
        asyncio.run(panel.regenerate())
        assert panel.meter["speed"].endswith(f"drawn with seed {seed}.") and panel.settings["seed"] == 7


def test_regenerate_stopped_at_once_keeps_the_answer_that_was_there(panel, monkeypatch):
    asyncio.run(panel.ask(HELLO))
    before = contents(panel)
    a_model_that_says(monkeypatch, RuntimeError)
    press(panel, "regenerate")
    assert contents(panel) == before and panel.undoable == ""
    assert not any("back" in told for told in panel.told)                # nobody has typed it


def test_clear_keeps_the_instructions_and_can_be_taken_back(panel):
    panel.set("system", "You are in a hurry.")
    asyncio.run(panel.ask(HELLO))
    before = contents(panel)
    panel.clear()
    assert contents(panel) == ["You are in a hurry."] and panel.bubbles[0]["name"] == "Instructions"
    assert panel.meter["speed"] == "" and {"cell": ""} in panel.told     # nothing of it stays
    panel.undo()
    assert contents(panel) == before
    panel.set("system", "")
    assert contents(panel) == before[1:] and panel.settings["system"] is None


# --- settings and models ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, value, words", [
    ("temperature", "-1", "temperature should be 0"), ("temperature", "hot", "a number; got 'hot'"),
    ("top_p", "0", "top_p should be above 0"), ("seed", "1.5", "a whole number"), ("max_tokens", "0", "at least 1"),
    ("colour", "red", "cannot be set")])
def test_a_setting_out_of_range_is_a_sentence_and_changes_nothing(panel, name, value, words):
    before = dict(panel.settings)
    press(panel, "set", name, value)
    assert words in panel.status and panel.settings == before


def test_settings_out_of_range_stop_the_cell():
    question = [{"role": "user", "content": "Hi"}]
    for wrong in ({"temperature": -1}, {"bits": 5}, {"window": "wide"}, {"window": 0}, {"messages": question}):
        with pytest.raises(ValueError, match="temperature|bits|window|end in a question"):
            chat_panel(**wrong)


def test_another_model_goes_on_with_the_conversation(panel):
    asyncio.run(panel.ask(HELLO))
    before = contents(panel)
    press(panel, "load", "tiny", "4", "64")
    assert (panel.settings["bits"], panel.settings["window"]) == (4, 64) and panel.chat.model.config.window_size == 64
    assert contents(panel) == before and "tiny is loaded" in panel.status
    assert asyncio.run(panel.ask(WHO)) and len(panel.messages) == 4      # loaded in one thread, used in another


def test_a_model_that_is_not_there_is_a_sentence_and_the_old_one_stays(panel):
    asyncio.run(panel.ask(HELLO))
    chat, before = panel.chat, contents(panel)
    press(panel, "load", "/no/such/folder", "", "")
    assert panel.status.startswith("/no/such/folder could not be loaded, so tiny stays: there is no folder")
    assert panel.chat is chat and contents(panel) == before and panel.settings["model"] == "tiny"


def test_a_model_that_fails_half_way_leaves_the_old_one_at_work(panel, monkeypatch):
    """The old one has gone by then: two may not fit into memory."""
    asyncio.run(panel.ask(HELLO))
    load = sessions.load

    def fails_in_8_bit(name, bits=None, **how):
        if bits == 8:
            raise NotEnoughMemory("tiny needs 900 GB")
        return load(name, bits=bits, **how)
    monkeypatch.setattr(sessions, "load", fails_in_8_bit)
    press(panel, "load", "tiny", "8", "")
    assert "so tiny stays: tiny needs 900 GB" in panel.status and panel.busy == ""
    assert len(panel.messages) == 2 and asyncio.run(panel.ask(WHO)) and len(panel.messages) == 4


# --- export ----------------------------------------------------------------------------------------------------------

def test_the_exported_cell_makes_the_same_panel(panel):
    panel.set("system", "You are in a hurry.")
    panel.set("temperature", 0.5)
    asyncio.run(panel.ask("Hello, \"you\" \\ {there}!\nAnd there"))
    code = panel.export("cell")
    assert {"cell": code} in panel.told
    names = {}
    exec(code.replace("\nchat_panel(", "\nagain = chat_panel("), names)
    assert names["again"].messages == panel.messages and names["again"].settings == panel.settings


def test_the_exported_file_opens_in_a_panel_and_takes_no_other_files_place(panel, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    press(panel, "export", "json")
    assert "nothing to save" in panel.status
    asyncio.run(panel.ask(HELLO))
    assert [panel.export("json") for _ in range(2)] == ["conversation.json", "conversation-2.json"]
    assert saved_chat.load("conversation.json") == panel.messages
    assert chat_panel(messages="conversation-2.json").messages == panel.messages
    assert sorted(path.name for path in Path().iterdir()) == ["conversation-2.json", "conversation.json"]


# --- what the page is given ------------------------------------------------------------------------------------------

class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= set(attrs)

    def handle_data(self, data):
        self.text += data


def in_html(markup):
    parser = Tags()
    parser.feed(markup)
    parser.close()
    return parser


HARMLESS = set("p br strong em del code pre ul ol li blockquote hr table thead tbody tr th td".split())
ALIGNED = {("style", f"text-align:{side}") for side in ("left", "right", "center")}


PARTS = ["<script>", "<img src=x onerror=a>", "](javascript:a)", "![x", "[x", "]: javascript:a", "<http://a.b>",
         "http://a.b", "<!--", "-->", "<b onclick=a", "`", "```", "~~~", "\n", "\n\n", "    ", "|a|b|\n|:-|-|\n",
         "&lt;", "&", "<", ">", "\"", "*", "# ", "\\", "x"]


@given(st.lists(st.sampled_from(PARTS), max_size=25))
def test_no_message_makes_a_tag_that_could_do_anything(pieces):
    found = in_html(drawing.as_html("".join(pieces)))
    assert found.tags <= HARMLESS and {name for name, _ in found.attributes} <= {"style", "start"}
    assert {pair for pair in found.attributes if pair[0] == "style"} <= ALIGNED


def test_markup_is_shown_as_it_was_written_wherever_it_stands(panel, monkeypatch):
    growing = []
    panel.observe(lambda change: growing.append(change["new"]), names="answer")
    a_model_that_says(monkeypatch, piece(NASTY, "stop"))
    asyncio.run(panel.ask(NASTY))
    places = [*(bubble["html"] for bubble in panel.bubbles), *filter(None, growing), drawing.still(panel.messages)]
    assert len(places) == 4
    for markup in places:
        found = in_html(markup)
        assert found.tags <= HARMLESS | {"div"} and not {name for name, _ in found.attributes} - {"style", "class"}
        assert "<script>alert(1)</script>" in found.text and "[x](javascript:alert(1))" in found.text


def test_markdown_becomes_html_and_a_heading_no_heading_of_the_page():
    markup = drawing.as_html("# Title\n- **bold** and `a<b`\n\n```python\nif a < b:\n    f()\n```")
    assert {"strong", "li", "code", "pre"} <= in_html(markup).tags and "h1" not in in_html(markup).tags
    assert "if a < b:\n    f()" in in_html(markup).text


@pytest.fixture
def published(monkeypatch):
    """What cells of IPython's shell publish, as it comes."""
    publisher = CapturingDisplayPublisher()
    monkeypatch.setattr(InteractiveShell.instance(), "display_pub", publisher)
    return publisher.outputs


def test_a_panel_that_is_shown_makes_ready_and_leaves_no_trace(panel, published, monkeypatch):
    async def shown():
        panel._ipython_display_()
        while panel._tasks:
            await asyncio.sleep(0)
    steps = []
    step_of = answering.Talk._step
    monkeypatch.setattr(answering.Talk, "_step", lambda talk: steps.append(step_of(talk)) or steps[-1])
    asyncio.run(shown())
    assert [type(step).__name__ for step in steps[-4:]] == ["NoneType", "Piece", "Piece", "object"]
    assert panel.messages == [] and panel.chat._reader.ids == [] and panel.told == []
    assert asyncio.run(panel.ask(HELLO)) == mistral_edu.generate(*mistral_edu.load(), HELLO, max_tokens=30)


def test_only_a_small_model_is_made_ready(monkeypatch):
    model, tokenizer = mistral_edu.load()
    counted = Counted(model)
    asyncio.run(answering.warm_up(mistral_edu.Chat(counted, tokenizer)))
    assert (before := counted.tokens_read) > answering.CHUNK
    monkeypatch.setattr(answering, "SMALL", model.config.n_parameters - 1)
    asyncio.run(answering.warm_up(mistral_edu.Chat(counted, tokenizer)))
    assert counted.tokens_read == before


def test_a_page_without_a_kernel_keeps_the_conversation_as_text(panel, published):
    panel._ipython_display_()
    still, live = [output["data"] for output in published]
    assert still["text/plain"] == "Nothing has been said yet." and set(still) == {"text/plain", "text/html"}
    assert WIDGET in live and "Above is what has been said" in live["text/plain"]
    asyncio.run(panel.ask(HELLO))
    last = published[-1]
    assert last["update"] and last["transient"] == published[0]["transient"]
    assert last["data"]["text/plain"] == "You: Hello!\n\nMistral: " + panel.messages[1]["content"]
    assert panel.messages[1]["content"] in in_html(last["data"]["text/html"]).text


def test_a_page_with_a_panel_passes_strict_nbval(tmp_path, monkeypatch):
    """The conversation comes before the panel in its cell: what a later cell says would reach this one's output."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    cells = ["from mistral_edu.lab import chat_panel", f"panel = chat_panel()\nawait panel.ask({SPELL!r})\npanel",
             "print(panel.messages[-1]['content'], panel.status)"]
    page = a_page(tmp_path / "page.ipynb", cells)
    NotebookClient(page, timeout=120, kernel_name="python3", record_timing=False).execute()
    (tmp_path / "page.ipynb").write_text(writes(page), encoding="utf-8")
    still, live = (output["data"] for output in page.cells[1].outputs)
    assert still["text/plain"] == f"You: {SPELL}\n\nMistral: b-a-l-l." and WIDGET in live
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tmp_path)
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "--rootdir", str(tmp_path),
               "--nbval-cell-timeout=120", "-p", "no:cacheprovider", "-q", str(tmp_path / "page.ipynb")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and "3 passed" in done.stdout, done.stdout


# --- threads, memory, and where anywidget is missing -----------------------------------------------------------------

def test_what_the_page_reports_from_another_thread_is_done_on_the_thread_of_cells():
    threads = []

    async def cell():
        panel = chat_panel(max_tokens=5)
        panel.observe(lambda change: threads.append(threading.current_thread()), names="answer")
        reporter = threading.Thread(target=press, args=(panel, "ask", HELLO))
        reporter.start()
        await until_it_has_said(panel, 5)
        reporter.join()
        while panel.busy:
            await asyncio.sleep(0)
        return panel
    panel = asyncio.run(cell())
    assert contents(panel)[0] == HELLO and set(threads) == {threading.current_thread()}
    press(panel, "format the disk")
    assert "the page asked for" in panel.status


def test_fifty_turns_leave_nothing_behind_but_their_words():
    panel = chat_panel(max_tokens=4)

    def after(n_turns):
        for _ in range(n_turns):
            asyncio.run(panel.ask(HELLO))
        gc.collect()
        kinds = [type(thing).__name__ for thing in gc.get_objects()]
        return memory_held(), kinds.count("Talk"), kinds.count("Piece"), len(panel._tasks)
    early = after(20)                                       # by then the window is full
    late = after(30)
    assert len(panel.messages) == 100 and late[1:] == early[1:] and late[1] == 0
    assert late[0] - early[0] < 100_000, "bytes that MLX holds"


def test_a_cell_that_runs_again_lets_the_panel_go():
    panel = chat_panel(max_tokens=30)

    async def run_again():
        answer = asyncio.create_task(panel.ask(STORY))
        await until_it_has_said(panel, 3)
        panel.let_go()
        return await answer
    assert asyncio.run(run_again()) and panel.comm is None and len(panel.messages) == 2


@pytest.fixture
def in_a_cell(monkeypatch):
    """Call it to run the cell: chat_panel with these arguments; each time is another run of the same cell."""
    runs = iter(range(100))

    def run(*args, **settings):
        cell = "a cell", next(runs)
        monkeypatch.setattr(reruns, "running_cell", lambda: cell)
        return heard(chat_panel(*args, max_tokens=10, **settings), monkeypatch)
    monkeypatch.setattr(reruns, "_made", {})
    return run


def test_a_cell_that_runs_again_says_so_and_can_resume_the_conversation_before(in_a_cell):
    first = in_a_cell()
    assert first.status == first.earlier == ""
    asyncio.run(first.ask(HELLO))
    asyncio.run(first.ask(SPELL))
    said = contents(first)
    second = in_a_cell()
    assert contents(second) == [] and second.earlier == "2 turns" and "A new conversation has begun" in second.status
    asyncio.run(second.ask(WHO))
    third = in_a_cell()
    assert third.earlier == "1 turn"
    fourth = in_a_cell()                                                 # the third has said nothing
    assert fourth.earlier == "1 turn"
    press(fourth, "resume")
    assert contents(fourth) == contents(second) and fourth.earlier == "" and fourth.undoable == "Resume"
    assert fourth.bubbles[0]["text"] == WHO
    press(fourth, "undo")
    assert contents(fourth) == [] and fourth.earlier == "1 turn"
    assert contents(first) == said                                       # a panel that had to go keeps its words


def test_where_nothing_was_said_before_there_is_nothing_to_resume(in_a_cell):
    in_a_cell()
    panel = in_a_cell()
    press(panel, "resume")
    assert panel.earlier == "" and panel.status == "this cell has no earlier conversation to resume"


def test_a_panel_goes_on_where_another_one_is(panel, monkeypatch):
    panel.set("temperature", 0.5)
    panel.set("system", "You are in a hurry.")
    asyncio.run(panel.ask(HELLO))
    other = heard(chat_panel(panel), monkeypatch)
    assert other.messages == panel.messages and other.settings == panel.settings
    assert other.chat.model is panel.chat.model                          # not loaded a second time
    asyncio.run(other.ask(WHO))
    assert len(other.messages) == 5 and len(panel.messages) == 3         # each has its own from here on
    with pytest.raises(ValueError, match="brings its own temperature, messages; leave that out"):
        chat_panel(panel, temperature=0.1, messages=[{"role": "user", "content": HELLO}])


def test_where_anywidget_is_missing_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "mistral_edu.lab.panel.panel")
    with pytest.raises(ImportError, match="pip install anywidget") as error:
        chat_panel()
    assert "\n" not in str(error.value)


def test_the_lab_is_there_without_anywidget():
    code = "import sys, mistral_edu.lab as lab; lab.check; print('anywidget' in sys.modules, 'mistune' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False False\n"


@pytest.mark.parametrize("missing", ["matplotlib", "ipywidgets"])
def test_what_the_pages_cannot_do_without_is_named_in_one_sentence(missing):
    code = f"import sys; sys.modules[{missing!r}] = None; import mistral_edu.lab"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr.splitlines()
    assert said[-1] == (f'ModuleNotFoundError: the pages need {missing}, which is not installed here: '
                        'pip install "mistral-edu[lab]", then restart the kernel')


def test_the_files_of_the_page_come_with_the_package():
    files = {path.name for path in Path(widget.__file__).parent.iterdir()}
    assert {"panel.js", "panel.css"} <= files
    assert re.search(r"export default \{ render \}", str(widget.ChatPanel._esm))
