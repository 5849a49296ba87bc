"""The course as static pages: links, predictions, sliders and their recording, and every page of the site."""
import json
import re
from html.parser import HTMLParser
from itertools import product
from math import prod

import mistral_edu
from mistral_edu import course, lab
from mistral_edu.lab import Picture, explore, figure
from mistral_edu.language import speaking, translations_in
from mistral_edu.site import front, recording
from mistral_edu.site.__main__ import main, report
from mistral_edu.site.build import build
from mistral_edu.site.controls import MOST, MOST_OF_ONE, chosen
from mistral_edu.site.links import Links, dead_links
from mistral_edu.site.markdown import Prose
from mistral_edu.site.notebook import cut, notebook_html
from mistral_edu.site.pages import FRONT, around, front_in, pages, versions
from mistral_edu.site.predictions import predictions
from mistral_edu.site.recorder import PICTURES, record
from mistral_edu.site.recording import fresh, has_slider, make_all
from mistral_edu.site.sliders import slider_html

import ipywidgets
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

CELLS = {one.number: cut(nbformat.read(one.path, as_version=4).cells) for one in course.COURSE}


def prose(source="notebooks/05_attention.ipynb", numbers=()):
    return Prose(Links(pages(numbers)), source)


def told(text):
    return [new_output("stream", name="stdout", text=text)]


# --- links -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("written, shown", [
    ("[a key](../docs/glossary.md#key)", '<a href="glossary.html#key">a key</a>'),
    ("[next](06_rope.ipynb)", '<a href="06_rope.html">next</a>'),
    ("[here](#51-one-query)", '<a href="#51-one-query">here</a>'),
    ("[home](../README.md)", '<a href="index.html">home</a>'),
    ("[paper](https://example.org/a#b)", '<a href="https://example.org/a#b">paper</a>'),
    ("[solutions/05_solutions.md](../solutions/05_solutions.md)", "solutions/05_solutions.md"),     # not on the site
])
def test_links_lead_to_pages_of_the_site_or_are_plain_text(written, shown):
    assert prose().html(written) == f"<p>{shown}</p>\n"


def test_links_in_what_a_cell_printed_are_rewritten_too():
    printed = '<b>x</b><a class="c" href="06_rope.ipynb">06</a> <a href="gone.ipynb">no <i>page</i></a>'
    assert prose().links.rewrite(printed, "notebooks/05_attention.ipynb") == (
        '<b>x</b><a class="c" href="06_rope.html">06</a> no <i>page</i>')


def test_what_is_not_built_is_not_linked():
    assert prose(numbers=["05"]).html("[next](06_rope.ipynb)") == "<p>next</p>\n"


def test_dead_links_are_found(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "a.html").write_text('<p id="x"></p><a href="b.html#y">1</a><a href="#x">2</a><a href="https://x.org">'
                                     '3</a><img src="a.png"><img src="data:,"><link rel="stylesheet" href="a.png">')
    (tmp_path / "b.html").write_text('<p id="y"></p>')
    assert dead_links(tmp_path) == []
    (tmp_path / "b.html").write_text('<p id="z"></p><p id="z"></p><a href="c.html">1</a><a href="#w">2</a>'
                                     '<img src="gone.png"><script src="https://x.org/a.js"></script>')
    assert dead_links(tmp_path) == [
        "a.html links to b.html#y, which is not there", "b.html links to c.html, which is not there",
        "b.html links to #w, which is not there", "b.html loads gone.png, which is not in the folder",
        "b.html loads https://x.org/a.js, which is not in the folder", "b.html has the id z twice"]


