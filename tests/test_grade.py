"""Grading: answers are found whatever became of the file, run apart from one another, and written down."""
import ast
import copy
import csv
import html
import json
import re
from contextlib import contextmanager
from pathlib import Path

from mistral_edu import course
from mistral_edu.classroom import grade as grade_module
from mistral_edu.classroom import worker
from mistral_edu.classroom.assignment import as_text, solution_of, source_of
from mistral_edu.classroom.feedback import feedback
from mistral_edu.classroom.grade import Mark, grade
from mistral_edu.classroom.needs import pieces
from mistral_edu.classroom.release import release_of
from mistral_edu.classroom.report import as_csv
from mistral_edu.classroom.runner import Runner
from mistral_edu.classroom.submission import Cell, language_of
from mistral_edu.classroom.tasks import all_tasks, cells_of
from mistral_edu.commands.check import path_of
from mistral_edu.commands.main import main
from mistral_edu.course import copies
from mistral_edu.lab import n00_start
from mistral_edu.lab.exercises.bank import find
from mistral_edu.lab.exercises.check import check
from mistral_edu.language import current, speaking

import pytest

ANSWER, CHECK = "exercise-0-3-answer", "exercise-0-3-check"
RIGHT = "def subtract_row_mean(x):\n    return x - x.mean(axis=1, keepdims=True)"
PAGE = release_of(source_of("00"))


def page(answer=RIGHT, **changed):
    """Notebook 00 as a student hands it in. changed: what becomes of the answer's cell."""
    notebook = copy.deepcopy(PAGE)
    cell_of(notebook, ANSWER).update(source=answer, **changed)
    return notebook


def cell_of(notebook, name):
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def without(notebook, *names):
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] not in names]
    return notebook


def nameless(notebook, ids=True):
    """Without metadata, and without the ids of its cells."""
    for n, cell in enumerate(notebook["cells"]):
        cell["metadata"] = {}
        cell["id"] = f"c{n}" if ids else cell["id"]
    return notebook


@contextmanager
def in_this_process(limit):
    yield worker.answer


@pytest.fixture
def mark(tmp_path, monkeypatch):
    """Grade one notebook in this process, without a time limit: its only Mark."""
    monkeypatch.setattr(grade_module, "Runner", in_this_process)
    def grade_one(notebook, name="ann.ipynb"):
        path = tmp_path / name
        path.write_text(json.dumps(notebook) if isinstance(notebook, dict) else notebook, encoding="utf-8")
        (only,) = grade(path)
        return only
    return grade_one


def pasted(notebook):
    """A new cell at the end, with the answer; its own cell is as the page has it."""
    notebook["cells"].append({"cell_type": "code", "id": "new", "metadata": {}, "source": RIGHT})
    return notebook


FOUND = {
    "as it was handed out": (page(), ""),
    "lines in a list": (page(RIGHT.splitlines(keepends=True)), ""),
    "metadata lost": (nameless(page(), ids=False), ""),
    "ids and metadata lost": (nameless(page()), r"subtract_row_mean was found in cell \d+"),
    "check and imports deleted": (without(page(), CHECK, "import"), ""),
    "a markdown cell": (page(cell_type="markdown"), "a cell of type markdown; it was read as code"),
    "a raw cell": (page(cell_type="raw"), "a cell of type raw"),
    "in a new cell": (pasted(page(cell_of(PAGE, ANSWER)["source"])), "missing or unchanged; subtract_row_mean was"),
    "another function's name": (page(RIGHT.replace("subtract_row_mean", "centre")), "named centre instead of"),
    "a lambda": (page("subtract_row_mean = lambda x: x - x.mean(axis=1, keepdims=True)"), ""),
    "with a magic": (page("%%time\n%matplotlib inline\n" + RIGHT), ""),
    "a loop below the function": (page(RIGHT + "\nwhile True:\n    pass"), ""),
    "an error below the function": (page(RIGHT + "\nsubtract_row_mean(1 / 0)"), ""),
}


@pytest.mark.parametrize("notebook, note", FOUND.values(), ids=FOUND)
def test_a_right_answer_is_found_whatever_became_of_the_file(mark, notebook, note):
    got = mark(notebook)
    assert (got.label, got.points, got.of, got.remark) == ("0.3", 2, 2, "") and got.right
    assert re.search(note, " ".join(got.notes)) if note else not got.notes


@pytest.mark.parametrize("name", ["homework final.ipynb", "05_attention.ipynb", "Untitled.ipynb"])
def test_the_name_of_the_file_does_not_matter(mark, name):
    assert mark(page(), name).notebook == "00"


