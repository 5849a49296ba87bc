"""Slides: what is on them, by the rules that classroom/slides/rules.py lists, for made pages and for the course."""
import base64
import json
import re
import struct
import zlib
from functools import cache

from mistral_edu import course
from mistral_edu.classroom.slides.build import build
from mistral_edu.classroom.slides.document import document
from mistral_edu.classroom.slides.fitting import MONO_LARGEST, ROOM, WIDEST, Part, cut, fit, letters, room_below, total
from mistral_edu.classroom.slides.from_code import calls_of
from mistral_edu.classroom.slides.prose import blocks, sentences
from mistral_edu.classroom.slides.rules import slides_of
from mistral_edu.classroom.submission import read_notebook
from mistral_edu.commands.main import main
from mistral_edu.course.copies import copy_of
from mistral_edu.lab.exercises.bank import exercises_of

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

PAGES = {page.number: read_notebook(page.path) for page in course.ready()}


@cache
def course_deck(number):
    """The slides of a notebook of the course; made when a test asks for them, as not every process runs these tests."""
    return slides_of(PAGES[number])


def source(cell):
    return "".join(cell["source"])


def text(source, kind="-"):
    return new_markdown_cell(source, metadata={"slideshow": {"slide_type": kind}})


def code(source, printed="", kind="-", **more):
    outputs = [new_output("stream", text=printed)] if printed else []
    return new_code_cell(source, outputs=outputs, metadata={"slideshow": {"slide_type": kind}}, **more)


def deck(*cells):
    """(heading, [(kind, text)], notes) of each slide of a page with these cells."""
    return [(slide.heading, [(part.kind, part.text) for part in slide.parts], slide.notes)
            for slide in slides_of(new_notebook(cells=list(cells)))]