def test_a_translation_stands_beside_its_page_and_links_stay_in_its_language():
    every = pages(["00", "01"])
    front, german_front, english, german, next_one = every[:5]
    assert (german.source, german.title) == ("notebooks/00_start_here.de.ipynb", "00 Hier beginnen")
    assert around(english, every) == (front, next_one) and around(german, every) == (german_front, next_one)
    assert around(german_front, every) == (None, german) and versions(german_front, every) == [front, german_front]
    home = [Links(every, page.language).href("00_start_here.ipynb", page.source) for page in (english, german)]
    assert home == ["00_start_here.html", "00_start_here.de.html"]
    assert Links(every, "de").href("01_the_whole_model.ipynb", german.source) == "01_the_whole_model.html"
    assert Links(every).href("notebooks/00_start_here.de.ipynb", "README.md") == "00_start_here.de.html"
    assert [Links(every, name).href("../README.md", german.source) for name in ("en", "de")] == [
        "index.html", "index.de.html"]


# --- the front page --------------------------------------------------------------------------------------------------

def rows_of(page):
    """The table of a front page of notebooks 00 and 12: what its rows link to and say."""
    every = pages(["00", "12"])
    with speaking(page.language):
        shown = front.front_html(page, Prose(Links(every, page.language), page.source), every)
    return shown, re.findall(r"<tr><th scope=\"row\">(.*?)</th><td>(.*?)</td>", shown)


def test_the_front_page_says_what_the_readme_says():
    readme = FRONT.path.read_text(encoding="utf-8")
    assert " ".join(re.search(r"^# .*\n\n((?:.+\n)+)", readme)[1].split()) == front.introduction()


def test_a_front_page_leads_to_pages_in_its_language_and_else_to_english_ones():
    shown, (start, ring) = rows_of(FRONT)
    assert start[0] == ('<a href="00_start_here.html">00 Start here</a> '
                        '<a class="note" href="00_start_here.de.html" lang="de" hreflang="de">Hier beginnen</a>')
    assert ring == ('<a href="12_rolling_buffer.html">12 Rolling buffer</a> <span class="note">elective</span>',
                    "a cache that stops growing")
    assert "Translated so far" not in shown and '<li><a href="usage.html">' in shown
    shown, (start, ring) = rows_of(front_in("de"))
    assert start[0] == ('<a href="00_start_here.de.html">00 Hier beginnen</a> '
                        '<a class="note" href="00_start_here.html" lang="en" hreflang="en">Start here</a>')
    assert ring == ('<a href="12_rolling_buffer.html" hreflang="en">12 Ringpuffer</a> '
                    '<span class="note">Wahlteil</span>', "ein Cache, der nicht weiter wächst")
    assert "Auf Deutsch gibt es bisher Notebook 00;" in shown
    assert '<li><a href="usage.html" lang="en" hreflang="en">' in shown


# --- prose -----------------------------------------------------------------------------------------------------------

def test_headings_have_the_anchors_of_github_each_once_and_no_level_is_left_out():
    page = prose()
    page.html("# Top\n\n### A heading, of `words`\n\n#### More\n\n### A heading, of words\n\n## Two")
    assert page.headings == [(1, "top", "Top"), (2, "a-heading-of-words", "A heading, of <code>words</code>"),
                             (3, "more", "More"), (2, "a-heading-of-words-1", "A heading, of words"), (2, "two", "Two")]


def test_formulas_become_mathml_and_code_keeps_its_dollars():
    shown = prose().html("Of $x_i \\cdot\n2$ and `$y$`:\n$$\\ln V$$\n\n| $a$ |\n|---|\n| b |")
    assert "<msub><mi>x</mi><mi>i</mi></msub>" in shown and "<code>$y$</code>" in shown
    assert '<math display="block"><mrow><mi>ln</mi><mspace width="0.167em"></mspace><mi>V</mi></mrow></math>' in shown
    assert "<th><math><mrow><mi>a</mi></mrow></math></th>" in shown and shown.count("$") == 2


# --- predictions -----------------------------------------------------------------------------------------------------

