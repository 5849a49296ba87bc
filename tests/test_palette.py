"""Each colour has its number in one place, mistral_edu/palette.py, and what pages take from their theme in theme.py."""
import re
from pathlib import Path

import mistral_edu
from mistral_edu import palette
from mistral_edu.lab.showing import theme

import pytest

HOME = Path(mistral_edu.__file__).parent
COLOUR = re.compile(r"#[0-9A-Fa-f]{6}\b")
NUMBERS = {value for value in vars(palette).values() if isinstance(value, str) and COLOUR.fullmatch(value)}
STYLES = sorted((HOME / "lab").rglob("*.css"))
PAGES = sorted(set(HOME.rglob("*.css")) - set(STYLES))  # outside Jupyter, with themes of their own, light and dark


def test_no_other_file_of_python_or_javascript_writes_a_colour_as_a_number():
    files = [HOME.parent / "docs/readme.py", *HOME.rglob("*.py"), *HOME.rglob("*.js")]
    found = {str(path): COLOUR.findall(path.read_text(encoding="utf-8")) for path in files}
    assert {path for path, colours in found.items() if colours} == {palette.__file__}


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_a_style_has_the_colours_of_the_palette_each_once(path):
    colours = COLOUR.findall(path.read_text(encoding="utf-8"))
    assert set(colours) <= NUMBERS and len(colours) == len(set(colours))


@pytest.mark.parametrize("path", [path for path in STYLES if path.name != "inspector.css"], ids=lambda path: path.name)
def test_a_style_takes_paper_and_ink_as_those_in_python_do(path):
    """inspector.css comes after answer.css, and has no colours of its own."""
    text = path.read_text(encoding="utf-8")
    assert f"--paper: {theme.PAPER};" in text and f"--ink: {theme.INK};" in text and theme.FONT in text


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_outside_jupyter_names_each_colour_of_its_themes(path):
    text = path.read_text(encoding="utf-8")
    named = re.findall(rf"--[\w-]+: {COLOUR.pattern}", text)
    assert named and len(named) == len(COLOUR.findall(text))


def test_the_palette_names_no_number_twice():
    names = [name for name, value in vars(palette).items() if isinstance(value, str) and COLOUR.fullmatch(value)]
    assert len(names) == len(NUMBERS) > 8
