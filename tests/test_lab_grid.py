"""A grid to click on: every cell has its number, its sentence and a button, and words stay where styles are lost."""
from mistral_edu.lab.showing.grid import grid
from test_lab_map import Page

import pytest

NUMBERS = [[0.0, 0.5], [1.0, -0.004]]


@pytest.fixture(scope="module")
def touch():
    return grid(NUMBERS, ["0", "1"], ["a", "<s>"], lambda r, c: f"row {r}, column {c}.", "A title", "Dark: much.",
                chosen=(1, 0), down="layers", across="tokens")


def test_each_cell_has_a_button_with_its_sentence(touch):
    buttons = [tag for tag in Page(touch.touch).all("input")]
    assert [button["aria-label"] for button in buttons] == [
        "row 0, column 0.", "row 0, column 1.", "row 1, column 0.", "row 1, column 1."]
    assert ["checked" in button for button in buttons] == [False, False, True, False]
    assert {button["name"] for button in buttons} == {"cell"}


def test_numbers_are_rounded_so_that_the_page_is_the_same_on_every_machine(touch):
    assert [tag["style"] for tag in Page(touch.touch).all("label")] == ["--v:0", "--v:0.5", "--v:1", "--v:0"]


def test_words_and_picture_say_the_same(touch):
    words = Page(touch.touch).words
    assert all(text in words for text in ("A title", "Dark: much. Columns: tokens.", "layers", "a", "<s>",
                                          "row 1, column 1."))
    assert touch.caption == "Dark: much. row 1, column 0."
    assert touch.alt == "A title. Dark: much. row 1, column 0."
    assert touch.png().startswith(b"\x89PNG")