WRONG = {
    "empty": (copy.deepcopy(PAGE), "not started"),
    "a slip": (page("def subtract_row_mean(x):\n    return x - x.mean(axis=1)"), "the means lost their axis"),
    "no slip that is known": (page("def subtract_row_mean(x):\n    return 7 * x"), "expected [[-1, 1], [-5, 5]]"),
    "an error": (page("def subtract_row_mean(x):\n    y = 0\n    return x / y.z"),
                 "AttributeError: 'int' object has no attribute 'z', in line 3 of your cell: return x / y.z"),
    "no Python": (page("x = 1\ndef subtract_row_mean(x)\n    return x"), ", in line 2 of your cell: def subtract"),
    "a name that nobody made": (page(RIGHT.replace("x.mean", "torch.mean")), "NameError: name 'torch' is not defined"),
    "made in one case": (page("if 1 > 2:\n    subtract_row_mean = abs"), "does not make subtract_row_mean when it is"),
    "a definition that fails": (page("mean = 1 / 0\ndef subtract_row_mean(x):\n    return x - mean"),
                                "your code stops with ZeroDivisionError"),
    "exit": (page("import sys\ndef subtract_row_mean(x):\n    sys.exit()"), "calls exit, quit or sys.exit"),
    "words": (page("I do not know how"), "SyntaxError: invalid syntax, in line 1 of your cell: I do not know how"),
    "indented": (page("  " + RIGHT), "IndentationError: unexpected indent, in line 1 of your cell: def subtract_row"),
    "deleted": (without(page(), ANSWER, CHECK), "no answer was found: no cell defines subtract_row_mean"),
    "emptied": (page(""), "no answer was found"),
}


@pytest.mark.parametrize("notebook, remark", WRONG.values(), ids=WRONG)
def test_a_wrong_answer_gets_no_points_and_a_reason(mark, notebook, remark):
    got = mark(notebook)
    assert (got.label, got.points, got.of) == ("0.3", 0, 2) and remark in got.remark


def slips_as_written(path):
    """[(the code of a wrong function, what to tell its author)] of a room's exercises, a pair for each lambda."""
    pairs = [node.elts for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Tuple)]
    return [(ast.unparse(pair[0]), ast.literal_eval(pair[1])) for pair in pairs
            if len(pair) == 2 and isinstance(pair[0], ast.Lambda)]


@pytest.mark.slow
def test_every_slip_of_a_page_is_named_in_the_table(mark):
    slips = slips_as_written(Path(n00_start.__file__).parent / "exercises.py")
    assert len(slips) == len(find("0.3").slips)
    for code, sentence in slips:
        got = mark(page(f"import numpy as np\nsubtract_row_mean = {code}"))
        assert (got.points, got.remark) == (0, sentence)


STRANGE = {
    "text": ("Dear teacher", "it is not JSON"),
    "empty": ("", "the file is empty"),
    "cut off": (as_text(PAGE)[:5000], r"damaged or incomplete: its JSON is wrong from line \d+ on$"),
    "a web page": ("\n<!doctype html>", "is a web page"),
    "an archive": ("PK\3\4 homework", "is a zip archive; unpack it first"),
    "an office document": ("PK\3\4 [Content_Types].xml", "it is not JSON"),
    "nested without end": ("[" * 100_000, "it is not JSON"),
    "a list": ("[1, 2]", "no list of cells"),
    "format 3": (json.dumps({"worksheets": []}), "no list of cells"),
    "another course's": ({"cells": [{"cell_type": "code", "source": "print(1)"}, "cell", {"metadata": 3}]},
                         "it contains no exercise of this course"),
}


def test_other_encodings_are_read_or_named(tmp_path, mark):
    (tmp_path / "a.ipynb").write_bytes("Müller".encode("latin-1"))
    assert "it is not text in UTF-8" in grade(tmp_path / "a.ipynb")[0].remark
    (tmp_path / "a.ipynb").write_bytes(as_text(page()).encode("utf-16"))        # some editors on Windows
    assert grade(tmp_path / "a.ipynb")[0].right


@pytest.mark.parametrize("text, remark", STRANGE.values(), ids=STRANGE)
def test_a_file_that_is_no_page_of_the_course_is_named(mark, text, remark):
    got = mark(text)
    assert got.points is None and re.search(remark, got.remark)


