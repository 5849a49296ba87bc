"""The chat panel in a real JupyterLab: by keyboard alone, while other cells run, after a reload, in both themes."""
import json
import subprocess
import sys
from pathlib import Path

from lab_in_browser import ERRORS, KERNEL_IDLE, NOTE_KEYS, PANEL, browser_on, open_and_run
from test_lab_magics import NASTY, SLOWLY, a_page

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

SHOTS = Path(__file__).with_name("screenshots")
HELLO, SPELL, STORY, ATTACK = "Hello!", "How do you spell ball?", "Tell me a story about a red ball.", "Say markup."
MARKUP = NASTY.replace("alert(1)", "window.ran = 1") + "<img src=x onerror='window.ran = 1'>"
ANSWERS_MARKUP = f"""from mistral_edu.generate import Piece
as_it_was = conversation.stream_generate
def stream_generate(model, tokenizer, messages, **settings):
    if messages[-1]["content"] == {ATTACK!r}:
        return iter([Piece({MARKUP!r}, 7, -0.5, [], 3, 0, 100.0, 1, 50.0, 0.1, "stop")])
    return as_it_was(model, tokenizer, messages, **settings)
conversation.stream_generate = stream_generate"""
CELLS = [SLOWLY.replace("0.1", "0.05") + "\n" + ANSWERS_MARKUP,      # an answer of 60 tokens takes 3 seconds
         "from mistral_edu.lab import chat_panel\npanel = chat_panel(max_tokens=60)\npanel",
         "print(f'[{panel.busy}]')", "time.sleep(3)",
         "from mistral_edu.lab import explore\nexplore(lambda n=2: f'{n} squared is {n * n}', n=(1, 9))"]
TEXT = """() => document.querySelector('.mistral-chat .growing .said')?.textContent.length ?? 0"""
OUTPUTS = "n => JSON.stringify(window.jupyterapp.shell.currentWidget.content.widgets[n].model.sharedModel.getOutputs())"
RUN = """n => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = n;
               return void window.jupyterapp.commands.execute('notebook:run-cell'); }"""

pytestmark = [pytest.mark.browser, pytest.mark.slow]


class Chat:
    """The panel as a reader finds it."""

    def __init__(self, page, errors):
        self.page, self.errors = page, errors
        self.box = page.locator(f"{PANEL} .mistral-chat")
        self.field, self.status = self.box.get_by_label("Message"), self.box.locator(".status")
        self.said = self.box.locator(".bubble.assistant:not(.growing) .said")
        self.mine = self.box.locator(".bubble.user .said")

    def button(self, name):
        return self.box.get_by_role("button", name=name, exact=True)

    def type(self, text, keys="Enter"):
        expect(self.field).to_be_focused()
        self.page.keyboard.type(text)
        self.page.keyboard.press(keys)

    def ends(self):
        expect(self.box).to_have_attribute("data-busy", "", timeout=60_000)
        assert self.errors == []

    def ask(self, text):
        n = self.said.count()
        self.field.focus()
        self.type(text)
        expect(self.said).to_have_count(n + 1)
        self.ends()

    def until_it_writes(self, n=5):
        self.page.wait_for_function(f"n => ({TEXT})() > n", arg=n, timeout=60_000)

    def output(self, cell):
        return json.loads(self.page.evaluate(OUTPUTS, cell))

    def run(self, cell):
        self.page.evaluate(RUN, cell)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("panel")
    a_page(folder / "page.ipynb", CELLS)
    with browser_on(folder) as (page, address, errors):
        open_and_run(page, address("page.ipynb"))
        yield folder, Chat(page, errors)
        page.screenshot(path=folder / "end.png")


@pytest.fixture
def chat(opened):
    """An empty conversation."""
    chat = opened[1]
    if chat.box.locator(".bubble").count():
        chat.button("Clear").click()
    expect(chat.box.locator(".bubble")).to_have_count(0)
    return chat