def page_with_predictions():
    return [new_markdown_cell("## A\nGuess."), new_code_cell('predict("8.1", "?", choices=("up", "down"))'),
            new_code_cell("x = 1"), new_code_cell('predict("8.2", "?")'),
            new_code_cell('outcome("8.2", 9, within=1 / 4)',
                          outputs=told("Outcome 8.2: 9. No prediction was\nrecorded.\n")),
            new_code_cell('outcome("8.1", "up")', outputs=told("1\nOutcome 8.1: up. No prediction was recorded.\n")),
            new_markdown_cell("Up, since."), new_markdown_cell("### Exercise")]


def test_a_fold_ends_at_the_heading_after_its_outcome_and_folds_nest():
    first, second = predictions(page_with_predictions())
    assert (first.asked, first.told, first.end) == (1, 5, 7) and (second.asked, second.told, second.end) == (3, 4, 7)
    assert (second.result, second.within) == ("9", 0.25)
    assert first.verdicts == {"up": "Outcome 8.1: up. You predicted up: right.",
                              "down": "Outcome 8.1: up. You predicted down."}


def test_without_an_outcome_or_its_stored_words_a_page_cannot_be_built():
    cells = page_with_predictions()
    with pytest.raises(ValueError, match=r"8.1 has no outcome below it; add outcome\('8.1'"):
        predictions([*cells[:5], *cells[6:]])
    cells[5].outputs = told("Outcome 8.1: up. You predicted down: not so.\n")
    with pytest.raises(ValueError, match="does not tell outcome 8.1; make refresh"):
        predictions(cells)


def test_a_page_folds_what_follows_a_prediction_and_holds_all_of_it(tmp_path):
    path = tmp_path / "page.ipynb"
    nbformat.write(new_notebook(cells=page_with_predictions()), path)
    shown = notebook_html(path, prose(), tmp_path, None)
    order = [shown.index(words) for words in (
        'data-predict="8.1"', 'data-fold="8.1"', ">x</span>", 'data-fold="8.2"', "Outcome 8.2", "Outcome 8.1: up. No",
        "Up, since", "</div>\n</div>\n<h", "Exercise")]
    assert order == sorted(order) and shown.count("<div") == shown.count("</div>")
    assert shown.count('type="radio"') == 2 and 'data-result="9" data-within="0.25"' in shown
    assert '<span data-outcome="8.1">Outcome 8.1: up. No prediction was recorded.</span>' in shown


def test_in_german_predictions_are_found_and_judged_too():
    cells = cut(nbformat.read(course.find("00").page_in("de"), as_version=4).cells)
    with speaking("de"):
        found = {one.label: one for one in predictions(cells)}
    assert found.keys() == {one.label: one for one in predictions(CELLS["00"])}.keys()
    assert found["0.6"].verdicts == {"ja": "Ergebnis 0.6: nein. Deine Vorhersage war ja.",
                                     "nein": "Ergebnis 0.6: nein. Deine Vorhersage war nein: richtig."}


@pytest.mark.parametrize("number", CELLS)
def test_each_prediction_of_the_course_is_told_and_one_choice_at_most_is_right(number):
    found = predictions(CELLS[number])
    assert len(found) == sum(bool(re.search(r"^predict\(", cell.source, re.M)) for cell in CELLS[number]) > 0
    for one in found:
        assert one.asked < one.told < one.end
        if one.choices:
            assert sum(words.endswith(": right.") for words in one.verdicts.values()) <= 1
        else:
            assert float(one.result)


# --- sliders ---------------------------------------------------------------------------------------------------------

def bars(base=2, n=3, doubled=False, text="words"):
    if n == 1:
        return "No bar"
    fig, ax = figure(height=1)
    ax.bar(range(n), [1] * n)                           # the same for every base
    return Picture(fig, f"{base} {n} {doubled} {text}", alt=f"{n} bars")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """(folder, what is recorded, the explorer)"""
    folder = tmp_path_factory.mktemp("recorded")
    explorer = explore(bars, base=(1, 3), n=[1, 2, 3], doubled=False, text=ipywidgets.Text("a", description="text"))
    return folder, record(explorer, folder, "bars"), explorer


