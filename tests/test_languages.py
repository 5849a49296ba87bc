"""What a learner reads may be translated: nothing is translated unasked, and no translation says less than the code.

Each translated page is run by nbval like the others. Here it is compared with the English one, so that a page that
falls behind is noticed; and each catalog with the messages of the code.
"""
import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from io import BytesIO
from pathlib import Path

from mistral_edu import course, doctor, language, load, load_model
from mistral_edu.classroom.grade import sentence
from mistral_edu.course import copies, translations
from mistral_edu.lab import (
    attention_view,
    check,
    course_map,
    hint,
    inspect_answer,
    lens_view,
    outcome,
    predict,
    reach_view,
)
from mistral_edu.lab.exercises import hints
from mistral_edu.lab.looking.inspector import Inspector
from mistral_edu.language import po

import mlx.core as mx
import pytest
from babel.messages.pofile import read_po

PACKAGE = Path(language.__file__).parents[1]
CATALOGS = sorted(language.FOLDER.glob("*.po"))
TRANSLATED = [(notebook.page_in(name), name) for notebook in course.ready() for name in language.languages()
              if notebook.page_in(name) != notebook.path]
COMPLETE = {"de": re.compile(r"mistral_edu/lab/n(?!00_)\d\d_")}       # what a language may lack: rooms, so far
NAMES = re.compile(r"\{(\w+)|(%\(\w+\)s)|(</?\w+>)")                 # what a translation has to keep


@pytest.fixture
def german():
    language.language("de")
    yield
    language.language("en")


@pytest.fixture(params=CATALOGS, ids=lambda path: path.stem)
def catalog(request):
    return request.param


@pytest.fixture(scope="module")
def messages():
    return {message.id for message in translations.messages() if message.id}


def translated(path):
    """(message, its translation) pairs; both are tuples where a message has forms."""
    return [(message.id, message.string) for message in read_po(BytesIO(path.read_bytes()))
            if message.id and not message.fuzzy and any(message.string)]


# --- which language is spoken

@pytest.mark.parametrize("environment, spoken", [
    ({"LANG": "de_DE.UTF-8", "LANGUAGE": "de"}, "en"), ({"MISTRAL_EDU_LANG": "de"}, "de"),
    ({"MISTRAL_EDU_LANG": "de_AT.UTF-8"}, "de"), ({"MISTRAL_EDU_LANG": "tlh"}, "en")])
def test_english_is_spoken_unless_another_language_is_asked_for(environment, spoken):
    code = "from mistral_edu.language import current; print(current())"
    environment = {**os.environ, **environment}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == spoken, done.stderr
    assert ("there is no translation into 'tlh'" in done.stderr) == ("tlh" in environment.values())


def test_a_language_holds_from_the_moment_it_is_chosen(capsys):
    wrong = lambda x: x - x.mean(axis=0, keepdims=True)
    said = []
    for name in ("en", "de", "en"):
        language.language(name)
        said.append(check("0.3", wrong).message)
    assert said[0] == said[2] and "a row is averaged along axis=1" in said[0]
    assert said[1].startswith("✗ 0.3, Fall 1 von 4: erwartet ist [[-1, 1], [-5, 5]], deine Funktion liefert")
    assert "Wahrscheinlich: axis=0 mittelt jede Spalte" in said[1]


def test_predictions_and_hints_speak_it(german, capsys, monkeypatch):
    monkeypatch.setattr(hints, "_rungs", {})
    for _press in range(5):
        hint("0.3")
    assert capsys.readouterr().out.strip().endswith("mit Erklärung: solutions/00_solutions.de.md")
    predict("0.9", "ja", choices=("ja", "nein"))
    outcome("0.9", "nein")
    assert capsys.readouterr().out.splitlines() == [
        "Vorhersage 0.9: ja. Notiert.",
        "Ergebnis 0.9: nein. Deine Vorhersage war ja."]


def test_what_is_not_translated_is_said_in_english(german, capsys):
    verdict = check("8.3", lambda L, window, offset=0: mx.ones((L, L + offset)) > 0)
    assert "erwartet" in verdict.message and "with | one of the two comparisons is enough" in verdict.message


def test_the_map_speaks_it_and_leads_to_translated_pages(german):
    shown = course_map("01")
    assert "Du bist bei 01" in shown.caption and ">Ringpuffer</b>" in shown.touch and "Residualstrom" in shown.touch
    links = re.findall(r'href="([^"]+)"', shown.touch)
    assert "00_start_here.de.ipynb" in links and "02_text_to_tokens.ipynb" in links


def test_an_answer_that_is_looked_into_speaks_it(german):
    answer = inspect_answer("What is 7 plus 5?", n_tokens=2)
    facts, _text, columns = repr(answer).splitlines()[:3]
    assert re.fullmatch(r"2 Tokens, abgeschnitten, .* erlaubt waren; Überraschung insgesamt \d\.\d\d Nats:", facts)
    assert columns == f"{'Nr.':4}  {'Token':16} {'p':>11} {'Nats':>6}  stattdessen"       # as wide as in __repr__
    assert "Schritt 0: " in answer._repr_html_() and "✓ genommen" in answer._repr_html_()
    inspector = Inspector(answer)
    inspector.show(answer)
    assert inspector.state == f"Antwort 0: {answer.facts}."


