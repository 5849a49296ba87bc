"""The glossary: in order, each term in one sentence with its notebooks, and every link of a page leads to a term."""
import json
import re
from pathlib import Path

from mistral_edu import course

import pytest

ROOT = Path(__file__).parents[1]
TERMS = dict(re.findall(r"^### (.+)\n(.+)$", (ROOT / "docs/glossary.md").read_text(encoding="utf-8"), flags=re.M))


def anchor(heading):
    """What a heading is linked by."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_terms_are_in_order_and_name_notebooks_of_the_course():
    assert len(TERMS) > 8 and list(TERMS) == sorted(TERMS, key=str.lower)
    for term, sentence in TERMS.items():
        numbers = re.search(r"[.?] \((\d\d(?:, \d\d)*)\)$", sentence)
        assert numbers, f"{term}: ends in no notebook's number"
        assert all(course.find(number) for number in numbers[1].split(", "))


def letters_of(number):
    """The letters in the formulas of a page; words in them, such as \\mathrm{dim}, are left out."""
    cells = json.loads(course.find(number).path.read_text(encoding="utf-8"))["cells"]
    prose = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    formulas = " ".join(re.findall(r"\$\$?([^$]+)\$\$?", prose))
    return set(re.findall(r"\\[a-z]+|[A-Za-z]", re.sub(r"\\(?:mathrm|text)\{[^}]*\}", " ", formulas)))


def test_letters_are_those_of_the_pages():
    table = (ROOT / "docs/glossary.md").read_text(encoding="utf-8").split("## Letters\n")[1]
    rows = re.findall(r"^\| \$(\S+)\$ \| (.+) \|$", table, flags=re.M)
    assert len(rows) > 30
    for letter, meanings in rows:
        for number in re.findall(r"\b\d\d\b", meanings):
            assert letter in letters_of(number), f"{letter} in {number}"


@pytest.mark.parametrize("notebook", course.ready(), ids=lambda notebook: notebook.number)
def test_links_of_pages_lead_to_what_is_there(notebook):
    cells = json.loads(notebook.path.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    links = re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", prose)
    assert links
    for path, term in links:
        assert (notebook.path.parent / path).is_file(), path
        if term:
            assert path == "../docs/glossary.md" and term in map(anchor, TERMS), term