def png(width, height):
    """A white picture of this size."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    rows = zlib.compress((b"\0" + b"\xff" * width) * height)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows)
                            + chunk(b"IEND", b"")).decode()


# --- pages made for one rule each -----------------------------------------------------------------------------------

def test_the_title_says_what_you_end_with_and_the_second_slide_lists_the_sections():
    page = new_notebook(cells=[text("# 05 Attention\n\nIt is short.\n\nThis notebook takes about 64 minutes."),
                               text("## 5.1 By hand (6 minutes, with the opening)\n\nThe idea. Take three tokens:")])
    title, plan, section = slides_of(page, ends="a test")
    assert [part.text for part in title.parts] == ["It is short.", "**You end with** a test.",
                                                   "64 minutes, with the exercises"]
    assert plan.parts[0] == Part("plan", "5.1 By hand (6 minutes, with the opening)")
    assert (section.heading, section.parts) == ("5.1 By hand", (Part("idea", "The idea. Take three tokens."),))
    assert '<a href="#3">5.1 By hand</a><span>6 minutes</span>' in document([title, plan, section], "05")


def test_a_section_shows_its_idea_and_keeps_the_rest_for_the_speaker():
    idea = "One. (An aside.) " + "Two has ten words and that is quite a lot. " * 4
    (_, parts, notes), = deck(text(f"# A\n\n{idea}\n\nMore, with a [link](../docs/glossary.md#a)."))
    assert parts[0] == ("prose", "One. " + " ".join(["Two has ten words and that is quite a lot."] * 4))
    assert "An aside" in notes and "More, with a" in notes


def test_formulas_tables_and_lists_come_with_the_sentences_beside_them():
    first, formula, table = deck(text("# A\n\nB."),
                                 text("Long ago. So it is\n\n$$x^2$$\n\nwhere $x$ is a number. Then."),
                                 text("See here:\n\n| a | b |\n|---|---|\n| 1 | 2 |"))
    assert formula[1] == [("prose", "So it is"), ("formula", "$$x^2$$"), ("prose", "where $x$ is a number.")]
    assert table[1] == [("prose", "See here:"), ("table", "| a | b |\n|---|---|\n| 1 | 2 |")]
    assert first[2].startswith("B.\n\nLong ago.")


def test_a_sentence_that_leads_to_a_formula_is_said_once():
    _, _, slide = deck(text("# A"), text("## 1 B\n\nSoftmax divides by the sum:\n\n$$x$$"))
    assert slide[1] == [("idea", "Softmax divides by the sum."), ("formula", "$$x$$")]


def test_a_statement_in_bold_gets_a_slide_and_a_question_in_bold_does_not():
    slides = deck(text("# A\n\nB."),
                  text("So. **Shapes do not prove that axes are right.** Is **it really so in all cases**?"))
    assert [parts for _, parts, _ in slides[1:]] == [[("key", "**Shapes do not prove that axes are right.**")]]


def test_a_prediction_shows_question_and_choices_and_the_result_marks_the_right_one():
    page = new_notebook(cells=[
        text("# A\n\nB."), text("Sixteen tokens. **Predict first:** what is the loss? (Guess.)"),
        code('predict("5.3", "?", choices=("0", "2.77"))', "Prediction 5.3: still open."),
        code('outcome("5.3", x)', "ln 16 = 2.77\nOutcome 5.3: 2.77. No prediction was\nrecorded.\n"),
        text("Nothing can be learned. (An aside.)")])
    _, asked, result = slides_of(page)
    assert (asked.heading, result.heading) == ("5.3 Predict first", "5.3 The result")
    assert asked.parts == (Part("prose", "Sixteen tokens."), Part("question", "What is the loss?", ("0", "2.77")))
    assert result.parts == (Part("output", "ln 16 = 2.77"), Part("result", "2.77", ("0", "2.77")),
                            Part("prose", "Nothing can be learned."))
    assert re.findall(r'<li class="right">([^<]*)<', document([asked, result], "A")) == ["2.77"]


def test_a_guess_of_the_teachers_own_is_not_shown():
    printed = "Outcome 5.3: 6.6. You predicted 2: off by a factor\nof 3.3.\nlast line\n"
    _, (_, parts, _) = deck(text("# A\n\nB."), code('outcome("5.3", x)', printed))
    assert parts == [("output", "last line"), ("result", "6.6")]


def test_a_picture_is_shown_without_its_code_and_its_caption_once():
    cell = code("explore(f, n=(1, 5))", "Before.\nA caption that is printed,\ntoo.\n")
    alt = "A caption that is printed, too."
    data = {"image/png": png(2, 1), "text/plain": f"Picture: {alt}"}
    live = {"text/plain": "[Live once this cell is run: n = 3. The picture above shows it without a kernel.]"}
    cell.outputs = [new_output("display_data", data, metadata={"image/png": {"alt": alt}}), *cell.outputs,
                    new_output("display_data", live)]
    shown = slides_of(new_notebook(cells=[text("# A\n\nB."), cell]))
    assert [slide.parts for slide in shown[1:]] == [(Part("picture", png(2, 1), (alt, alt)),),
                                                    (Part("output", "Before."),)]
    assert shown[1].notes == "In the notebook this picture is live: n = 3."
    page = document(shown, "A")
    assert page.count(f'alt="{alt}"') == page.count(f"<figcaption>{alt}</figcaption>") == 1
    width, height = map(int, re.search(r'<img [^>]*width="(\d+)" height="(\d+)"', page).groups())
    assert width == 2 * height and height < ROOM


def test_of_code_up_to_fifteen_lines_are_shown_and_of_longer_code_what_it_prints():
    short, long = "x = 1\nprint(x)", "x = 1\n" * 15 + "print(x)"
    slides = deck(text("# A\n\nB."), text("We set it to one:"), code(short, "1\n"), code(long, "1\n"),
                  code("def helper():\n    pass"), text("Now a function."), code("def f():\n    pass"),
                  text("And a name."), code("y = 2"))
    assert [parts for _, parts, _ in slides[1:]] == [
        [("prose", "We set it to one:"), ("code", short), ("output", "1")], [("output", "1")],
        [("code", "def f():\n    pass")]]


def test_an_exercise_is_its_title_and_its_task():
    slides = deck(text("# A\n\nB."), text("Some text.\n\n### Exercise 5.4 (6 minutes)\n\nWrite it.\n\nBy hand: 1."),
                  code("def f(x):\n    raise NotImplementedError"), code('check("5.4", f)', "○ 5.4: not started yet"),
                  code('hint("5.4")', "3 hints wait here."), code("yours = use(f)", "○ f: not started yet"))
    assert [slide[:2] for slide in slides[1:]] == [("Exercise 5.4 (6 minutes)", [("prose", "Write it."),
                                                                                 ("prose", "By hand: 1.")])]


def test_metadata_of_jupyterlab_comes_before_the_rules():
    long = "x = 1\n" * 15 + "x"
    slides = deck(text("# A\n\nB."), text("## 1 C\n\nD.", "skip"), code("print(1)", "1", "skip"),
                  text("Say this.", "notes"), text("Shown. All of it.\n\nEven this.", "subslide"),
                  code(long, "1", "slide"))
    assert [slide[0] for slide in slides] == ["A"] * 3
    assert slides[0][2] == "B.\n\nSay this."
    assert slides[1][1] == [("prose", "Shown. All of it."), ("prose", "Even this.")]
    assert slides[2][1] == [("code", long), ("output", "1")]


ODD = ["#", "# A", "## B (1 minute)", "### C", "|", "| a | b |", "|---|---|", "- ", "- a", "$$", "$$x$$", "$", "```",
       "    x", "**Next:**", "**Predict first:**", "What?", "(", ")", "a. B", "**a b c d e.**", "", "predict()",
       "predict(x)", 'predict("1", choices=[x, 2])', 'outcome("1", 2)', "%%mistral", "print(1)", "def f(:", "check()"]


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(["text", "code"]), st.lists(st.sampled_from(ODD), max_size=6))))
def test_no_page_is_too_odd(cells):
    made = {"text": text, "code": code}
    slides = slides_of(new_notebook(cells=[made[kind]("\n".join(lines)) for kind, lines in cells]))
    assert document(slides, "odd").count('<section class="slide"') == len(slides)


# --- what does not fit ----------------------------------------------------------------------------------------------

def test_what_is_too_much_for_one_slide_is_cut_where_it_may_be():
    lines = "\n".join(map(str, range(40)))
    assert "\n".join(part.text for part in cut(Part("output", lines))) == lines
    rows = [f"| {n} | b |" for n in range(30)]
    tables = cut(Part("table", "\n".join(["| a | b |", "|---|---|", *rows])))
    assert len(tables) > 1 and all(part.text.startswith("| a | b |\n|---|---|\n| ") for part in tables)
    assert [row for part in tables for row in part.text.split("\n")[2:]] == rows
    long = " ".join(["A sentence of seven words is here."] * 40)
    assert " ".join(part.text for part in cut(Part("prose", long))) == long
    for parts in (cut(Part("output", lines)), tables, cut(Part("prose", long))):
        assert all(total([part]) <= ROOM for part in parts)


def test_letters_of_code_grow_into_the_room_there_is():
    assert letters([Part("code", "x = 1")]) == MONO_LARGEST
    assert letters([Part("code", "x" * 100)]) == 24
    assert 24 <= letters([Part("output", "\n".join("x" * 18))]) < MONO_LARGEST


def test_a_heading_of_two_lines_leaves_less_room():
    lines = Part("output", "\n".join("x" * 18))
    assert len(fit("Short", [lines])) == 1 and len(fit("Long " * 20, [lines])) == 2


# --- the course -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("number", PAGES)
def test_nothing_of_a_page_is_lost_that_a_rule_takes(number):
    cells = PAGES[number]["cells"]
    parts = [part for slide in course_deck(number) for part in slide.parts]
    calls = [calls_of(source(cell)) for cell in cells if cell["cell_type"] == "code"]
    kinds = [part.kind for part in parts]
    assert kinds.count("question") == sum("predict" in names for names in calls)
    assert kinds.count("result") == sum("outcome" in names for names in calls)
    pictures = [output for cell in cells for output in cell.get("outputs", ()) if "image/png" in output.get("data", {})]
    assert kinds.count("picture") == len(pictures)
    headings = [slide.heading for slide in course_deck(number)]
    for exercise in exercises_of(number):
        assert f"Exercise {exercise.label} ({exercise.minutes} minutes)" in headings
    sections = [line for cell in cells if cell["cell_type"] == "markdown" for line in source(cell).split("\n")
                if line.startswith("## ")]
    assert len(sections) == sum(len(part.text.split("\n")) for part in parts if part.kind == "plan")


@pytest.mark.parametrize("number", PAGES)
def test_a_right_result_is_among_the_choices_and_questions_ask(number):
    parts = [part for slide in course_deck(number) for part in slide.parts]
    assert all(part.text in part.more for part in parts if part.kind == "result" and part.more)
    assert all("?" in part.text for part in parts if part.kind == "question")


@pytest.mark.parametrize("number", PAGES)
def test_no_slide_is_over_full_and_none_shows_a_solution_or_a_check(number):
    for slide in course_deck(number):
        assert total(slide.parts) <= room_below(slide.heading), slide.heading
        for part in slide.parts:
            assert not re.search(r"NotImplementedError|\bcheck\(|\bhint\(|solutions/", part.text)
            if part.kind in ("code", "output"):
                assert max(map(len, part.text.split("\n"))) <= WIDEST


def test_sentences_are_cut_without_loss_and_never_inside_a_formula_or_parentheses():
    for notebook in PAGES.values():
        for cell in notebook["cells"]:
            for kind, block in blocks(source(cell)) if cell["cell_type"] == "markdown" else ():
                if kind == "prose":
                    assert " ".join(sentences(block)) == block
                    for sentence in sentences(block):
                        assert sentence.count("$") % 2 == sentence.count("`") % 2 == 0, sentence
                        assert sentence.count("(") == sentence.count(")"), sentence


def test_a_deck_is_one_file_that_asks_for_nothing():
    for number in ("05", "18"):
        page = document(course_deck(number), number)
        assert "$$" not in page and "<math" in page
        places = {f"#{n}" for n in range(100)}
        assert set(re.findall(r'\b(?:src|href)="([^"]{,5})', page)) <= {"data:", "https"} | places
        assert not re.search(r"@import|url\(|<link|<iframe|<script src|<img [^>]*src=.https", page)


@pytest.mark.slow
def test_the_teachers_page_says_how_many_slides_there_are_and_how_large_a_file_is(tmp_path):
    counts, sizes = zip(*((count, path.stat().st_size / 1e6) for path, count in build(tmp_path)))
    said = f"have {min(counts)} to {max(counts)} slides and {min(sizes):.1f} to {max(sizes):.1f} MB"
    assert said in " ".join((course.DOCS / "teaching.md").read_text(encoding="utf-8").split())


# --- the command ----------------------------------------------------------------------------------------------------

def test_the_command_writes_pages_and_copies(tmp_path, capsys):
    mine = tmp_path / "05_attention.ipynb"
    mine.write_text(copy_of(course.find("05").path.read_text(encoding="utf-8")), encoding="utf-8")
    assert main(["classroom", "slides", "5", str(mine), "--folder", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out.split("\n")
    assert re.fullmatch(r".*05\.html: \d+ slides, 0\.\d MB", printed[0])
    page, copied = ((tmp_path / "out" / name).read_text() for name in ("05.html", "05_attention.html"))
    assert "a test that finds any leak from the future" in page and "a test that finds any leak" in copied
    assert page.count("The result") > copied.count("The result") == 0        # a new copy has no outcome yet
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["05.html", "05_attention.html"]


def test_what_is_no_notebook_is_named(tmp_path):
    for content, complaint in (("x", "it is not JSON"), ("{}", "cells"),
                               (json.dumps(new_notebook()), "has nothing to show")):
        (tmp_path / "mine.ipynb").write_text(content)
        with pytest.raises(ValueError, match=f"mine.ipynb.*{complaint}"):
            list(build(tmp_path / "out", [str(tmp_path / "mine.ipynb")]))
    with pytest.raises(ValueError, match="the course has no notebook 77; ready: 00, 01"):
        list(build(tmp_path / "out", ["77"]))
    with pytest.raises(FileNotFoundError):
        list(build(tmp_path / "out", [str(tmp_path / "none.ipynb")]))
    assert not (tmp_path / "out").exists()
