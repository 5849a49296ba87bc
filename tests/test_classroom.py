"""A course for nbgrader: what its sources hold, and that the releases are those that nbgrader would make."""
import ast
import re
import subprocess
import sys
from pathlib import Path

from mistral_edu import course
from mistral_edu.classroom.assignment import as_text, source_of
from mistral_edu.classroom.build import build
from mistral_edu.classroom.hidden import further_cases
from mistral_edu.classroom.release import release_of
from mistral_edu.classroom.tasks import all_tasks, cells_of
from mistral_edu.commands.main import main
from mistral_edu.lab.exercises.bank import find

import mlx.core as mx
import nbformat
import pytest

GOLDEN = Path(__file__).parent / "golden"
TASKS = all_tasks()


def cell(notebook, name):
    return next(one for one in notebook["cells"] if one["id"] == name)


@pytest.fixture(scope="module")
def sources():
    return {number: source_of(number) for number in {task.notebook for task in TASKS}}


def test_a_release_is_what_nbgrader_made_of_the_same_source():
    """golden/make_nbgrader.py says how both files were made."""
    source = nbformat.reads((GOLDEN / "nbgrader_source.json").read_text(encoding="utf-8"), as_version=4)
    assert as_text(release_of(source)) == (GOLDEN / "nbgrader_release.json").read_text(encoding="utf-8")


def test_releases_are_those_of_the_nbgrader_that_is_installed(tmp_path):
    pytest.importorskip("nbgrader")
    build(tmp_path, ["00", "05", "09"])
    ours = {path: path.read_bytes() for path in tmp_path.glob("release/*/*.ipynb")}
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "--assignment=*"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert len(ours) == 3 and ours == {path: path.read_bytes() for path in ours}


def test_the_tasks_are_the_exercises_of_the_bank():
    for task in TASKS:
        exercise = find(task.label)
        assert (task.name, task.points) == (exercise.reference.__name__, exercise.points)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.label)
def test_a_source_holds_solution_and_tests_and_the_release_the_page_again(sources, task):
    source = sources[task.notebook]
    answer, tests = cell(source, task.answer_id), cell(source, task.check_id)
    assert "### BEGIN SOLUTION" in answer["source"] and "raise NotImplementedError" not in answer["source"]
    assert f'\nfurther_cases("{task.label}", {task.name})\n### END HIDDEN TESTS' in tests["source"]
    assert tests["metadata"]["nbgrader"] == {"schema_version": 3, "grade_id": task.check_id, "grade": True,
                                             "solution": False, "locked": True, "task": False, "points": task.points}
    release = release_of(source)
    released = cell(release, task.answer_id)
    assert ast.dump(ast.parse(released["source"])) == ast.dump(ast.parse(task.source))
    assert cell(release, task.check_id)["source"] == f'assert check("{task.label}", {task.name})'
    assert released["metadata"]["nbgrader"]["solution"] and released["metadata"]["deletable"] is False


def test_both_versions_are_sound_notebooks_without_outputs_links_or_an_authors_kernel(sources):
    for number, source in sources.items():
        for notebook in (source, release_of(source)):
            nbformat.validate(nbformat.reads(as_text(notebook), as_version=4))
            assert notebook["metadata"]["kernelspec"]["name"] == "python3"
            assert not any(one.get("outputs") for one in notebook["cells"])
            assert not any("](../" in one["source"] for one in notebook["cells"])
        assert [one["id"] for one in source["cells"]] == [one["id"] for one in cells_of(number)]


def test_points_stand_beside_minutes():
    text = cell(source_of("00"), "exercise-0-3")["source"]
    assert text.startswith("### Exercise 0.3 (5 minutes, 2 points)\n")


def test_making_an_assignment_leaves_the_page_as_it_is():
    before = repr(cells_of("00"))
    release_of(source_of("00"))
    assert repr(cells_of("00")) == before


def test_hidden_tests_catch_what_is_right_by_hand_only():
    slip = next(wrong for wrong, sentence in find("0.3").slips if sentence.startswith("these are the means of the ex"))
    further_cases("0.3", find("0.3").reference)
    with pytest.raises(AssertionError, match="these are the means of the example"):
        further_cases("0.3", slip)


def test_hidden_tests_forbid_what_the_check_forbids():
    """A sum over one process changes nothing, so the result alone would not show it."""
    def with_sum(*arguments):
        return mx.distributed.all_sum(find("19.2").reference(*arguments))
    further_cases("19.2", find("19.2").reference)
    with pytest.raises(AssertionError, match="without all_sum"):
        further_cases("19.2", with_sum)


