"""A learner's copies: what is empty in them, when a newer lesson replaces them, and that nothing of theirs is lost."""
import json
import os
from pathlib import Path

from mistral_edu import course
from mistral_edu.course import copies, handout

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

START, WINDOW = "00_start_here.ipynb", "08_sliding_window_attention.ipynb"
BESIDE = "08_sliding_window_attention (new lesson).ipynb"


def code(source, printed):
    return new_code_cell(source, execution_count=1, outputs=[new_output("stream", text=printed)])


def lesson(path, title):
    """Store a small lesson, with all its outputs."""
    links = "See [help](../docs/help.md), [why](../solutions/08_solutions.md), [x](https://x.org)."
    cells = [new_markdown_cell(f"# {title}\n{links}"),
             code("from mistral_edu.lab import predict, outcome, hint", "imported\n"), code('hint("8.1")', "Hint 1\n"),
             code('predict("8.1", "?")', "still open\n"), code('outcome("8.1", 3)', "Outcome 8.1: 3\n")]
    nbformat.write(new_notebook(cells=cells), path)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone with two notebooks, a page of help and solutions, from which copies are given."""
    home = tmp_path / "clone"
    for name in ("notebooks", "solutions", "docs"):
        (home / name).mkdir(parents=True)
        monkeypatch.setattr(course, name.upper(), home / name)
    monkeypatch.setattr(course, "HOME", home)
    lesson(home / "notebooks" / START, "Start")
    lesson(home / "notebooks" / WINDOW, "Window, first edition")
    (home / "docs" / "help.md").write_text("[the window](../notebooks/08_sliding_window_attention.ipynb)\n"
                                           "![A panel\nwith a button.](panel.png)\n")
    (home / "solutions" / "08_solutions.md").write_text("three\n")
    return home


@pytest.fixture
def mine(clone):
    """The folder of the learner's copies."""
    give(clone / "mistral-notebooks")
    return clone / "mistral-notebooks"


def give(folder):
    """What each start of `mistral-edu lab` does."""
    return handout.hand_out(folder, copies.files())


