"""What every notebook keeps to, and proof that a changed digit in a stored output is seen.

nbval compares the notebooks cell by cell (see conftest.py). Here notebook 00 runs a second time, as it would on a
machine without the fast path and without the fast BLAS.
"""
import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from mistral_edu import course
from mistral_edu.course.refresh import fingerprint, is_measured, mark_exercises, mark_what_is_planned
from mistral_edu.lab.exercises.bank import exercises_of
from names_in_notebooks import names_with_two_meanings

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, writes

ROOT = Path(__file__).parents[1]
NOTEBOOKS = [notebook.path for notebook in course.COURSE if notebook.path.is_file()]
TRANSLATIONS = sorted((ROOT / "notebooks").glob("*.*.ipynb"))
EXEMPT = {"nbval-ignore-output", "nbval-skip"}
MAY_RAISE = {"raises-exception", "nbval-raises-exception"}
LONGEST_LINE, LONGEST_CELL = 105, 18       # what is seen at once beside an open file browser; aim at 15 lines
LARGEST_FILE = 1_000_000                   # bytes
SECONDS = 60                               # for Restart & Run All on two cores, if nothing else takes them


def cells(path, kind="code"):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def source(cell):
    return "".join(cell["source"])


def tags(cell):
    return set(cell["metadata"].get("tags", ()))


def compared(cell):
    return not tags(cell) & EXEMPT and not re.search(r"^\s*#\s*NBVAL_(SKIP|IGNORE_OUTPUT)", source(cell), flags=re.M)


def python_of(cell):
    """The cell's Python; lines that are IPython's own become blank, and a cell that another language owns is empty."""
    if source(cell).startswith("%%"):
        return ""
    return re.sub(r"^[%!].*$", "", source(cell), flags=re.M)


