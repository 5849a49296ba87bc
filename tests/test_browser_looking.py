"""In a real JupyterLab: a token is chosen, an alternative taken by keyboard alone, and the first answer shown again."""
from pathlib import Path

from lab_in_browser import KERNEL_IDLE, NOTE_KEYS, PANEL, browser_on, open_and_run
from mistral_edu.course.refresh import refresh

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=20_000)                    # a kernel may take its time

SCREENSHOTS = Path(__file__).parent / "screenshots"
CELLS = {
    "import": "import mistral_edu\nfrom mistral_edu.lab import inspect_answer",
    "story": 'inspect_answer("Tell me a story about a red ball.", n_tokens=25)',
    "markup": """inspect_answer('<img src="x" onerror="window.ran = true"><script>window.ran = true</script>',
               n_tokens=3)""",
}
TEXT = ".text span"
STILL, LIVE = ".mistral-answer.still:visible", ".mistral-answer.live:visible"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab with a page that is there twice: (page, address by name). unread.ipynb is not run, so not trusted."""
    folder = tmp_path_factory.mktemp("looking")
    path = folder / "looking.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source, id=name) for name, source in CELLS.items()]), path)
    refresh(path)
    nbformat.write(nbformat.read(path, as_version=4), folder / "unread.ipynb")
    with browser_on(folder) as (page, address, errors):
        yield page, address
        assert errors == []


@pytest.fixture
def story(lab):
    """The page, run anew, and its live story."""
    page, address = lab
    return page, open_and_run(page, address("looking.ipynb")).locator(LIVE).first


def chosen(answer):
    return answer.locator("label:has(:checked)")


def table(answer):
    return answer.locator(".told:visible")


def test_a_page_that_was_not_run_shows_the_answer_and_folds_its_tables(lab):
    page, address = lab
    page.goto(address("unread.ipynb"))
    panel = page.locator(PANEL)
    expect(panel.get_by_text("Not far from here lived a boy called Ian.").first).to_be_visible()
    details = panel.locator("details").first
    expect(details.locator("table").first).not_to_be_visible()
    details.locator("summary").click()
    expect(details.locator("table").first).to_contain_text("step 0: ␣Not, probability 0.78")
    expect(details.locator("table").first).to_contain_text("␣Once")


def test_a_click_on_a_token_shows_what_could_have_come(story):
    page, answer = story
    expect(page.locator(PANEL).locator(STILL)).to_have_count(0)             # the live one stands in its place
    answer.locator("label", has_text="␣boy").click()
    expect(table(answer)).to_contain_text("step 6: ␣boy, probability 0.17, surprise 1.77 nats")
    expect(table(answer).locator(".taken")).to_have_text("␣boy0.17✓ taken")
    expect(table(answer).locator("tr")).to_have_count(5)


def test_an_alternative_is_taken_and_the_first_answer_shown_again_by_keyboard_alone(story):
    page, answer = story
    cells = page.locator(PANEL).locator(".jp-Cell").count()
    page.evaluate(NOTE_KEYS)
    chosen(answer).locator("input").focus()                                 # where Tab leads
    expect(chosen(answer)).to_have_text("␣Ian")                             # step 12, the most surprising
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    expect(chosen(answer)).to_have_text("␣boy")
    page.keyboard.press("b")                                                # JupyterLab's key for a new cell below
    page.keyboard.press("Tab")
    expect(answer.locator("button:focus")).to_have_text("␣girl")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(answer.locator(TEXT)).to_have_text("Not far from here lived a girl called Fay. One day Carl gave her "
                                                     "some pears for the road, and Fay went to")
    expect(answer.get_by_role("status")).to_contain_text("Answer 1: 25 tokens")
    expect(chosen(answer)).to_have_text("␣girl")
    expect(answer.locator("input:focus")).to_have_count(1)
    assert answer.locator(".branches li").count() == 2
    for _ in range(5):                                                      # past the four that were not taken
        page.keyboard.press("Tab")
    expect(answer.locator("button:focus")).to_contain_text("0: 10.92 nats: Not far")
    page.keyboard.press("Enter")
    expect(answer.locator(TEXT)).to_contain_text("lived a boy called Ian.")
    expect(answer.locator("button[aria-current]")).to_contain_text("0: 10.92 nats: Not far")
    assert page.locator(PANEL).locator(".jp-Cell").count() == cells
    assert all(kept for _, kept in page.evaluate("window.keys"))            # none was a command, in Notebook 7 either
    page.keyboard.press("Shift+ArrowDown")
    assert page.evaluate("window.keys").pop() == ["ArrowDown", False]


def test_several_alternatives_in_a_row_from_the_second_event_on_another_thread(story):
    page, answer = story
    for number, step in ((1, 6), (2, 13), (3, 20)):
        answer.locator("label").nth(step).click()
        table(answer).locator("button").last.click()
        expect(answer.get_by_role("status")).to_contain_text(f"Answer {number}: 25 tokens")
    expect(answer.locator(".branches li")).to_have_count(4)


def test_without_a_kernel_the_still_answer_comes_back_and_opens(story):
    page, answer = story
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    still = page.locator(PANEL).locator(STILL)
    expect(still).to_have_count(2)
    expect(page.locator(PANEL).locator(LIVE)).to_have_count(0)
    still.first.locator("label", has_text="␣boy").click()
    page.keyboard.press("ArrowRight")
    expect(table(still.first)).to_contain_text("step 7: ␣called, probability 1.00")
    page.wait_for_function(KERNEL_IDLE)


def test_markup_in_a_prompt_is_shown_and_never_runs(story):
    page, _ = story
    expect(page.locator(PANEL).locator(LIVE).nth(1).locator(".prompt")).to_contain_text('<img src="x" onerror=')
    assert page.evaluate("window.ran") is None


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [1280, 600])
def test_nothing_is_cut_and_axe_finds_no_serious_fault_in_either_theme(story, theme, width):
    page, answer = story
    page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", THEMES[theme])
    page.locator(f"body[data-jp-theme-name='{THEMES[theme]}']").wait_for(state="attached")
    page.set_viewport_size({"width": width, "height": 1200})
    answer.locator("label", has_text="␣boy").click()
    table(answer).locator("button").first.click()
    expect(answer.get_by_role("status")).to_contain_text("Answer 1: 25 tokens")
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"looking_{theme}_{width}.png")
    cut = answer.evaluate("""box => [...box.querySelectorAll('label, button, p, .told')].filter(one => one.offsetParent)
        .filter(one => one.getBoundingClientRect().right > box.getBoundingClientRect().right + 1)
        .map(one => one.textContent)""")
    lines = answer.locator(".told:visible .taken td:nth-child(3)").evaluate("""mark => {
        const words = document.createRange();
        words.selectNodeContents(mark);
        return words.getClientRects().length; }""")
    found = Axe().run(page, context=".mistral-answer.live").response["violations"]
    page.set_viewport_size({"width": 1280, "height": 1200})
    assert cut == [] and lines == 1                                         # of "✓ taken"
    assert [f"{one['id']}: {one['help']}" for one in found if one["impact"] in ("serious", "critical")] == []