def test_what_an_answer_uses_comes_from_the_student_then_from_the_page():
    cells = ["raise SystemExit", "from math import *", "def half(x):\n    return x / TWO", "TWO = 2\nother = 1 / 0",
             "def answer(x):\n    show = half(x)\n    return mx.array(show)"]
    stored = ["import mlx.core as mx\nimport time", "show = draw_for_a_minute()", "TWO = 3"]
    taken = pieces(cells, 4, "answer", stored)
    assert taken == [("from math import *", [0]), ("TWO = 2\nother = 1 / 0", [0]),
                     ("def half(x):\n    return x / TWO", [0]), ("import mlx.core as mx\nimport time", [0]),
                     (cells[4], [0])]


def test_answers_rest_on_earlier_ones(mark):
    """The student's own function, from another cell of the file."""
    notebook = page("def subtract_row_mean(x):\n    return x - means(x)")
    notebook["cells"].insert(2, {"cell_type": "code", "id": "mine", "metadata": {},
                                 "source": "print(1 / 0)\ndef means(x):\n    return x.mean(axis=1, keepdims=True)"})
    assert mark(notebook).right


def job(answer):
    return {"label": "0.3", "name": "subtract_row_mean", "pieces": [[answer, list(range(answer.count("\ndef") + 1))]]}


@pytest.mark.slow
def test_a_loop_or_a_crash_ends_its_own_process_alone():
    """In processes as for a class: after each accident the next answer is run all the same, in its language."""
    body = "def subtract_row_mean(x):\n    "
    with Runner() as run:
        killed = run(job("import os\n" + body + "os.kill(os.getpid(), 9)"))
        left = run(job("import os\n" + body + "os._exit(3)"))
        run.limit = 2
        endless = run(job(body + "while True:\n        pass"))
    assert killed["message"] == "your code ends Python itself (Killed)"
    assert left["message"] == "your code ends Python itself (exit status 3)"
    assert endless["message"].startswith("it had not ended after 2 seconds; does a loop go on for ever")
    assert not any(each["passed"] for each in (killed, left, endless))
    with speaking("de"), Runner() as run:
        assert run(job(SLIP))["message"].startswith("✗ 0.3, Fall 1 von 4: erwartet ist")
        assert run(job("import os\n" + body + "os._exit(3)"))["message"] == (
            "dein Code beendet den ganzen Python-Prozess (Exit-Status 3)")


@pytest.mark.slow
def test_a_class_is_graded_into_a_table_and_pages(tmp_path, capsys):
    """Two solutions, a flood of prints that also reads, and a file that is none, in folders of their own."""
    folder = tmp_path / "submitted"
    loud = ("def subtract_row_mean(x):\n    print('x' * 10**7)\n    open('note.txt', 'w').write('mine')\n"
            "    try:\n        input()\n    except EOFError:\n        pass\n    return x.sum()")
    for name, text in {"ann/05.ipynb": as_text(source_of("05")), "bob/00.ipynb": json.dumps(page(loud)),
                       "=eve/00.ipynb": "no", "ann/.ipynb_checkpoints/05.ipynb": "old"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    table, book, pages = tmp_path / "marks.csv", tmp_path / "new" / "gradebook.csv", tmp_path / "feedback"
    assert main(["grade", str(folder), "--csv", str(table), "--gradebook", str(book), "--feedback", str(pages)]) == 1
    said = capsys.readouterr()
    assert said.err == "2 files graded, 1 could not be\n" and len(said.out) < 2000
    with open(table, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["student"], row["exercise"], row["points"], row["of"]) for row in rows] == [
        ("'=eve", "", "", ""), ("ann", "5.4", "3", "3"), ("ann", "5.5", "2", "2"), ("bob", "0.3", "0", "2")]
    assert "expected [[-1, 1], [-5, 5]]" in rows[3]["remark"]
    students = book.read_text(encoding="utf-8-sig").splitlines()
    assert students[0] == "student,00 (of 2),05 (of 5),points,of,remark,0.3 (of 2),5.4 (of 3),5.5 (of 2)"
    assert students[1].startswith("'=eve,,,,7,") and "it is not JSON,,," in students[1]
    assert students[2:] == ["ann,,5,5,7,,,3,2", "bob,0,,0,7,,0,,"]
    written = sorted(str(path.relative_to(pages)) for path in pages.rglob("*.html"))
    assert written == ["=eve/00.html", "ann/05.html", "bob/00.html"]
    anns = (pages / "ann/05.html").read_text(encoding="utf-8")
    assert "<h1>05.ipynb</h1>\n<p>5 of 5 points</p>\n<h2>5.4: 3 of 3 points</h2>\n<pre>✓ 5.4: all" in anns
    assert not Path("note.txt").exists()