def test_every_combination_is_recorded_in_order(recorded):
    folder, found, _ = recorded
    assert found == json.loads((folder / "bars.json").read_text(encoding="utf-8"))
    assert [(one["name"], one["labels"], one["offered"], one["start"]) for one in found["controls"]] == [
        ("base", ["1", "2", "3"], 3, 1), ("n", ["1", "2", "3"], 3, 2), ("doubled", ["no", "yes"], 2, 0),
        ("text", ["a"], 1, 0)]
    wanted = [bars(*values, "a") for values in product((1, 2, 3), (1, 2, 3), (False, True))]
    assert [found["texts"][text] for _, text in found["frames"]] == [getattr(one, "caption", one) for one in wanted]
    assert [picture is None for picture, _ in found["frames"]] == [isinstance(one, str) for one in wanted]


def test_equal_pictures_are_stored_once(recorded):
    folder, found, _ = recorded
    assert len(found["frames"]) == 18 and len(found["pictures"]) == 2 == len(list((folder / PICTURES).iterdir()))
    assert [alt for *_, alt in found["pictures"]] == ["2 bars", "3 bars"] and len(found["texts"]) == 13
    assert all(file.suffix == ".webp" for file in (folder / PICTURES).iterdir())


def test_a_slider_shows_first_what_the_notebook_shows(recorded):
    folder, found, explorer = recorded
    shown = slider_html(folder / "bars.json", "bars")
    assert explorer.caption in re.search(r"<figcaption[^>]*>(.*?)<", shown)[1]
    assert f'src="{PICTURES}/{found["pictures"][1][0]}"' in shown and 'alt="3 bars"' in shown
    assert shown.count('type="range"') == 3 == shown.count("<label for=")
    assert "Recorded for every value. text can be changed in the notebook only." in shown
    data = json.loads(re.search(r'json">(.*?)</script>', shown)[1])
    assert data["sizes"] == [3, 3, 2, 1] and len(data["frames"]) == 18


def test_text_cannot_end_the_script_that_holds_it(tmp_path):
    record(explore(lambda n=1: f"</script><!-- {n} & &amp;", n=(1, 2)), tmp_path, "odd")
    shown = slider_html(tmp_path / "odd.json", "odd")
    assert shown.count("</script>") == 1 and "<!--" not in shown
    assert json.loads(re.search(r'json">(.*?)</script>', shown)[1])["texts"][0] == "</script><!-- 1 & &amp;"


@pytest.mark.parametrize("counts, starts", [
    ([128], [5]), ([71, 16], [9, 7]), ([31, 31], [20, 7]), ([8, 8, 26], [5, 4, 25]), ([15, 11, 11, 2], [14, 10, 0, 0]),
    ([3, 3], [1, 1])])
def test_few_values_are_recorded_with_both_ends_and_the_one_shown_first(counts, starts):
    kept = chosen(counts, starts)
    assert prod(map(len, kept)) <= MOST and max(map(len, kept)) <= MOST_OF_ONE
    for places, count, start in zip(kept, counts, starts):
        assert places == sorted(set(places)) and {0, start, count - 1} <= set(places) <= set(range(count))
    assert counts != [3, 3] or kept == [[0, 1, 2], [0, 1, 2]]


def test_every_cell_with_a_slider_is_found():
    for cells in CELLS.values():
        live = [cell.id for cell in cells if cell.cell_type == "code" and re.search(r"^explore\(", cell.source, re.M)]
        assert live == [cell.id for cell in cells if has_slider(cell)] and live