def test_views_of_a_text_speak_it(german):
    model, tokenizer = load(dtype="float32")
    text = "The ball is in the kitchen. Where is the ball?"
    views = [attention_view(text, load_model(window_size=8), tokenizer, 3, 1, position=9),
             lens_view(text, model, tokenizer), reach_view(text, model, tokenizer)]
    attention, lens, reach = views
    assert lens.alt.startswith("Die wahrscheinlichsten nächsten Tokens nach jeder Schicht. Nach ")
    assert "Der Text beginnt 14 Plätze vor dem letzten Token" in reach.caption
    assert [words.get_text() for words in reach.fig.legends[0].texts] == ["im Fenster", "Änderung eines Logits"]
    assert [words.get_text() for words in attention.fig.legends[0].texts] == [
        "Grenze", "dunkler: bekommt mehr", "das Token, das schaut", "ihm verborgen", "Gewicht"]
    for view in views:                                                                   # nothing is cut off
        view.fig.draw_without_rendering()
        for words in (*view.fig.legends, *view.fig.texts):
            assert words.get_window_extent().x1 <= view.fig.bbox.x1, words


@pytest.mark.parametrize("script, english, in_german", [
    ("lab/panel/panel.js", "Send", "Senden"), ("lab/looking/inspector.js", "Stop", "Anhalten")])
def test_a_widget_gets_the_words_that_its_javascript_writes(german, script, english, in_german):
    marked = set(translations.in_javascript(PACKAGE / script))
    words = language.translations_in((PACKAGE / script).read_text(encoding="utf-8"))
    assert marked <= words.keys() and words[english] == in_german
    language.language("en")
    assert language.translations_in((PACKAGE / script).read_text(encoding="utf-8")) == {}


def test_grading_finds_the_reason_in_it(german, capsys):
    assert sentence(check("0.3", lambda x: x - x.mean()).message) == (
        "x.mean() ist ein einziger Mittelwert für das ganze Array; jede Zeile braucht ihren eigenen")
    assert sentence(check("0.3", lambda x: [1]).message).startswith("erwartet ist die Form (2, 2)")


# --- catalogs

def test_what_is_translated_is_still_said(catalog, messages):
    gone = [message for message, _translation in translated(catalog) if message not in messages]
    assert not gone, f"nothing says this any more; run: make language TO={catalog.stem}: {gone}"


def test_translations_keep_placeholders_markup_and_the_spaces_around(catalog):
    for message, translation in translated(catalog):
        forms, many = (translation, message[1]) if isinstance(message, tuple) else ((translation,), message)
        for form in forms:
            kept, wanted = Counter(NAMES.findall(form)), Counter(NAMES.findall(many))
            assert kept == wanted or isinstance(message, tuple) and kept <= wanted, form
            assert re.findall(r"^\s*|\s*$", form) == re.findall(r"^\s*|\s*$", many), form


def test_what_a_language_promises_is_complete(catalog):
    lacks = translations.lacking(catalog.read_text(encoding="utf-8"))
    may = COMPLETE.get(catalog.stem, re.compile(""))
    assert {file: found for file, found in lacks.items() if not may.match(file)} == {}, \
        f"run: make language TO={catalog.stem}, then translate what is empty or marked fuzzy in {catalog.name}"


def test_both_readers_of_a_catalog_find_the_same(catalog):
    """Babel's, and the one that the lab comes with."""
    read = po.read(catalog.read_text(encoding="utf-8"))
    expected = {message[0] if isinstance(message, tuple) else message:
                translation if isinstance(translation, tuple) else (translation,)
                for message, translation in translated(catalog)}
    assert read.forms == expected
    assert [read.plural(n) for n in (0, 1, 2)] == [1, 0, 1]


def test_an_update_keeps_what_holds_marks_what_has_changed_and_drops_what_is_gone():
    text = ('msgid "Hint {n} of {count}: {hint}"\nmsgstr "Hinweis {n} von {count}: {hint}"\n\n'
            'msgid "compare these two yourself"\nmsgstr "nein"\n\nmsgid "Nobody says xyzzy"\nmsgstr "x"\n')
    new = translations.updated(text, "de")
    assert 'msgid "Hint {n} of {count}: {hint}"\nmsgstr "Hinweis {n} von {count}: {hint}"' in new
    assert '#, fuzzy\nmsgid "compare the two yourself"\nmsgstr "nein"' in new and "xyzzy" not in new
    assert translations.updated(new, "de") == new
    assert 'msgid "1"' not in new and new.count("\nmsgid ") > 1000
    assert po.read(new).one("compare the two yourself") == "compare the two yourself"


def test_a_line_of_a_translation_may_look_like_a_header():
    """A long message is wrapped, and one of its lines then begins as "Content-Type: " does."""
    long = "ein Mistral-Modell: " * 20
    text = f'msgid "Hint {{n}} of {{count}}: {{hint}}"\nmsgstr "{long}{{n}}{{count}}{{hint}}"\n'
    new = translations.updated(text, "de")
    assert '\n"Modell: ' in new and po.read(new).one("Hint {n} of {count}: {hint}").startswith(long)
    assert new.split("\n\n")[0].count(": ") == 3


