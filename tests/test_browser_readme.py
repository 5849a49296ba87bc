"""The pictures of README and docs/prompting.md, taken from a real page. `make pictures` puts them into docs/."""
import base64
import io
import re
from pathlib import Path

from lab_in_browser import ERRORS, browser_on, open_and_run
from test_lab_magics import a_page

import pytest
from PIL import Image
from playwright.sync_api import expect

ROOT = Path(__file__).parents[1]
SHOTS = Path(__file__).with_name("screenshots")
CELLS = ["%load_ext mistral_edu\ncolour = 'red'",
         "%%mistral --max-tokens 220\nTell me a story about a {colour} ball.",
         "from mistral_edu.lab import chat_panel\n\nchat_panel()",
         "from mistral_edu.lab import inspect_answer\n\n"
         "inspect_answer('Tell me a story about a lost key.', n_tokens=24)"]
PICTURES = {1: "prompting_magic.png", 2: "prompting_panel.png", 3: "prompting_inside.png"}

# docs/notebook.png: the cells that it shows, and how wide the page is while each is taken.
THREE_CELLS = ["""%load_ext mistral_edu
from mistral_edu.lab import Picture, course_map, explore, figure
from mistral_edu.lab.showing.mask_picture import draw_mask
from mistral_edu.masks import sliding_window_mask""",
               "course_map('08')",
               "%%mistral\nTell me a story about a lost cat.",
               """def look_back(window=4, tokens=12):
    mask = sliding_window_mask(tokens, window)
    fig, ax = figure(width=4.2, height=4.2)
    title = f"No query sees more than {window} keys"
    draw_mask(ax, mask, title)
    return Picture(fig, title + ".")

explore(look_back, window=(1, 8))"""]
MAP, STORY, SLIDER = 1, 2, 3
WIDTHS = {MAP: 960, STORY: 960, SLIDER: 650}
TOGETHER = """<style>
  body {{ margin: 0; background: white }}
  #all {{ display: inline-grid; grid-template: auto 1fr / 620px 420px; gap: 10px; padding: 2px }}
  figure {{ margin: 0; padding: 8px; border: 1px solid #d0d7de; border-radius: 8px; background: white }}
  figure:first-child {{ height: 314px; overflow: hidden }}      /* the map, without what it tells of a box */
  figure:last-child {{ grid-area: 1 / 2 / 3 / 3 }}
  img {{ width: 100%; display: block }}
</style><div id="all">{}</div>"""
SHOWN_AS = '<figure><img src="data:image/png;base64,{}"></figure>'
LARGEST = 250_000       # bytes: a page of text should not wait for its picture

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_readmes_picture_of_three_cells_can_be_taken_again(tmp_path):
    a_page(tmp_path / "page.ipynb", [*THREE_CELLS, "# the cell that is chosen while others are taken"])
    SHOTS.mkdir(exist_ok=True)
    with browser_on(tmp_path, pixels=2) as (page, address, errors):
        panel = open_and_run(page, address("page.ipynb"))
        page.evaluate("window.jupyterapp.shell.collapseLeft()")
        slider = panel.locator(".jp-Cell").nth(SLIDER)
        expect(slider.locator(".jp-OutputArea")).to_contain_text("No query sees more than 4 keys.")
        slider.get_by_role("slider").first.press("ArrowRight")
        expect(slider.locator(".jp-OutputArea")).to_contain_text("No query sees more than 5 keys.", timeout=60_000)
        expect(panel.locator(".jp-Cell").nth(STORY)).to_contain_text("The end.")
        assert panel.locator(ERRORS).count() == 0
        taken = {number: picture_of(page, panel, number) for number in WIDTHS}
        page.goto("about:blank")
        page.set_content(TOGETHER.format("".join(map(SHOWN_AS.format, taken.values()))))
        few_colours(page.locator("#all").screenshot()).save(SHOTS / "notebook.png", optimize=True)
        assert errors == []
    assert 50_000 < (SHOTS / "notebook.png").stat().st_size < LARGEST


def picture_of(page, panel, number):
    """A cell as it looks on a page of its width, as text of base64."""
    page.set_viewport_size({"width": WIDTHS[number], "height": 1200})
    panel.locator(".jp-Cell").last.click()                       # so that no bar marks this one
    cell = panel.locator(".jp-Cell").nth(number)
    cell.evaluate("cell => cell.scrollIntoView({block: 'center'})")   # clear of the toolbar
    return base64.b64encode(cell.screenshot()).decode()


def few_colours(png):
    """The picture with at most 128 colours, which are enough for text and lines, in a third of the bytes."""
    return Image.open(io.BytesIO(png)).convert("RGB").quantize(128, dither=Image.Dither.NONE)


def test_the_pictures_of_prompting_can_be_taken_again(tmp_path):
    a_page(tmp_path / "page.ipynb", CELLS)
    SHOTS.mkdir(exist_ok=True)
    with browser_on(tmp_path) as (page, address, errors):
        page.set_viewport_size({"width": 1100, "height": 1000})
        panel = open_and_run(page, address("page.ipynb"))
        page.evaluate("window.jupyterapp.shell.collapseLeft()")              # more room for the page
        ask(panel.locator(".mistral-chat"), "The cat is in the garden. Where is the cat?")
        ask(panel.locator(".mistral-chat"), "What is 7 plus 5?")
        take(panel.locator(".jp-Cell").nth(3), "␣girl", "␣boy")
        assert panel.locator(ERRORS).count() == 0
        for number, name in PICTURES.items():
            cell = panel.locator(".jp-Cell").nth(number)
            cell.scroll_into_view_if_needed()
            cell.screenshot(path=SHOTS / name)
            assert (SHOTS / name).stat().st_size > 10_000
        assert errors == []


def ask(chat, question):
    answers = chat.locator(".bubble.assistant .said")
    before = answers.count()
    field = chat.get_by_label("Message")
    field.fill(question)
    field.press("Enter")
    expect(answers).to_have_count(before + 1)
    expect(chat).to_have_attribute("data-busy", "", timeout=60_000)


def take(cell, token, alternative):
    """Choose a token of the answer, and one of those that could have come in its place."""
    cell.locator("label", has_text=token).last.click()
    cell.get_by_role("button", name=alternative).click()
    expect(cell.get_by_role("status")).to_contain_text("Answer 1: 24 tokens", timeout=60_000)


def test_readme_and_the_page_on_prompting_show_them():
    shown = re.findall(r"\]\((prompting_\w+\.png)\)", (ROOT / "docs/prompting.md").read_text("utf-8"))
    assert sorted(shown) == sorted(PICTURES.values())
    assert all((ROOT / "docs" / name).stat().st_size > 10_000 for name in shown)
    assert "](docs/notebook.png)" in (ROOT / "README.md").read_text("utf-8")
    assert 50_000 < (ROOT / "docs/notebook.png").stat().st_size < LARGEST