@pytest.mark.slow
def test_a_notebook_is_recorded_once_until_its_code_changes(tmp_path):
    cells = [new_code_cell('import mistral_edu.lab\nfrom mistral_edu.lab import explore\nrecord = _ = 1\n'
                           'mistral_edu.lab.language("de")'),
             new_code_cell('def sing(n=2, low=False):\n    return "la " * n * _\n\n'
                           "explore(sing,\n        n=(1, 3), low=False)", id="sing"),
             new_code_cell("a mistake, after the last slider")]
    path, told = tmp_path / "small.ipynb", []
    nbformat.write(new_notebook(cells=cells), path)
    assert fresh(path, tmp_path / "cache") is None
    make_all([path], tmp_path / "cache", told.append)
    assert told[0].startswith("Recording 1 sliders, once") and told[1] == "  page 1 of 1, small, begins"
    assert told[2].startswith("  page 1 of 1, small: slider 1 of 1 is recorded; 1 of 1 in all in ") and len(told) == 3
    folder = fresh(path, tmp_path / "cache")
    found = json.loads((folder / "sing.json").read_text())
    assert found["texts"] == ["la ", "la la ", "la la la "] and found["controls"][1]["labels"] == ["nein", "ja"]
    noted = json.loads((folder / recording.NOTES).read_text())["files"]
    assert "lab/showing/widgets.py" in noted and "transformer.py" in noted and "site/build.py" not in noted
    assert "language/de.po" in noted
    cells[1].source = cells[1].source.replace("la", "do")
    nbformat.write(new_notebook(cells=cells), path)
    assert fresh(path, tmp_path / "cache") is None


def test_a_recording_is_out_of_date_when_a_file_of_the_library_changes(tmp_path, monkeypatch):
    path = course.find("08").path
    before = recording.depends_on(path, ["masks.py"])
    monkeypatch.setattr(recording, "digest_of", lambda file: file.name)
    after = recording.depends_on(path, ["masks.py"])
    assert before["code"] == after["code"] and before["files"] != after["files"] == {"masks.py": "masks.py"}
    assert any(name.startswith("mistral_edu/tiny/") and name.endswith(".safetensors") for name in before["data"])


# --- the whole site --------------------------------------------------------------------------------------------------

