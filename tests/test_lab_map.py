"""The map names every notebook, tells true numbers, and reads well where it is drawn, touched, or stripped bare."""
import itertools
import re
from html.parser import HTMLParser

from mistral_edu import MistralConfig
from mistral_edu.course import COURSE, Notebook, find
from mistral_edu.lab import course_map
from mistral_edu.lab.showing.map import BOXES, boxes
from mistral_edu.lab.showing.map.facts import facts_of

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

PRESETS = ("tiny", "7b-v0.1", "7b-v0.3", "230m")
WHOLE = "Embedding", "Block, many times over", "RMSNorm after the last block", "Logits"
BLOCK = "RMSNorm before attention", "Attention", "RMSNorm before SwiGLU", "SwiGLU"


class Page(HTMLParser):
    """What an HTML page holds: its tags with their attributes, and the text outside styles and drawings."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.words, self.open = [], "", []
        self.feed(html)
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("input", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if not {"style", "svg"} & set(self.open):
            self.words += text

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def labels(html):
    return [attributes["class"].split() for attributes in Page(html).all("label")]


def test_the_map_has_every_notebook_once_in_its_titles_and_a_box_for_each():
    assert [notebook.number for notebook in COURSE] == [f"{n:02}" for n in range(20)]
    assert {box.notebook for box in BOXES if box.notebook} == {notebook.number for notebook in COURSE}


def test_boxes_of_the_map_do_not_overlap_but_where_one_holds_the_other():
    def within(inner, outer):
        return (outer.x <= inner.x and inner.x + inner.w <= outer.x + outer.w
                and outer.y <= inner.y and inner.y + inner.h <= outer.y + outer.h)
    for a, b in itertools.combinations(BOXES, 2):
        apart = a.x + a.w <= b.x or b.x + b.w <= a.x or a.y + a.h <= b.y or b.y + b.h <= a.y
        assert apart or (a.frame and within(b, a)) or (b.frame and within(a, b)), (a.name, b.name)


def test_names_fit_into_their_boxes():
    fig = course_map("00").fig
    renderer = fig.canvas.get_renderer()
    fig.draw(renderer)
    ax = fig.axes[0]
    to_units = ax.transData.inverted()
    for box in BOXES:
        extents = [to_units.transform_bbox(text.get_window_extent(renderer))
                   for text in ax.texts if text.get_text() == box.name]
        assert any(box.x < extent.x0 and extent.x1 < box.x + box.w and box.y < extent.y0 and extent.y1 < box.y + box.h
                   for extent in extents), box.name


@pytest.mark.parametrize("current", [None, *(f"{n:02}" for n in range(0, 20, 4))])
def test_the_current_box_is_lit_and_named(current):
    picture = course_map(current)
    lit = [patch for patch in picture.fig.axes[0].patches if patch.get_linewidth() > 2]
    assert len(lit) == sum(box.notebook == current for box in BOXES if current)
    here = f"You are at {current}, {find(current).title}" if current else "Each box names its notebook"
    assert here in picture.caption


def test_a_notebook_that_is_not_on_the_map_is_refused():
    with pytest.raises(ValueError, match="00 to 19"):
        course_map("20")


def test_which_notebook_builds_a_box_is_read_from_the_course():
    assert {box for notebook in COURSE for box in notebook.boxes} == {box.name for box in BOXES if box.notebook}
    assert len({box.key for box in BOXES}) == len(BOXES)


@pytest.mark.parametrize("name", PRESETS)
def test_every_box_has_its_facts(name):
    assert set(facts_of(MistralConfig.preset(name))) == {box.key for box in BOXES}


@pytest.mark.parametrize("name", PRESETS)
def test_parts_add_up_to_the_whole_model(name):
    config = MistralConfig.preset(name)
    facts = facts_of(config)
    assert sum(facts[key].parameters for key in WHOLE) == config.n_parameters == facts["The whole model"].parameters
    assert sum(facts[key].parameters for key in BLOCK) == facts["Block, many times over"].parameters


def test_numbers_are_those_of_the_configuration():
    facts = facts_of(MistralConfig.preset("7b-v0.1"))
    assert facts["SwiGLU"].each == 176_160_768            # 3 x 4096 x 14336
    assert facts["KV cache"].memory == "131.1 kB per token, in 16 bit"
    assert facts["Rolling buffer"].memory == "at most 536.9 MB"              # 4096 tokens
    assert "14336" in facts["SwiGLU"].shapes and "4 times smaller" in facts["Groups"].memory
    without = facts_of(MistralConfig.preset("7b-v0.3"))
    assert "no window" in without["Window"].what and not without["Rolling buffer"].memory


def test_a_shared_table_is_counted_once():
    config = MistralConfig(dim=8, n_layers=1, head_dim=4, hidden_dim=16, n_heads=2, n_kv_heads=2, window_size=None,
                           context_len=8, vocab_size=10, tie_embeddings=True)
    facts = facts_of(config)
    assert facts["Embedding"].parameters == 80 and facts["Logits"].parameters == 0
    assert sum(facts[key].parameters for key in WHOLE) == config.n_parameters
    assert "keys and values of its own" in facts["Groups"].what


def test_the_map_to_touch_has_a_button_and_a_label_for_each_box():
    page = Page(course_map("04").touch)
    buttons = page.all("input")
    assert [button["aria-label"] for button in buttons] == [box.key for box in BOXES]
    assert {button["name"] for button in buttons} == {"box"}           # of one group, so one is chosen at a time
    assert [n for n, button in enumerate(buttons) if "checked" in button] == [6]      # the first of the lit ones
    assert not any("checked" in button for button in Page(course_map().touch).all("input"))


def test_the_boxes_of_the_notebook_are_lit():
    lit = [box.key for box, kinds in zip(BOXES, labels(course_map("04").touch)) if "lit" in kinds]
    assert lit == [box.key for box in BOXES if box.name == "RMSNorm"]
    assert not any("lit" in kinds for kinds in labels(course_map().touch))


def test_what_is_not_written_yet_looks_so_and_the_rest_is_a_link(monkeypatch):
    monkeypatch.setattr(Notebook, "ready", property(lambda notebook: notebook.number in ("00", "05", "08")))
    html = course_map("05").touch
    planned = {box.key for box, kinds in zip(BOXES, labels(html)) if "planned" in kinds}
    assert planned == {box.key for box in BOXES if box.notebook not in (None, "00", "05", "08")}
    assert [link["href"] for link in Page(html).all("a")] == [find("00").path.name, find("08").path.name]
    assert "notebook 09: SwiGLU, not written yet" in html and "notebook 05: Attention, this page" in html
    dashed = [patch for patch in course_map("05").fig.axes[0].patches if patch.get_linestyle() != "-"]
    assert len(dashed) == len(planned)


def test_a_complete_course_has_no_word_about_dashes(monkeypatch):
    monkeypatch.setattr(Notebook, "ready", property(lambda notebook: True))
    html = course_map("05").touch
    assert boxes.PLANNED_LEGEND not in html
    assert not any("planned" in kinds for kinds in labels(html))


def test_without_styles_buttons_and_drawings_the_map_is_a_list_to_read():
    words = " ".join(Page(course_map("05").touch).words.split())
    assert "Attention 05" in words and "You are at 05, Attention." in words
    assert "Formula: softmax(Q KT / √32) V" in words and "163,840 in each of 8 blocks" in words
    assert Page(course_map("05").touch).tags[2][0] == "details"          # closed, so that it is not in the way
    assert boxes.LOOP_NAME not in words              # no stray words of the drawing


def test_a_pages_own_lines_are_shown_with_their_boxes():
    lines = {"Embedding": "(12, 256), norm 0.3 < 1", "RMSNorm": "all", "RMSNorm before SwiGLU": "one"}
    html = course_map("01", facts=lines).touch
    told = {box.key for box, kinds in zip(BOXES, labels(html)) if "told" in kinds}
    assert told == {"Embedding", *(box.key for box in BOXES if box.name == "RMSNorm")}
    assert "<span>(12, 256), norm 0.3 &lt; 1</span>" in html
    assert html.count("<span>all</span>") == 2 and html.count("<span>one</span>") == 1


def test_a_box_that_is_not_on_the_map_is_refused():
    with pytest.raises(ValueError, match="no box 'Rope'; it has Start here, .*RoPE"):
        course_map(facts={"Rope": "turned"})


def test_the_html_is_the_same_each_time_and_holds_no_picture():
    html = course_map("05").touch
    assert html == course_map("05").touch
    assert "base64" not in html and not re.search(r'\bid="', html)       # ids would meet those of a second map
    assert len(html) < 30_000


def test_a_cell_shows_the_still_map_its_caption_and_the_map_to_touch(monkeypatch, capsys):
    published = CapturingDisplayPublisher()
    monkeypatch.setattr(InteractiveShell.instance(), "display_pub", published)
    drawn = course_map("05")
    drawn._ipython_display_()
    still, touch = (output["data"] for output in published.outputs)
    assert set(still) == {"text/html", "image/png", "text/plain"} and capsys.readouterr().out == drawn.caption + "\n"
    assert set(touch) == {"text/html", "text/plain"} and touch["text/html"] == drawn.touch