def test_a_conversation_by_keyboard_alone(chat):
    chat.field.focus()
    chat.type("Tell me a story", "Shift+Enter")
    expect(chat.field).to_have_value("Tell me a story\n")                # a new line, and no cell has run
    chat.type("about a red ball.")
    chat.until_it_writes(5)
    chat.until_it_writes(40)                                             # it grows
    expect(chat.field).to_be_focused()
    chat.type("And then?")                                               # not sent while it writes, and not lost
    expect(chat.field).to_have_value("And then?")
    expect(chat.status).to_contain_text("still writing")
    chat.page.keyboard.press("Escape")
    chat.ends()
    expect(chat.status).to_have_text("Stopped.")
    chat.page.keyboard.press("Enter")
    expect(chat.mine).to_have_count(2)
    chat.ends()
    chat.page.keyboard.type("half a thought")
    for name in ("Send", "Regenerate"):
        chat.page.keyboard.press("Tab")
        expect(chat.button(name)).to_be_focused()
    chat.page.keyboard.press("Enter")
    expect(chat.box).to_have_attribute("data-busy", "answering")
    chat.ends()
    expect(chat.button("Regenerate")).to_be_focused()
    expect(chat.field).to_have_value("half a thought")
    expect(chat.status).to_contain_text("Written again")
    for _ in range(3):                                                   # Send, the field, question 2's Edit
        chat.page.keyboard.press("Shift+Tab")
    expect(chat.button("Edit question 2")).to_be_focused()
    chat.page.keyboard.press("Shift+Tab")
    chat.page.keyboard.press(" ")
    expect(chat.field).to_have_value("Tell me a story\nabout a red ball.")
    expect(chat.box.locator(".editing")).to_contain_text("what followed it dropped (1 turn)")
    chat.page.keyboard.press("ControlOrMeta+a")
    chat.type(HELLO)
    expect(chat.mine).to_have_text([HELLO])
    chat.ends()
    expect(chat.said).to_have_count(1)
    expect(chat.status).to_contain_text("the 1 turn after it dropped")
    expect(chat.field).to_be_focused()
    expect(chat.field).to_have_value("half a thought")
    chat.field.fill("")