@pytest.fixture(params=[*NOTEBOOKS, *TRANSLATIONS], ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def english(request):
    """For what words tell; test_languages.py compares translations with these pages."""
    return request.param


def test_there_are_notebooks():
    assert NOTEBOOKS and NOTEBOOKS[0].name == "00_start_here.ipynb"
    assert NOTEBOOKS == [notebook.path for notebook in course.ready()]
    assert sorted([*NOTEBOOKS, *TRANSLATIONS]) == sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_outputs_are_stored_from_one_run_from_top_to_bottom(path):
    """A notebook without execution counts would pass every comparison."""
    assert [cell["execution_count"] for cell in cells(path)] == list(range(1, len(cells(path)) + 1))


def test_nine_cells_in_ten_are_compared(path):
    strict = sum(compared(cell) for cell in cells(path))
    assert strict >= 0.9 * len(cells(path)), f"{strict} of {len(cells(path))}"


def test_no_error_is_stored_but_those_that_are_meant(path):
    for cell in cells(path):
        unwanted = [o for o in cell["outputs"] if o["output_type"] == "error" or o.get("name") == "stderr"]
        assert not unwanted or tags(cell) & MAY_RAISE, cell["id"]


def test_nothing_stored_belongs_to_one_machine(path):
    for cell in cells(path):
        for output in cell["outputs"]:
            data = {kind: text for kind, text in output.get("data", {}).items() if not kind.startswith("image/")}
            text = json.dumps([output.get("text"), data], ensure_ascii=False)
            assert not re.search(r"/(home|root|Users|tmp|private|opt)/|0x[0-9a-f]{6,}", text), cell["id"]
            assert str(ROOT) not in text and sys.prefix not in text, cell["id"]
    metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
    assert set(metadata) == {"kernelspec", "language_info"} and metadata["kernelspec"]["name"] == "python3"


def test_the_file_is_small(path):
    assert path.stat().st_size < LARGEST_FILE


def test_cell_ids_are_names_and_each_is_there_once(path):
    ids = [cell["id"] for kind in ("code", "markdown") for cell in cells(path, kind)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{1,40}", name) for name in ids)


def test_cells_can_be_read_at_a_glance(path):
    for cell in cells(path):
        lines = source(cell).splitlines()
        assert len(lines) <= LONGEST_CELL and max(map(len, lines)) <= LONGEST_LINE, cell["id"]


def test_imports_stand_in_the_first_cell_and_mistral_edu_first(path):
    first, *others = [ast.parse(python_of(cell)) for cell in cells(path)]
    imports = [node for node in ast.walk(first) if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert isinstance(imports[0], ast.Import) and imports[0].names[0].name == "mistral_edu"
    assert not any(isinstance(node, (ast.Import, ast.ImportFrom)) for tree in others for node in ast.walk(tree))


def test_random_draws_have_their_seed_beside_them(path):
    for cell in cells(path):
        if re.search(r"\brandom\.(normal|uniform|randint|categorical|bernoulli)\b", source(cell)):
            assert re.search(r"random\.seed\(|random\.key\(|default_rng\(\d", source(cell)), cell["id"]


def test_headings_are_one_title_and_numbered_sections(path):
    text = "\n".join(map(source, cells(path, "markdown")))
    number = path.stem[:2]
    assert re.findall(r"^# (\d\d) ", text, flags=re.M) == [number]
    sections = re.findall(r"^## (\S+) ", text, flags=re.M)
    assert sections == [f"{int(number)}.{n}" for n in range(1, len(sections) + 1)]


def test_minutes_are_those_of_its_sections_and_exercises(english):
    """The title says what the sections add up to."""
    text = "\n".join(map(source, cells(english, "markdown")))
    minutes = course.find(english.stem[:2]).minutes
    assert minutes >= 10 and f"about {minutes} minutes" in " ".join(text.split())
    for exercise in exercises_of(english.stem[:2]):
        assert f"### Exercise {exercise.label} ({exercise.minutes} minutes)" in text


def test_labels_are_those_of_the_sections_they_stand_in(path):
    section = f"{int(path.stem[:2])}.0"
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        section = (re.findall(r"^## (\S+) ", source(cell), flags=re.M) or [section])[-1]
        if cell["cell_type"] == "code":
            labels = re.findall(r"\b(?:predict|outcome|check|hint)\(\"([^\"]+)\"", source(cell))
            assert set(labels) <= {section}, cell["id"]


def test_a_name_keeps_one_meaning(path):
    """So that a cell may be run again at any time."""
    assert names_with_two_meanings(json.loads(path.read_text(encoding="utf-8"))) == []


def test_names_with_two_meanings_are_found():
    def found(*sections):
        notebook = new_notebook()
        for n, code in enumerate(sections):
            notebook.cells += [new_markdown_cell(f"## 1.{n} Section"), *map(new_code_cell, code)]
        return [line.split(":")[0] for line in names_with_two_meanings(notebook)]

    assert found(["W = 3", "print(W)"], ["W = 128"]) == ["W"]
    assert found(["W = 3", "def f():\n    return W", "f()"], ["W = 128"]) == ["W"]
    assert found(["ids = 'a text'"], ["ids = [1, 2]", "for i in ids:\n    print(i)"]) == ["ids"]
    assert found(["fig = 1\nprint(fig)"], ["fig = 2\nprint(fig)"]) == []  # each cell binds it before it reads it
    assert found(["W = 3", "print(W)"], ["def f(W):\n    return W", "[W for W in 'ab']"]) == []
    assert found(["W = 3", "print(W)"], ["W = 3"]) == []                              # the same thing twice


def test_what_is_written_into_the_page_from_elsewhere_is_current(path):
    notebook = nbformat.read(path, as_version=4)
    mark_exercises(notebook, path.name[:2])
    mark_what_is_planned(notebook)
    assert notebook == nbformat.read(path, as_version=4), f"run: make refresh NB={path.name[:2]}"


def test_measured_figures_are_of_this_code_and_of_these_weights(path):
    notebook = nbformat.read(path, as_version=4)
    for cell in filter(is_measured, notebook.cells):
        mark = cell.metadata["mistral_edu"]["measured"]
        assert mark == fingerprint(notebook, cell.id), f"{cell.id}: run: make refresh NB={path.name[:2]}"


def test_nothing_is_fetched_from_the_network(path):
    for cell in cells(path, "markdown"):
        in_markdown = re.search(r"!\[[^]]*\]\(\s*(https?:)?//", source(cell))
        in_html = re.search(r"<(img|script|iframe|link)[^>]+(src|href)=[\"']?(https?:)?//", source(cell))
        assert not in_markdown and not in_html, cell["id"]


def test_pictures_have_words(path):
    for cell in cells(path):
        for output in cell["outputs"]:
            if "image/png" in output.get("data", {}):
                assert len(output["metadata"].get("image/png", {}).get("alt", "")) > 20, cell["id"]


def test_exercises_can_be_made_into_a_course(path):
    """Each exercise has an answer cell that Run All survives, a check and a hint, with minutes and points."""
    roles = {}
    for cell in cells(path):
        notes = cell["metadata"].get("mistral_edu", {})
        if "exercise" in notes:
            assert set(notes) >= {"exercise", "role", "minutes", "points"}, cell["id"]
            assert isinstance(notes["minutes"], int) and isinstance(notes["points"], int)
            roles.setdefault(notes["exercise"], {})[notes["role"]] = cell
    assert roles, "no exercise"
    for label, role in roles.items():
        assert label.split(".")[0] == str(int(path.stem[:2]))
        assert set(role) == {"answer", "check", "hint"}
        assert "raise NotImplementedError" in source(role["answer"])
        assert f'check("{label}"' in source(role["check"]) and f'hint("{label}")' in source(role["hint"])
        assert (ROOT / "solutions" / f"{path.stem[:2]}_solutions.md").is_file()


def run_nbval(path, **environment):
    """nbval over a notebook, with this project's settings: seconds of processors, how many cells passed, which failed,
    the report."""
    command = [sys.executable, "-m", "pytest", "-q", "-rf", "--color=no", "-p", "no:cacheprovider", "-p", "conftest",
               "--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"), str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    before = os.times()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT)
    after = os.times()
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    failed = [int(n) for n in re.findall(r"^FAILED .*Cell (\d+)", done.stdout, flags=re.M)]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed, done.stdout + done.stderr
    return seconds, int(passed[1]), failed, done.stdout


@pytest.mark.slow
def test_same_outputs_without_fast_path_and_fast_blas_and_a_changed_digit_is_seen(tmp_path):
    """Notebook 00 with one digit changed: only that cell may fail, and all others pass on stock MLX, in time."""
    notebook = json.loads(NOTEBOOKS[0].read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    number, output = next((n, o) for n, cell in enumerate(code) if cell["id"] == "weights" for o in cell["outputs"])
    changed = re.sub(r"\d(?=\D*$)", lambda digit: str((int(digit[0]) + 1) % 10), "".join(output["text"]), count=1)
    assert changed != "".join(output["text"])
    output["text"] = changed
    copy = tmp_path / "copy.ipynb"
    copy.write_text(json.dumps(notebook), encoding="utf-8")
    seconds, passed, failed, report = run_nbval(copy, MISTRAL_EDU_FAST="0", MISTRAL_EDU_BLAS="0")
    assert failed == [number], report
    assert passed == len(code) - 1
    assert seconds < SECONDS


FRONT_END = {       # cell: what stays on the page once it has run
    "import ipywidgets\nfrom IPython.display import clear_output, display": None,
    "for n in range(3):\n    clear_output(wait=True)\n    print(n)": "2\n",
    "handle = display('first', display_id='h')\nhandle.update('second')": "'second'",
    "out = ipywidgets.Output()\nwith out:\n    print('inside')\nprint('outside')": "outside\n",
    "1 + 1;": None,
    "print('2 + 2 = 4')": "2 + 2 = 5\n",
}


@pytest.mark.slow
def test_nbval_sees_what_a_front_end_shows(tmp_path):
    """Cleared outputs, updated displays, Output widgets, a silenced result pass; the last cell's wrong digit fails."""
    notebook = new_notebook()
    for n, (text, shown) in enumerate(FRONT_END.items(), 1):
        cell = new_code_cell(text, execution_count=n)
        if shown and shown.startswith("'"):
            cell.outputs = [new_output("display_data", {"text/plain": shown})]
        elif shown:
            cell.outputs = [new_output("stream", name="stdout", text=shown)]
        notebook.cells.append(cell)
    path = tmp_path / "front_end.ipynb"
    path.write_text(writes(notebook), encoding="utf-8")
    _, passed, failed, report = run_nbval(path)
    assert (passed, failed) == (5, [5]), report
