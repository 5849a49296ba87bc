"""Refreshing a notebook twice gives the same bytes, and only what a reader sees is stored."""
import re
import sys

from mistral_edu.course.refresh import find, main, refresh

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

CELLS = {
    "words": "print('one'); print('two')\nimport sys; sys.executable",
    "picture": "import matplotlib.pyplot as plt\n_ = plt.plot([1, 2])\nplt.show()",
    "slider": "import ipywidgets\nipywidgets.IntSlider(3)",
    "clock": "import time\ntime.perf_counter()",
}
pytestmark = pytest.mark.slow              # each refresh starts a kernel


def write(path, cells):
    notebook = new_notebook(cells=[new_markdown_cell("# A notebook", id="title")])
    notebook.cells += [new_code_cell(source, id=name) for name, source in cells.items()]
    for cell in notebook.cells:
        if cell.id == "clock":
            cell.metadata["tags"] = ["nbval-ignore-output"]
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory):
    """A notebook after one refresh: (path, its text)."""
    path = tmp_path_factory.mktemp("refresh") / "05_small.ipynb"
    write(path, CELLS)
    assert refresh(path) == 4
    return path, path.read_text(encoding="utf-8")


def test_a_second_refresh_changes_no_byte(refreshed):
    path, before = refreshed
    refresh(path)
    assert path.read_text(encoding="utf-8") == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_is_stored_is_what_a_reader_sees(refreshed):
    notebook = nbformat.reads(refreshed[1], as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in code] == list(CELLS)
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4]
    assert code[0].outputs[0].text == "one\ntwo\n"
    assert code[0].outputs[1].data["text/plain"] == repr(sys.executable)       # whatever kernels are installed
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert not any("execution" in cell.metadata for cell in code)


def test_measured_figures_stay_while_their_code_does(refreshed, tmp_path):
    def clock(path):
        return nbformat.read(path, as_version=4).cells[-1].outputs[0].data["text/plain"]
    path = tmp_path / "clock.ipynb"
    write(path, {"clock": CELLS["clock"]})
    refresh(path)
    first = clock(path)
    refresh(path)
    assert clock(path) == first
    path.write_text(path.read_text(encoding="utf-8").replace("import time", "import time  # edited"), encoding="utf-8")
    refresh(path)
    assert clock(path) != first


def test_a_cell_that_fails_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "broken.ipynb"
    write(path, {"fine": "print(1)", "broken": "1 / 0"})
    before = path.read_bytes()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        refresh(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["broken.ipynb"]


def test_notebooks_are_found_by_their_number(tmp_path, monkeypatch, capsys):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "05_small.ipynb").touch()
    monkeypatch.chdir(tmp_path)
    assert [path.name for path in find("05")] == ["05_small.ipynb"]
    (tmp_path / "notebooks" / "05_small.de.ipynb").touch()
    assert [path.name for path in find("05")] == ["05_small.de.ipynb", "05_small.ipynb"]
    (tmp_path / "notebooks" / "05_other.ipynb").touch()
    with pytest.raises(FileNotFoundError, match="matches 3 files"):
        find("05")
    assert main(["06"]) == 2
    assert re.search(r"06_\*\.ipynb matches 0 files", capsys.readouterr().err)
