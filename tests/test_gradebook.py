"""Who handed in which file, and the table with a line for each student."""
import csv
import io
import unicodedata
from pathlib import Path

from mistral_edu import course
from mistral_edu.classroom.collected import files_in, student_of
from mistral_edu.classroom.grade import Mark
from mistral_edu.classroom.gradebook import as_gradebook

import pytest

NAMES = {
    "ann.ipynb": "ann", "ann_05.ipynb": "ann", "05-ann.ipynb": "ann", "Jörg Weiß 05 attention.ipynb": "Jörg Weiß",
    "ann_05_attention.ipynb": "ann", "05_attention_ann.ipynb": "ann", "ann_05_attention (1).ipynb": "ann",
    "s_2023_17.ipynb": "s_2023_17", "group_12.ipynb": "group_12", "dr. lee.ipynb": "dr. lee", "ann.ipynb.txt": "ann",
    "ann/05_attention.ipynb": "ann", "ann/my work.ipynb": "ann", "group 5/x.ipynb": "group 5",
    "ann/05_attention/05_attention.ipynb": "ann", "05/ann.ipynb": "ann", "05_attention/ann/x.ipynb": "ann",
    "Ann Lee_4711_assignsubmission_file_/x.ipynb": "Ann Lee",
    "week 3/Ann Lee_4711_assignsubmission_file/x.ipynb": "Ann Lee",
    "Ann Lee_4711_assignsubmission_file_05_attention.ipynb": "Ann Lee",
    "leeann_4711_81234_05_attention-1.ipynb": "leeann_4711", "leeann_LATE_4711_81234_x.ipynb": "leeann_4711",
    "05_attention.ipynb": "around", "05_attention.de (2).ipynb": "around", "Copy of 05_attention.ipynb": "around",
}


@pytest.mark.parametrize("file, student", NAMES.items())
def test_a_student_is_known_by_the_name_of_a_file_or_a_folder(file, student):
    assert student_of(Path("around", file), Path("around"), "05") == student


def test_the_letters_of_macos_are_those_of_others():
    apart = unicodedata.normalize("NFD", "Jörg.ipynb")
    assert apart != "Jörg.ipynb" and student_of(Path(apart), Path(".")) == "Jörg"


def put(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_nobody_is_left_out_who_handed_in_something_else(tmp_path):
    put(tmp_path, "ann/05.ipynb", "ann/notes.txt", "ann/data/x.json", "ann/more.zip", "week 2/ann/08.html",
        "ann/.ipynb_checkpoints/05.ipynb", "__MACOSX/ann/._05.ipynb",
        "bob.zip", "cid/05.PY", "cid/picture.png", "dan/Page.IPYNB", "feedback/ann/05.html", "marks.csv")
    (tmp_path / "folder.ipynb").mkdir()
    found = files_in([tmp_path], apart=[tmp_path / "feedback", tmp_path / "marks.csv"])
    assert {file.relative_to(home).as_posix() for file, home in found.items()} == {
        "ann/05.ipynb", "ann/more.zip", "week 2/ann/08.html", "bob.zip", "cid/05.PY", "dan/Page.IPYNB"}


def test_students_are_the_same_whether_the_folder_is_named_or_what_is_in_it(tmp_path):
    put(tmp_path, "ann/05_attention.ipynb", "bob/05_attention.ipynb")
    ways = [tmp_path], sorted(tmp_path.iterdir()), sorted(tmp_path.glob("*/*"))
    for way in ways:
        assert [student_of(file, home, "05") for file, home in files_in(way).items()] == ["ann", "bob"]


def marks_of(student, file, notebook, **points):
    return [Mark(file, notebook, label.replace("_", ".")[1:], got, 3, student=student) for label, got in points.items()]


def test_a_line_for_each_student_a_column_for_each_page():
    """Zoë handed in one page, Ann one of them twice, Bob what nobody can read."""
    marks = [*marks_of("Zoë", "zoë.ipynb", "05", x5_4=3, x5_10=0), *marks_of("ann", "a.ipynb", "05", x5_4=0, x5_10=0),
             *marks_of("ann", "b.ipynb", "05", x5_4=0, x5_10=3), *marks_of("ann", "c.ipynb", "12", x12_2=3),
             Mark("bob.ipynb", remark="it is empty", student="Bob")]
    rows = list(csv.reader(io.StringIO(as_gradebook(marks))))
    assert rows == [
        ["student", "05 (of 6)", "12 (of 3)", "points", "of", "remark", "5.4 (of 3)", "5.10 (of 3)", "12.2 (of 3)"],
        ["ann", "3", "3", "6", "9", "05 was handed in 2 times: a.ipynb (0), b.ipynb (3); the most points count",
         "0", "3", "3"],
        ["Bob", "", "", "", "9", "bob.ipynb was not graded: it is empty", "", "", ""],
        ["Zoë", "3", "", "3", "9", "", "3", "0", ""]]


def test_the_teachers_page_shows_a_gradebook_as_it_is():
    right = {"0.3": 2, "5.4": 3, "5.5": 2}
    marks = [Mark("ann", f"0{label[0]}", label, most, most, student="ann") for label, most in right.items()]
    table = as_gradebook([*marks, Mark("jörg", "00", "0.3", 0, 2, student="Jörg Weiß")])
    assert f"```text\n{table}```" in (course.DOCS / "teaching.md").read_text(encoding="utf-8")
