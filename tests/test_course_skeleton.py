"""A new notebook: its page runs, its exercise accepts its solution and names its slips, and nothing is written over."""
import re

import mistral_edu.lab
from mistral_edu import course
from mistral_edu.course.skeleton import main, skeleton
from mistral_edu.lab import check
from mistral_edu.lab.exercises.bank import exercises_of

import nbformat
import pytest


@pytest.fixture
def planned():
    """A notebook of the course that is not written yet."""
    left = [notebook for notebook in course.COURSE if not notebook.ready]
    if not left:
        pytest.skip("every notebook of the course is written")
    return left[-1]


def code_of(path):
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


def test_a_new_page_runs_and_its_exercise_works(planned, tmp_path, monkeypatch, capsys):
    files = skeleton(planned.number, "trial", home=tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in files] == [
        f"mistral_edu/lab/n{planned.number}_trial/__init__.py", f"mistral_edu/lab/n{planned.number}_trial/exercises.py",
        f"solutions/{planned.number}_solutions.md", f"notebooks/{planned.path.name}"]
    monkeypatch.setattr(mistral_edu.lab, "__path__", [*mistral_edu.lab.__path__, str(tmp_path / "mistral_edu" / "lab")])
    names = {}
    for source in code_of(files[-1]):
        exec(source, names)
    printed = capsys.readouterr().out
    assert "not started yet" in printed and "largest difference: 0.0e+00" in printed
    solution = re.search(r"^```python\n(.*?)^```", files[2].read_text(encoding="utf-8"), flags=re.M | re.S)[1]
    exec(solution, names)
    exercise, = exercises_of(planned.number)
    assert check(exercise.label, names["mean"])
    for wrong, sentence in exercise.slips:
        assert sentence in check(exercise.label, wrong).message


def test_what_is_there_stays_as_it_is(planned, tmp_path):
    page = tmp_path / "notebooks" / planned.path.name
    page.parent.mkdir()
    page.write_text("mine")
    with pytest.raises(FileExistsError, match="already exists, and nothing was written"):
        skeleton(planned.number, "trial", home=tmp_path)
    assert page.read_text() == "mine" and [path.name for path in tmp_path.iterdir()] == ["notebooks"]


@pytest.mark.parametrize("arguments, message", [(["77", "trial"], "it has 00 to 19"), (["05", "two words"], "a word")])
def test_what_does_not_fit_is_refused(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
