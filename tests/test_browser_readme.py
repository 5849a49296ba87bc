"""The README's pictures of prompting in a cell, taken from a real page. `make pictures` puts them into docs/."""
import re
from pathlib import Path

from lab_in_browser import ERRORS, browser_on, open_and_run
from test_lab_magics import a_page

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).parents[1]
SHOTS = Path(__file__).with_name("screenshots")
CELLS = ["%load_ext mistral_edu\ncolour = 'red'",
         "%%mistral --max-tokens 220\nTell me a story about a {colour} ball.",
         "from mistral_edu.lab import chat_panel\n\nchat_panel()",
         "from mistral_edu.lab import inspect_answer\n\n"
         "inspect_answer('Tell me a story about a lost key.', n_tokens=24)"]
PICTURES = {1: "prompting_magic.png", 2: "prompting_panel.png", 3: "prompting_inside.png"}

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_readmes_pictures_of_prompting_can_be_taken_again(tmp_path):
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


def test_the_readme_shows_them():
    shown = re.findall(r"\]\(docs/(prompting_\w+\.png)\)", (ROOT / "README.md").read_text("utf-8"))
    assert sorted(shown) == sorted(PICTURES.values())
    assert all((ROOT / "docs" / name).stat().st_size > 10_000 for name in shown)