@pytest.mark.parametrize("answer, points", [
    ("deep = " + "-" * 80_000 + "1\n" + RIGHT, (None, 0)),
    ("deep = " + "(" * 150 + "1" + ")" * 150 + "\n" + RIGHT, (2,)),
    ("def subtract_row_mean(x):\n    raise ValueError(chr(0xD800))", (0,)), ("x = '\ud800'\n" + RIGHT, (0,)),
    ("x = 1\0\n" + RIGHT, (0,))], ids=["too deep", "deep", "half a character raised", "written", "a null byte"])
def test_what_python_itself_cannot_take_stops_nothing(mark, answer, points):
    """What is too deep is up to Python's version: the cell cannot be read, or the file not be graded."""
    got = mark(page(answer))
    assert got.points in points and as_csv([got]).encode() and feedback([got]).encode()


def test_feedback_holds_what_the_checker_says_at_length(mark):
    text = feedback([mark(page("def subtract_row_mean(x):\n    return x - x.mean(axis=1)"), name="<b>.ipynb")])
    assert "0 of 2 points" in text and "<pre>✗ 0.3, case 1 of 4: expected [[-1, 1], [-5, 5]]" in text
    assert "<h1>&lt;b&gt;.ipynb</h1>" in text and "<b>" not in text


def german(answer=None):
    """Notebook 00 in German as a student hands it in; without an answer, as it was handed out."""
    notebook = json.loads(copies.copy_of(course.find("00").page_in("de").read_text(encoding="utf-8")))
    if answer is not None:
        cell_of(notebook, ANSWER)["source"] = answer
    return notebook


SLIP = "def subtract_row_mean(x):\n    return x - x.mean()"


@pytest.mark.parametrize("notebook, remark, said", [
    (german(RIGHT), "", "<h2>0.3: 2 von 2 Punkten</h2>\n<pre>✓ 0.3: alle 4 Fälle stimmen</pre>"),
    (german(SLIP), "x.mean() ist ein einziger Mittelwert", "<pre>✗ 0.3, Fall 1 von 4: erwartet ist"),
    (german(), "nicht begonnen", "<pre>○ 0.3: noch nicht begonnen"),
    (german(""), "keine Antwort gefunden: Keine Zelle definiert", "0 von 2 Punkten"),
    (german("def subtract_row_mean(x)"), "SyntaxError: expected ':', in Zeile 1 deiner Zelle", "0 von 2 Punkten"),
    (pasted(german()), "", "<p>Die Zelle für die Antwort fehlte oder war unverändert; subtract_row_mean stand in"),
    (nameless(german(RIGHT.replace("subtract_row_mean", "mitte")), ids=False), "", None)],
    ids=["right", "a slip", "not started", "emptied", "no Python", "in a new cell", "another name"])
def test_feedback_is_in_the_language_of_the_page(mark, notebook, remark, said):
    got = mark(notebook)
    assert got.language == "de" and got.remark.startswith(remark) and got.right == (not remark)
    shown = html.unescape(feedback([got], solutions=True))
    assert '<html lang="de">' in shown and "Die Lösung des Kurses, mit Erklärung" in shown
    assert (said or "<p>Die Funktion heißt mitte statt subtract_row_mean.</p>") in shown
    assert current() == "en"


def test_what_cannot_be_read_is_named_in_the_language_of_the_moment(mark):
    with speaking("de"):
        got = mark("PK\3\4")
        assert mark(page(SLIP)).language == "de"
    assert got.remark == "die Datei ist ein ZIP-Archiv; entpacke es zuerst"
    assert f"<p>Diese Datei ließ sich nicht bewerten ({got.remark}).</p>" in feedback([got])


@pytest.mark.parametrize("source, language", [
    ('import mistral_edu.lab\nmistral_edu.lab.language("de")', "de"), ("lab.language('de')  # Deutsch", "de"),
    ('language("de")\nlanguage("en")', "en"), ('# language("de")', "en"), ('language("tlh")', "en")])
def test_a_page_speaks_the_language_that_it_chose_last(source, language):
    assert language_of([Cell("code", "a", source, ()), Cell("markdown", "b", 'language("de")', ())]) == language


def test_solutions_are_shown_when_they_are_asked_for_and_not_before():
    """Of each exercise, below a right answer as below a wrong one."""
    for task in all_tasks():
        last = solution_of(task).splitlines()[-1].strip()
        for points in (0, task.points):
            marks = [Mark("a.ipynb", task.notebook, task.label, points, task.points, message="what the checker says")]
            shown, hidden = (html.unescape(re.sub("<[^>]*>", "", feedback(marks, solutions)))
                             for solutions in (True, False))
            assert last in shown and last not in hidden and "The solution" not in hidden


