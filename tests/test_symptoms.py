"""docs/symptoms.md: every row of every symptom table, under the heading where one would look for it."""
import json

from mistral_edu import course
from mistral_edu.course import symptoms


def test_the_page_is_made_of_the_tables_as_they_are():
    assert (course.DOCS / "symptoms.md").read_text(encoding="utf-8") == symptoms.page(), "run: make readme"


def test_no_row_is_lost():
    """Lines below the heading of a table of symptoms, counted in another way."""
    rows, listed = 0, sum(symptoms.by_kind().values(), [])
    for notebook in course.ready():
        cells = json.loads(notebook.path.read_text(encoding="utf-8"))["cells"]
        prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        lines = prose.split("\n")
        below = lines[lines.index("| symptom | likely cause | what to check |") + 2:]
        rows += next(n for n, line in enumerate(below) if not line.startswith("|"))
    assert len(listed) == rows > 5 * len(course.ready())
    assert {row.notebook for row in listed} == set(course.ready())


def test_causes_of_one_symptom_stand_together():
    short = symptoms.by_kind()["Short texts right, longer ones wrong"]
    assert {"04", "05", "06", "08", "10", "11", "12"} <= {row.notebook.number for row in short}
    assert all(rows for rows in symptoms.by_kind().values())
    assert len(symptoms.by_kind()["Anything else"]) < len(sum(symptoms.by_kind().values(), [])) / 8


def test_a_row_that_says_the_same_stands_below_the_row_it_means():
    for rows in symptoms.by_kind().values():
        for before, row in zip([None, *rows], rows):
            assert not row.as_before or before.notebook == row.notebook