def test_no_key_but_those_with_ctrl_is_a_command_of_notebook_7(chat):
    page = chat.page
    page.evaluate(NOTE_KEYS)
    chat.field.focus()
    for key in ("b", "Escape", "Control+ArrowLeft", "Tab", "Tab", "d"):
        page.keyboard.press(key)
    expect(chat.button("Regenerate")).to_be_focused()
    page.locator(f"{PANEL} .mistral-live [role=slider]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("a")
    assert [key for key in page.evaluate("window.keys") if key[0] != "Control"] == [
        ["b", True], ["Escape", True], ["ArrowLeft", False], ["Tab", True], ["Tab", True], ["d", True],
        ["ArrowRight", True], ["a", False]]
    expect(page.locator(f"{PANEL} .mistral-live pre")).to_have_text("3 squared is 9")
    page.keyboard.press("ArrowLeft")
    chat.field.fill("")


def test_an_edit_that_is_given_up_changes_nothing_and_keeps_what_was_typed(chat):
    chat.ask(HELLO)
    chat.page.keyboard.type("half a thought")
    chat.button("Edit question 1").click()
    expect(chat.field).to_have_value(HELLO)
    chat.page.keyboard.press("Escape")
    expect(chat.field).to_have_value("half a thought")
    expect(chat.mine).to_have_text([HELLO])
    chat.field.fill("")


@pytest.mark.parametrize("stop", ["button", "interrupt"])
def test_a_stopped_answer_stays_and_the_panel_goes_on(chat, stop):
    chat.field.focus()
    chat.type(STORY)
    chat.until_it_writes()
    chat.button("Stop").click() if stop == "button" else (
        chat.page.locator("[data-command='notebook:interrupt-kernel']").first.click())
    chat.ends()
    expect(chat.status).to_have_text("Stopped.")
    assert len(chat.said.last.inner_text()) > 5
    chat.ask(HELLO)
    expect(chat.said).to_have_count(2)


def test_a_cell_runs_while_the_answer_is_written(chat):
    chat.field.focus()
    chat.type(STORY)
    chat.until_it_writes()
    chat.run(2)
    chat.page.wait_for_function(f"() => ({OUTPUTS})(2).includes('[answering]')", timeout=30_000)
    expect(chat.box).to_have_attribute("data-busy", "answering")
    chat.ends()
    assert chat.box.locator("xpath=//ancestor::*[contains(@class, 'jp-Notebook')]").locator(ERRORS).count() == 0


def test_a_message_sent_while_a_cell_runs_is_answered_when_that_has_ended(chat):
    chat.run(3)
    chat.field.focus()
    chat.type(HELLO)
    expect(chat.status).to_contain_text("A cell is running")
    expect(chat.field).to_have_value(HELLO)
    expect(chat.said).to_have_count(1, timeout=20_000)
    chat.ends()
    expect(chat.field).to_have_value("")
    assert chat.mine.count() == 1


def test_settings_are_applied_and_a_wrong_one_is_a_sentence(chat):
    chat.box.locator("summary").click()
    seed = chat.box.get_by_label("Seed")
    seed.fill("7")
    seed.press("Tab")
    expect(chat.status).to_have_text("seed is 7 from here on.")
    chat.box.get_by_label("Top-p").fill("0")
    chat.box.get_by_label("Top-p").press("Tab")
    expect(chat.status).to_contain_text("top_p should be above 0")
    expect(chat.box.get_by_label("Top-p")).to_have_value("1")
    chat.box.get_by_label("Name or folder").fill("/no/such/model")
    chat.box.get_by_label("Name or folder").press("Enter")
    expect(chat.status).to_contain_text("could not be loaded, so tiny stays")
    chat.box.get_by_label("Name or folder").fill("tiny")
    chat.box.get_by_label("Weights").select_option("8")
    chat.button("Load").click()
    expect(chat.status).to_contain_text("tiny is loaded", timeout=60_000)
    chat.ask(HELLO)
    expect(chat.said).to_have_count(1)
    chat.box.locator("summary").click()


def test_what_is_typed_while_the_kernel_is_busy_is_not_lost(chat):
    chat.box.locator("summary").click()
    seed, top_p = chat.box.get_by_label("Seed"), chat.box.get_by_label("Top-p")
    chat.run(3)                                                          # a cell of 3 seconds: what is sent waits
    seed.fill("8")
    seed.press("Tab")
    chat.field.focus()
    chat.type(HELLO)
    top_p.fill("0.5")                                                    # typed, and not yet left
    expect(chat.said).to_have_count(1, timeout=20_000)
    chat.ends()
    expect(chat.field).to_have_value("")                                 # the message was taken
    expect(seed).to_have_value("8")
    expect(top_p).to_have_value("0.5")
    top_p.press("Tab")
    expect(chat.status).to_have_text("top_p is 0.5 from here on.")
    top_p.fill("1")
    top_p.press("Tab")
    expect(chat.status).to_have_text("top_p is 1.0 from here on.")
    chat.box.locator("summary").click()


def test_an_export_is_shown_as_a_cell_and_written_as_a_file(chat, opened):
    chat.ask(HELLO)
    chat.button("Export as a cell").click()
    code = chat.box.get_by_label("Code of a cell with this conversation")
    expect(code).to_be_focused()
    assert "'content': 'Hello!'" in code.input_value()
    chat.button("Close").click()
    expect(code).not_to_be_visible()
    chat.button("Export as a cell").click()
    expect(code).to_be_visible()
    expect(chat.box.locator(".speed")).to_contain_text("written")
    chat.button("Clear").click()
    expect(code).not_to_be_visible()                                     # nothing of it stays
    expect(chat.box.locator(".speed")).to_have_text("")
    chat.button("Undo Clear").click()
    chat.button("Export as JSON").click()
    expect(chat.status).to_have_text("Saved as conversation.json, in the notebook's folder.")
    assert json.loads((opened[0] / "conversation.json").read_text())[0] == {"role": "user", "content": HELLO}


def test_markup_of_both_sides_is_shown_and_never_runs(chat):
    chat.field.focus()
    chat.page.keyboard.insert_text(ATTACK)
    chat.page.keyboard.press("Enter")
    chat.ends()
    expect(chat.said.last).to_contain_text("<script>")
    chat.page.keyboard.insert_text(MARKUP)
    chat.page.keyboard.press("Enter")
    chat.ends()
    expect(chat.mine.last).to_contain_text("onerror")
    chat.page.wait_for_timeout(300)
    assert chat.page.evaluate("typeof window.ran") == "undefined"
    expect(chat.box.locator("img, script, a")).to_have_count(0)


@pytest.mark.parametrize("theme, width", [("Light", 1280), ("Light", 600), ("Dark", 1280), ("Dark", 600)])
def test_no_serious_fault_of_accessibility_in_either_theme(chat, theme, width):
    page = chat.page
    page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})",
                  f"JupyterLab {theme}")
    page.wait_for_function("dark => document.body.dataset.jpThemeLight === String(!dark)", arg=theme == "Dark")
    page.set_viewport_size({"width": width, "height": 1200})
    page.evaluate("wide => window.jupyterapp.shell[wide ? 'expandLeft' : 'collapseLeft']()", width > 1000)
    chat.ask(HELLO)
    chat.ask("Tell me a story about **two** `balls`.")
    chat.box.locator("summary").click()
    chat.button("Edit question 1").click()
    SHOTS.mkdir(exist_ok=True)
    chat.box.scroll_into_view_if_needed()
    page.screenshot(path=SHOTS / f"panel_{theme.lower()}_{width}.png")
    found = Axe().run(page, context=".mistral-chat").response["violations"]
    chat.page.keyboard.press("Escape")
    chat.box.locator("summary").click()
    assert [fault for fault in found if fault["impact"] in ("serious", "critical")] == [], found
    overflow = chat.box.evaluate("box => [box.scrollWidth, box.clientWidth]")
    assert overflow[0] <= overflow[1]