def test_a_wrong_command_line_is_said(tmp_path, capsys):
    assert main(["grade", str(tmp_path)]) == 1 and "no notebook (*.ipynb) in" in capsys.readouterr().err
    assert main(["grade", "a.ipynb", "--limit", "0"]) == 1 and "above 0; got 0" in capsys.readouterr().err
    (tmp_path / "a.ipynb").write_text("{}")
    for words, complaint in (("--csv {0}", "--csv is the name of a file, and"),
                             ("--feedback {0}/a.ipynb", "a.ipynb cannot be a folder, since there is a file of"),
                             ("--solutions", "say where it goes, as in: --feedback feedback")):
        assert main(["grade", str(tmp_path), *words.format(tmp_path).split()]) == 1
        said = capsys.readouterr()
        assert complaint in said.err and not said.out           # before anything is graded
    assert main(["grade", str(tmp_path / "gone.ipynb")]) == 1
    assert "gone.ipynb  not graded  the file cannot be read (No such file or directory)" in capsys.readouterr().out


@pytest.mark.parametrize("answer, line, code", [
    (RIGHT, "✓ 0.3: 2 of 2 points", 0), (cell_of(PAGE, ANSWER)["source"], "○ 0.3: 0 of 2 points: not started", 1),
    ("def subtract_row_mean(x):\n    return x.mean()", "✗ 0.3: 0 of 2 points: expected [[-1, 1], [-5, 5]]", 1)],
    ids=["right", "not started", "wrong"])
def test_learners_check_their_own_copy(tmp_path, monkeypatch, capsys, answer, line, code):
    monkeypatch.setattr(grade_module, "Runner", in_this_process)
    stored = copies.find("00").path
    notebook = json.loads(copies.copy_of(stored.read_text(encoding="utf-8")))
    cell_of(notebook, ANSWER)["source"] = answer
    (tmp_path / stored.name).write_text(json.dumps(notebook), encoding="utf-8")
    assert main(["check", "0", "--folder", str(tmp_path)]) == code
    assert capsys.readouterr().out.splitlines()[-1].startswith(line)


def test_learners_of_a_german_page_are_told_in_german(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(grade_module, "Runner", in_this_process)
    file = tmp_path / "meine.ipynb"
    for notebook, line in ((german(), "○ 0.3: 0 von 2 Punkten: nicht begonnen"),
                           (german(RIGHT), "✓ 0.3: 2 von 2 Punkten")):
        file.write_text(json.dumps(notebook), encoding="utf-8")
        main(["check", str(file)])
        assert capsys.readouterr().out.splitlines()[-1] == line


def test_a_copy_that_is_not_there_is_named_with_the_way_to_it(tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "folder_of_learner", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match="05_attention.ipynb is not there; mistral-edu lab 05 makes it"):
        path_of("05")
    with pytest.raises(FileNotFoundError, match="mine.ipynb is not there; give the path of a notebook"):
        path_of("mine.ipynb")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "homework").mkdir()
    with pytest.raises(ValueError, match="homework is a folder; name the file in it"):
        path_of("homework")
    (tmp_path / "page.zip").touch()                             # what it is, is said when it is read
    (tmp_path / "05").mkdir()
    assert path_of("page.zip") == Path("page.zip")
    with pytest.raises(FileNotFoundError, match="mistral-edu lab 05 makes it; if yours is elsewhere, give its path"):
        path_of("05")


def test_the_page_for_students_quotes_the_checker_and_the_page(capsys):
    text = (course.DOCS / "handing_in.md").read_text(encoding="utf-8")
    exercise, release = find("5.4"), release_of(source_of("05"))
    n = len(exercise.cases)
    check("5.4", exercise.reference)
    check("5.4", lambda *given: 7)
    right, wrong = capsys.readouterr().out.splitlines()[:2]
    assert f"`{right}`" in text and wrong.startswith(f"✗ 5.4, case 1 of {n}: expected ") and f"case 1 of {n}:" in text
    cells = {cell["id"]: cell for cell in release["cells"]}
    heading = re.search("^### (Exercise 5.4 .*)", cells["exercise-5-4"]["source"], flags=re.M)[1]
    assert f'"{heading}"' in text and cells["exercise-5-4-check"]["source"] == 'assert check("5.4", attend)'
    assert not cells["exercise-5-4-check"]["metadata"]["deletable"] and 'check("5.4", attend)' in text


def test_stored_pages_stay_as_they_are(mark):
    before = repr(cells_of("00"))
    mark(page())
    assert repr(cells_of("00")) == before