def test_names_of_the_doctors_checks_can_be_translated():
    named = re.findall(r'Check\("([^"]+)"', Path(doctor.__file__).read_text(encoding="utf-8"))
    assert set(named) | set(doctor.SECTIONS) == set(doctor.NAMES)


def test_no_function_that_translates_gives_the_underscore_another_meaning():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.Lambda)):
                names = [name for name in ast.walk(node) if isinstance(name, ast.Name) and name.id == "_"]
                bound = any(isinstance(name.ctx, ast.Store) for name in names)
                called = any(isinstance(call, ast.Call) and call.func in names for call in ast.walk(node))
                assert not (bound and called), f"{path}, line {node.lineno}"


# --- pages

def cells_of(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def without_words(cell, name):
    """A code cell's Python without what a translation changes: strings, comments, and the call that chooses it.

    Of an f-string only its values are left, in any order; of a string, nothing. Magics stay as they are.
    """
    source = "".join(cell["source"])
    if source.startswith("%%"):
        return source
    magics = re.findall(r"^[%!].*$", source, flags=re.M)
    tree = ast.parse(re.sub(r"^[%!].*$", "", source, flags=re.M))
    chooses = ast.dump(ast.parse(f'mistral_edu.lab.language("{name}")').body[0])
    tree.body = [statement for statement in tree.body if ast.dump(statement) != chooses]
    for node in ast.walk(tree):
        if isinstance(node, ast.FormattedValue) and node.format_spec:
            node.format_spec = ast.dump(node.format_spec)                    # :.2f is no word
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            node.values = sorted((part for part in node.values if isinstance(part, ast.FormattedValue)), key=ast.dump)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return magics, ast.dump(tree)


def test_there_is_a_translated_page():
    assert ("00_start_here.de.ipynb", "de") in [(path.name, name) for path, name in TRANSLATED]
    assert {path for path, _name in TRANSLATED} == set(course.NOTEBOOKS.glob("*.*.ipynb"))


@pytest.mark.parametrize("page, name", TRANSLATED, ids=lambda each: getattr(each, "stem", each))
def test_a_translated_page_does_what_the_english_one_does(page, name):
    own, english = cells_of(page), cells_of(course.find(page.name[:2]).path)
    assert [(cell["id"], cell["cell_type"]) for cell in own] == [(cell["id"], cell["cell_type"]) for cell in english]
    for mine, theirs in zip(own, english):
        for cell in (mine, theirs):
            cell["metadata"].get("mistral_edu", {}).pop("measured", None)
        assert mine["metadata"] == theirs["metadata"], mine["id"]
        if mine["cell_type"] == "code":
            assert without_words(mine, name) == without_words(theirs, name), mine["id"]
        else:
            marks = r"^#+ (?:\w+ )?[\d.]+|\((\d+) |\]\(([^)]+)\)"          # headings, minutes, links
            told = [re.findall(marks, "".join(cell["source"]), flags=re.M) for cell in (mine, theirs)]
            assert [(minutes, link.replace(f".{name}.", ".")) for minutes, link in told[0]] == told[1], mine["id"]
    assert sum(f'language("{name}")' in "".join(cell["source"]) for cell in own) == 1


@pytest.mark.parametrize("page", sorted(course.SOLUTIONS.glob("*.*.md")), ids=lambda path: path.stem)
def test_translated_solutions_hold_the_same_code(page):
    name = page.suffixes[0][1:]
    own, english = (re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), flags=re.M | re.S)
                    for path in (page, page.with_name(page.name.replace(f".{name}.", "."))))
    assert own and [without_words({"source": code}, name) for code in own] == [
        without_words({"source": code}, name) for code in english]


@pytest.mark.parametrize("a, b, same", [
    ('print("one", x)', 'print("eins", x)  # was', True), ('f"{a} of {b}"', 'f"von {b} sind {a}"', True),
    ('print("one", x)', 'print("one", y)', False), ('f"{a:.2f}"', 'f"{a:.1f}"', False), ("%load_ext x", "", False),
    ("%%mistral\nHello", "%%mistral\nHallo", False)])
def test_what_counts_as_the_same_code(a, b, same):
    assert (without_words({"source": a}, "de") == without_words({"source": b}, "de")) == same


def test_a_learner_who_asks_for_a_language_gets_its_pages_beside_the_english_ones(tmp_path):
    folder, page, _ = copies.prepare(folder=str(tmp_path), language="de")
    assert page == "00_start_here.de.ipynb" and (folder / page).is_file() and (folder / "00_start_here.ipynb").is_file()
    assert (folder / "solutions" / "00_solutions.de.md").is_file()
    assert copies.prepare("1", str(tmp_path), language="de")[1] == "01_the_whole_model.ipynb"
    assert copies.prepare(folder=str(tmp_path / "english"))[1] == "00_start_here.ipynb"
    assert not list((tmp_path / "english").rglob("*.de.*"))