def test_a_course_is_written_and_its_changed_files_stay(tmp_path, capsys):
    folder = tmp_path / "course"
    assert main(["classroom", "build", "--folder", str(folder), "5", "00", "05"]) == 0
    assert capsys.readouterr().out == "05_attention\n00_start_here\n"
    written = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert written == ["nbgrader_config.py", *(f"{version}/{name}/{name}.ipynb" for version in ("release", "source")
                                               for name in ("00_start_here", "05_attention"))]
    compile((folder / "nbgrader_config.py").read_text(), "nbgrader_config.py", "exec")
    build(folder, ["00"])                                            # nothing was changed, so nothing is in the way
    mine = folder / "source/00_start_here/00_start_here.ipynb"
    mine.write_text(mine.read_text().replace("further_cases", "more_cases"))
    for path in folder.glob("release/*/*"):
        path.unlink()
    with pytest.raises(FileExistsError, match="00_start_here.ipynb exists and differs .* --force"):
        build(folder, ["00"])
    assert "more_cases" in mine.read_text() and not list(folder.glob("release/*/*"))
    build(folder, ["00"], force=True)
    assert "more_cases" not in mine.read_text()


def test_what_cannot_be_built_is_named(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="the course has no notebook 77; ready: 00, 01"):
        build(tmp_path, ["77"])
    monkeypatch.setattr("mistral_edu.classroom.build.tasks_of", lambda number: ())
    with pytest.raises(ValueError, match="notebook 00, Start here, has no exercise"):
        build(tmp_path, ["00"])
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    (tmp_path / "mine").touch()
    with pytest.raises(OSError, match="mine cannot be a folder, since there is a file of that name; choose another"):
        build(tmp_path / "mine", ["00"])


def test_a_solution_that_needs_more_than_its_function_is_refused(tmp_path, monkeypatch):
    text = (course.SOLUTIONS / "00_solutions.md").read_text(encoding="utf-8")
    (tmp_path / "00_solutions.md").write_text(re.sub("^```python\n", "```python\nhelper = 1\n", text, flags=re.M))
    monkeypatch.setattr(course, "SOLUTIONS", tmp_path)
    with pytest.raises(ValueError, match="the solution of 0.3 defines helper beside subtract_row_mean"):
        source_of("00")


def questions():
    """{number of a notebook: (title, text)} of the page of questions."""
    page = (course.DOCS / "teaching_questions.md").read_text(encoding="utf-8")
    parts = re.split(r"^### (\d\d) (.*)\n", page, flags=re.M)[1:]
    return {number: (title, text) for number, title, text in zip(*[iter(parts)] * 3)}


def test_the_page_of_questions_has_two_or_three_for_every_notebook():
    found = questions()
    assert {number: title for number, (title, _) in found.items()} == {one.number: one.title for one in course.ready()}
    assert all(2 <= len(re.findall("^- ", text, flags=re.M)) <= 3 for _, text in found.values())


def test_the_sections_that_it_names_are_there():
    """(1.0) is a prediction before the first section, and is named by its label."""
    cells = ["".join(one["source"]) for notebook in course.ready() for one in cells_of(notebook.number)]
    there = set(re.findall(r"^###? (?:Exercise )?(\d+\.\d+) ", "\n".join(cells), flags=re.M))
    there |= set(re.findall(r'^predict\("(\d+\.\d+)"', "\n".join(cells), flags=re.M))
    named = set()
    for _, text in questions().values():
        for group in re.findall(r"\(((?:exercise )?\d+\.\d+(?:, \d+\.\d+)*)\)|in (\d+\.\d+):", text):
            named |= set(re.findall(r"\d+\.\d+", " ".join(group)))
    assert len(named) > 60 and named <= there, named - there


def test_its_figures_are_printed_or_told_by_the_pages():
    """Numbers of three digits or with a point, but no labels of sections: each stands on the notebook's own page."""
    missing = []
    for number, (_, text) in questions().items():
        page = "".join("".join(one["source"]) + "".join("".join(out.get("text", "")) for out in one.get("outputs", ()))
                       for one in cells_of(number))
        text = re.sub(r"\((?:exercise )?\d+\.\d+(?:, \d+\.\d+)*\)|\bin \d+\.\d+|[Ss]ection \d+\.\d+|Exercise \d+\.\d+",
                      "", text)
        figures = re.findall(r"\d[\d,]*\d{2}(?:\.\d+)?|\d+\.\d+", text)
        missing += [(number, figure) for figure in figures if figure not in page]
    assert not missing