class Faults(HTMLParser):
    """What a page lacks: a picture's words, a level of headings, a landmark, a control's name."""

    def __init__(self, text):
        super().__init__()
        self.found, self.level, self.tags = [], 0, set()
        self.feed(text)
        self.found += [f"no {tag}" for tag in ("main", "header", "footer", "nav", "h1") if tag not in self.tags]

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == "img" and not dict(attributes).get("alt"):
            self.found.append(f"a picture without words: {attributes}")
        if re.fullmatch("h[1-6]", tag):
            if int(tag[1]) > self.level + 1:
                self.found.append(f"{self.get_starttag_text()} below level {self.level}")
            self.level = int(tag[1])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The whole site, without recordings; building it checks every link."""
    folder = tmp_path_factory.mktemp("site")
    return build(folder / "site", folder / "recordings", record=False)


@pytest.fixture(scope="module")
def texts(site):
    """{a page's name: its HTML}"""
    return {page.name: (site.folder / page.name).read_text(encoding="utf-8") for page in site.pages}


@pytest.mark.slow
def test_all_pages_are_there_and_sound(site, texts):
    sources = [*(one.path for one in course.COURSE), course.find("00").page_in("de"), *course.DOCS.glob("*.md")]
    assert {*(f"{path.stem}.html" for path in sources), "index.html", "index.de.html",
            "reference.html"} == set(texts)
    assert site.still == [page.path.stem for page in site.pages if page.command] and len(site.still) == 21
    for name, text in texts.items():
        assert Faults(text).found == [], name
        without_code = re.sub(r"<(pre|code|script)\b.*?</\1>", "", text, flags=re.S)
        assert not re.search(r"\$[\\\w]|\\(?:frac|mathrm|ln|sum)\b", without_code), name


@pytest.mark.slow
def test_the_sizes_of_the_site_are_told(site):
    lines = report(site).splitlines()
    total = sum(path.stat().st_size for path in site.folder.rglob("*") if path.is_file())
    assert f"{len(site.pages)} pages" in lines[0] and f"{total / 1e6:.1f} MB" in lines[0]
    assert re.match(r"The largest page is \d\d_\w+\.html: 0\.\d MB with all its pictures", lines[1])
    assert lines[2].startswith("Sliders stand still in 00_start_here, 00_start_here.de, 01_")
    assert "make site without ARGS=--still" in lines[2]


@pytest.mark.slow
def test_pages_follow_each_other_in_reading_order(texts):
    def after(name):
        return re.findall(r'<a rel="next" href="([^"]*)"', texts[name])
    names = ["index.html"]
    while found := after(names[-1]):
        names += found
    assert names[:21] == ["index.html", *(f"{one.path.stem}.html" for one in course.COURSE)]
    assert sorted([*names, "index.de.html", "00_start_here.de.html"]) == sorted(texts)
    assert after("index.de.html") == ["00_start_here.de.html"]
    assert '<a rel="prev" href="04_rmsnorm.html">' in texts["05_attention.html"]


@pytest.mark.slow
def test_a_german_page_is_german_throughout_and_each_language_links_to_the_other(texts):
    english, german = texts["00_start_here.html"], texts["00_start_here.de.html"]
    assert '<html lang="en">' in english and '<html lang="de">' in german
    assert '<a href="00_start_here.de.html" hreflang="de" lang="de">Deutsch</a>' in english
    assert '<a href="00_start_here.html" hreflang="en" lang="en">English</a>' in german
    for text in (english, german):
        assert '<link rel="alternate" hreflang="de" href="00_start_here.de.html">' in text
    for text in (texts["index.html"], texts["index.de.html"]):
        assert '<link rel="alternate" hreflang="de" href="index.de.html">' in text
    assert '<a class="home" href="index.de.html">' in german and '<a class="home" href="index.html">' in english
    for sentence in ("Skip to the content", "On this page", "Show all results", "Take this guess", "Prediction 0.3",
                     "Next</span>", "here it stands still", "These pages need no network"):
        assert sentence in english and sentence not in german
    words = json.loads(re.search(r'id="words">(.*?)</script>', german)[1])
    with speaking("de"):
        assert words == translations_in((course.PACKAGE.parent / "site/site.js").read_text(encoding="utf-8"))
    assert 'hreflang="en"><span>Weiter</span>\n<b lang="en">01 The whole' in german
    assert words["right"] == "richtig" and 'id="words"' not in english


@pytest.mark.slow
def test_each_notebook_says_how_it_is_run(texts):
    for one in course.COURSE:
        assert f"<code>mistral-edu lab {one.number}</code>" in texts[f"{one.path.stem}.html"]
    assert "<code>mistral-edu lab 00 --language de</code>" in texts["00_start_here.de.html"]
    assert 'class="note about"' not in texts["usage.html"]


@pytest.mark.slow
def test_no_solution_is_on_the_site(site, texts):
    everything = "".join(texts.values())
    assert "solutions/05_solutions.md" in everything and not re.search(r'href="[^"#]*solution', everything)
    assert not any("solution" in path.name for path in site.folder.rglob("*"))


@pytest.mark.slow
def test_the_reference_has_every_public_name_with_its_file(texts):
    text = texts["reference.html"]
    names = re.findall(r"<h3 id=\"[\w-]+\">(\w+)</h3>", text)
    assert sorted(names) == sorted([*mistral_edu.__all__, *lab.__all__])
    assert text.count("Source: <code>mistral_edu/") == len(names) and "mistral_edu/checkpoints/loading.py" in text


def test_the_site_says_what_it_did_and_replaces_nothing_else(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["--still", "--folder", str(tmp_path), "05"]) == 2
    assert "is not a site, so nothing was written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert main(["99"]) == 2 and "the course has no notebook 99" in capsys.readouterr().err