def change(path, text):
    """What a learner does: writes into a cell, and saves."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = text
    nbformat.write(notebook, path)


def title(path):
    return nbformat.read(path, as_version=4).cells[0].source.split("\n")[0]


def everything(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_learner_gets_the_pages_the_solutions_and_the_docs(mine, clone):
    assert sorted(everything(mine)) == [".course.json", START, WINDOW, "docs/help.md", "solutions/08_solutions.md"]
    text = nbformat.read(mine / WINDOW, as_version=4).cells[0].source
    assert text.endswith("See [help](docs/help.md), [why](solutions/08_solutions.md), [x](https://x.org).")
    help_page = (mine / "docs/help.md").read_text()
    assert help_page.startswith("[the window](../08_sliding_window_attention.ipynb)\n")
    assert help_page.endswith("\n(Picture: A panel\nwith a button.)\n")          # a learner's folder holds no pictures


def test_outputs_end_at_the_first_prediction_and_hints_are_not_shown(mine):
    notebook = nbformat.read(mine / WINDOW, as_version=4)
    nbformat.validate(notebook)
    shown = {cell.source.split("(")[0]: (len(cell.outputs), cell.execution_count) for cell in notebook.cells[1:]}
    assert shown == {"from mistral_edu.lab import predict, outcome, hint": (1, 1), "hint": (0, None),
                     "predict": (0, None), "outcome": (0, None)}


@pytest.mark.parametrize("notebook", course.ready(), ids=lambda notebook: notebook.number)
def test_in_the_real_pages_nothing_but_outputs_and_links_goes(notebook):
    stored = json.loads(notebook.path.read_text(encoding="utf-8"))
    begun = json.loads(copies.copy_of(notebook.path.read_text(encoding="utf-8")))
    code_cells = [cell for cell in begun["cells"] if cell["cell_type"] == "code"]
    first = next(n for n, cell in enumerate(code_cells) if "".join(cell["source"]).startswith("predict("))
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code_cells[first:])
    assert any(cell["outputs"] for cell in code_cells[:first])
    for cell in stored["cells"] + begun["cells"]:
        cell["source"] = "".join(cell["source"]).replace("](../", "](")
        cell["outputs"] = cell["execution_count"] = None
    assert begun == stored


def test_finished_pages_are_complete_and_the_stored_ones_are_not_touched(clone, mine):
    before = everything(clone / "notebooks")
    folder, page, _ = copies.prepare("08", str(mine), finished=True)
    assert (folder, page) == (mine, f"finished/{WINDOW}")
    assert {name: text for name, text in everything(mine / "finished").items()} == before
    change(mine / page, "# Mine")
    copies.prepare("08", str(mine), finished=True)
    assert title(mine / page) == "# Mine" and everything(clone / "notebooks") == before


def test_a_second_time_nothing_is_written(mine, monkeypatch):
    def refuse(path, text):
        raise AssertionError(f"{path} was written")
    monkeypatch.setattr(handout, "_write", refuse)
    assert give(mine) == []


def test_a_newer_lesson_takes_the_place_of_an_unchanged_page(clone, mine):
    lesson(clone / "notebooks" / WINDOW, "Window, second edition")
    (clone / "solutions" / "08_solutions.md").write_text("four\n")
    assert give(mine) == []
    assert title(mine / WINDOW) == "# Window, second edition" and not (mine / BESIDE).exists()
    assert (mine / "solutions/08_solutions.md").read_text() == "four\n"


def test_opening_and_saving_a_page_is_no_change_but_running_it_is(clone, mine):
    saved = nbformat.read(mine / START, as_version=4)
    saved.metadata.language_info = {"name": "python", "version": "3.11.7"}           # as JupyterLab does
    saved.cells[1].metadata.collapsed, saved.cells[1].execution_count = True, 7
    (mine / START).write_text(json.dumps(saved, sort_keys=True))
    run = nbformat.read(mine / WINDOW, as_version=4)
    run.cells[-1].outputs = [new_output("stream", text="Outcome 8.1: 3\n")]
    nbformat.write(run, mine / WINDOW)
    for name in (START, WINDOW):
        lesson(clone / "notebooks" / name, "Second edition")
    said = give(mine)
    assert title(mine / START) == "# Second edition" and title(mine / WINDOW) == "# Window, first edition"
    assert len(said) == 1 and BESIDE in said[0]


def test_beside_a_changed_page_the_newer_lesson_comes_once_and_is_said_once(clone, mine):
    change(mine / WINDOW, "# Mine")
    assert give(mine) == [] and not (mine / BESIDE).exists()                  # the lesson is still the same
    lesson(clone / "notebooks" / WINDOW, "Window, second edition")
    assert give(mine) == [f"You have changed {WINDOW}, so it stays. The newer lesson is beside it: {BESIDE}"]
    assert title(mine / WINDOW) == "# Mine" and title(mine / BESIDE) == "# Window, second edition"
    assert give(mine) == []
    (mine / BESIDE).unlink()
    assert give(mine) == [] and not (mine / BESIDE).exists()                  # read, and thrown away


def test_a_third_lesson_takes_the_place_of_the_second_or_gets_a_number(clone, mine):
    change(mine / WINDOW, "# Mine")
    for edition in ("second", "third"):
        lesson(clone / "notebooks" / WINDOW, f"Window, {edition} edition")
        assert BESIDE in give(mine)[0]
        assert title(mine / BESIDE) == f"# Window, {edition} edition"
    change(mine / BESIDE, "# Mine, too")
    lesson(clone / "notebooks" / WINDOW, "Window, fourth edition")
    numbered = "08_sliding_window_attention (new lesson 2).ipynb"
    assert numbered in give(mine)[0]
    assert [title(mine / name) for name in (WINDOW, BESIDE, numbered)] == [
        "# Mine", "# Mine, too", "# Window, fourth edition"]
    change(mine / numbered, "# Mine as well")
    assert give(mine) == [] and len(list(mine.glob("08*"))) == 3


def test_a_new_lesson_that_is_renamed_to_the_page_is_the_page(clone, mine):
    change(mine / WINDOW, "# Mine")
    lesson(clone / "notebooks" / WINDOW, "Window, second edition")
    give(mine)
    os.replace(mine / BESIDE, mine / WINDOW)
    assert give(mine) == [] and not (mine / BESIDE).exists()
    lesson(clone / "notebooks" / WINDOW, "Window, third edition")
    assert give(mine) == [] and title(mine / WINDOW) == "# Window, third edition"


def test_new_outputs_of_the_same_lesson_bring_no_second_file(clone, mine):
    change(mine / START, "# Mine")
    stored = nbformat.read(clone / "notebooks" / START, as_version=4)
    stored.cells[1].outputs[0].text = "measured anew\n"
    nbformat.write(stored, clone / "notebooks" / START)
    assert give(mine) == [] and len(list(mine.glob("00*"))) == 1


def test_a_deleted_page_stays_away_until_it_is_asked_for_by_its_number(clone, mine):
    (mine / WINDOW).unlink()
    (mine / START).unlink()
    lesson(clone / "notebooks" / WINDOW, "Window, second edition")
    assert copies.prepare(None, str(mine))[1] is None and not list(mine.glob("*.ipynb"))
    assert copies.prepare("8", str(mine))[1] == WINDOW
    assert title(mine / WINDOW) == "# Window, second edition" and not (mine / START).exists()


@pytest.mark.parametrize("manifest", [None, "", "{", "[]", '{"a": 1}', '{"00_start_here.ipynb": {"given": "x"}}'])
def test_without_a_sound_manifest_every_page_counts_as_changed(clone, mine, manifest):
    change(mine / WINDOW, "# Mine")
    lesson(clone / "notebooks" / START, "Start, second edition")
    before = everything(mine)
    (mine / ".course.json").unlink()
    if manifest is not None:
        (mine / ".course.json").write_text(manifest)
    said = "\n".join(give(mine))
    after = everything(mine)
    assert {name: after[name] for name in before if name != ".course.json"} == {
        name: text for name, text in before.items() if name != ".course.json"}
    assert (mine / BESIDE).exists() and (mine / "00_start_here (new lesson).ipynb").exists()
    assert ("was damaged" in said) == (manifest is not None)
    assert give(mine) == []                                                   # the new manifest is sound


def test_files_of_the_same_names_that_were_there_before_are_kept(clone, tmp_path):
    folder = tmp_path / "folder"
    (folder / "docs").mkdir(parents=True)
    (folder / START).write_bytes(b"\xff no notebook")
    (folder / "docs" / "help.md").write_text("mine\n")
    assert len(give(folder)) == 2
    assert (folder / START).read_bytes() == b"\xff no notebook"
    assert (folder / "docs" / "help.md").read_text() == "mine\n"
    assert title(folder / "00_start_here (new lesson).ipynb") == "# Start"


@pytest.mark.parametrize("renames", range(3))                            # START, the new lesson, the manifest
def test_after_a_crash_pages_are_whole_and_the_next_start_mends_the_rest(clone, mine, monkeypatch, renames):
    change(mine / WINDOW, "# Mine")
    lesson(clone / "notebooks" / START, "Start, second edition")
    lesson(clone / "notebooks" / WINDOW, "Window, second edition")
    rename, done = os.replace, []

    def crash(source, target):
        if len(done) == renames:
            raise KeyboardInterrupt
        done.append(target)
        rename(source, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", crash)
        give(mine)
    assert title(mine / START) == ("# Start, second edition" if renames else "# Start")
    assert title(mine / WINDOW) == "# Mine" and (mine / BESIDE).exists() == (renames == 2)
    give(mine)
    assert title(mine / START) == "# Start, second edition" and title(mine / BESIDE) == "# Window, second edition"
    assert title(mine / WINDOW) == "# Mine" and len(list(mine.glob("*.ipynb"))) == 3


def test_a_folder_that_cannot_be_written_is_said_and_its_pages_are_opened_all_the_same(clone, mine, monkeypatch):
    lesson(clone / "notebooks" / START, "Start, second edition")
    before = everything(mine)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    folder, page, sentences = copies.prepare("08", str(mine))
    assert page == WINDOW and "cannot be written (Permission denied)" in sentences[-1] and everything(mine) == before
    with pytest.raises(OSError, match="cannot be written .*--folder DIR"):
        copies.prepare("08", str(mine), finished=True)
    occupied = mine.parent / "README.md"
    occupied.write_text("a file")
    with pytest.raises(OSError, match="cannot be written .*--folder DIR"):
        copies.prepare("08", str(occupied))
    assert occupied.read_text() == "a file"


def test_where_the_copies_are(clone, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert copies.prepare()[::2] == (clone / "mistral-notebooks", [f"Your pages: {clone / 'mistral-notebooks'}"])
    assert copies.prepare(folder="course")[0] == tmp_path / "course"
    monkeypatch.setattr(course, "PACKAGE", clone)                         # as a wheel has it
    assert copies.prepare()[0] == tmp_path / "mistral-notebooks"
    monkeypatch.chdir(tmp_path / "mistral-notebooks")
    assert copies.prepare()[0] == tmp_path / "mistral-notebooks" == Path.cwd()


@pytest.mark.parametrize("asked", ["8", "08", "08_sliding", WINDOW])
def test_a_notebook_is_found_by_its_number_or_the_beginning_of_its_name(clone, asked):
    assert copies.find(asked).number == "08"


def test_a_notebook_that_is_not_there_is_told_from_one_that_is_not_written_yet(clone):
    with pytest.raises(ValueError, match="notebook 05, Attention, is not written yet; ready: 00, 08"):
        copies.prepare("05")
    with pytest.raises(ValueError, match="the course has no notebook 99; ready: 00, 08"):
        copies.prepare("99")
    assert not (clone / "mistral-notebooks").exists()