def test_after_a_reload_the_conversation_is_there_and_goes_on(chat, opened):
    page = chat.page
    page.set_viewport_size({"width": 1280, "height": 1200})
    chat.ask(HELLO)
    answer = chat.said.last.inner_text()
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--stdout", str(opened[0] / "page.ipynb")]
    html = subprocess.run(command, capture_output=True, text=True).stdout
    assert answer in html                                                # a page without a kernel
    page.reload()
    page.wait_for_function(KERNEL_IDLE, timeout=60_000)
    expect(chat.mine).to_have_text([HELLO], timeout=30_000)
    chat.ask(SPELL)
    expect(chat.said).to_have_count(2)
    page.wait_for_function(f"text => ({OUTPUTS})(1).includes(text)", arg=SPELL)   # the file follows, too
    still = chat.output(1)[0]["data"]
    assert all(said in still[kind] for said in (answer, SPELL) for kind in ("text/plain", "text/html"))
    chat.run(1)                                                          # the cell again
    expect(chat.status).to_contain_text("A new conversation has begun", timeout=60_000)
    expect(chat.box.locator(".bubble")).to_have_count(0)
    chat.button("Resume the conversation before (2 turns)").click()
    expect(chat.mine).to_have_text([HELLO, SPELL])
    expect(chat.button("Undo Resume")).to_be_visible()
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    expect(chat.status).to_contain_text("The kernel behind this chat has gone", timeout=30_000)
    expect(chat.said.first).to_have_text(answer)                         # what was said stays, with nothing to press
    expect(chat.box.get_by_role("button")).to_have_count(0)
