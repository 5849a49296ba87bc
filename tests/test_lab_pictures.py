"""Pictures are equal byte by byte when they show the same, carry their words, and the map names every notebook."""
import base64
import io
import itertools
import re
from pathlib import Path

from mistral_edu.course.alt_texts import IMG, drop_alt_texts, img_tag, put_alt_texts
from mistral_edu.course.refresh import bare_png
from mistral_edu.lab import Picture, course_map, figure
from mistral_edu.palette import PALETTE

import matplotlib
import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from nbformat.v4 import new_code_cell, new_notebook, new_output, writes


def lightness(colour):
    """Relative luminance of a colour, as WCAG 2 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in matplotlib.colors.to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_picture_shows_itself_with_words_for_those_who_cannot_see_it(monkeypatch, capsys):
    shell = InteractiveShell.instance()
    published = CapturingDisplayPublisher()
    monkeypatch.setattr(shell, "display_pub", published)
    fig, ax = figure()
    ax.plot([1, 2])
    Picture(fig, "from 1 to 2", alt="a rising line")._ipython_display_()
    output, = published.outputs
    assert output["metadata"]["image/png"]["alt"] == "a rising line"
    assert output["data"]["text/plain"] == "Picture: a rising line"
    assert output["data"]["text/html"] == img_tag(output["data"]["image/png"], "a rising line")
    assert capsys.readouterr().out == "from 1 to 2\n"


def test_a_picture_drawn_in_one_go_has_the_bytes_that_savefig_writes():
    fig, axes = figure(height=2, columns=2, sharey=True)
    for ax, n in zip(axes, (1, 1000)):
        ax.plot([n, 3 * n, 2 * n], label=f"{n} times")
        ax.set(xlabel="x", ylabel="a label that the layout makes room for", title=f"{n}")
        ax.legend()
    png, written = Picture(fig, "").png(), io.BytesIO()
    fig.savefig(written, format="png", dpi=110, metadata={"Software": None})
    assert png == written.getvalue()


def page_with(data, alt="a rising line"):
    metadata = {"image/png": {"alt": alt}} if alt else {}
    return new_notebook(cells=[new_code_cell(outputs=[new_output("display_data", data, metadata=metadata)])])


def test_an_image_has_its_words_its_size_and_no_way_out_of_its_attributes():
    fig, _ = figure(width=2, height=1)
    png = base64.b64encode(Picture(fig, "").png()).decode()
    tag = img_tag(png, 'a < b, "c" & d')
    assert 'alt="a &lt; b, &quot;c&quot; &amp; d"' in tag
    assert 'width="220" height="110"' in tag          # 2 x 1 inches at 110 dots an inch
    assert f'src="data:image/png;base64,{png}"' in tag
    assert img_tag(png[:40] + "\n" + png[40:] + "\n", 'a < b, "c" & d') == tag


def test_alt_texts_are_put_beside_stored_pictures_and_dropped_again():
    fig, _ = figure(width=1, height=1)
    png = base64.b64encode(Picture(fig, "").png()).decode()
    page = page_with({"image/png": png, "text/plain": "words"})
    before = writes(page)
    put_alt_texts(page)
    assert page.cells[0].outputs[0].data["text/html"] == img_tag(png, "a rising line")
    once = writes(page)
    put_alt_texts(page)
    assert writes(page) == once
    drop_alt_texts(page)
    assert writes(page) == before


@pytest.mark.parametrize("data, alt", [({"image/png": "", "text/html": "<table></table>"}, "words"),
                                       ({"text/html": "<p>no picture</p>"}, "words"), ({"image/png": ""}, None)])
def test_html_of_others_and_pictures_without_words_stay_as_they_are(data, alt):
    page = page_with(data, alt)
    before = writes(page)
    put_alt_texts(page)
    drop_alt_texts(page)
    assert writes(page) == before


def test_the_root_conftest_knows_the_html_that_pages_leave_out():
    assert f"PICTURE = {IMG!r}" in (Path(__file__).parents[1] / "conftest.py").read_text(encoding="utf-8")


def test_nbconvert_shows_the_words():
    exporter = pytest.importorskip("nbconvert").HTMLExporter()
    fig, _ = figure(width=1, height=1)
    page = page_with({"image/png": base64.b64encode(Picture(fig, "").png()).decode()})
    put_alt_texts(page)
    html, _ = exporter.from_notebook_node(page)
    assert re.findall(r'<img[^>]* alt="([^"]*)"', html) == ["a rising line"]


def test_equal_pictures_are_equal_bytes_without_dates_or_versions():
    first, second = course_map("05").png(), course_map("05").png()
    assert first == second
    assert b"Software" not in first and b"Matplotlib" not in first


def test_a_png_loses_its_texts_and_keeps_its_picture():
    pillow = pytest.importorskip("PIL.Image")       # comes with matplotlib
    fig, ax = figure(width=1, height=1)
    buffer = io.BytesIO()
    fig.savefig(buffer, metadata={"Title": "today"})
    bare = bare_png(buffer.getvalue())
    assert b"today" in buffer.getvalue() and b"today" not in bare
    assert pillow.open(io.BytesIO(bare)).tobytes() == pillow.open(buffer).tobytes()


def test_the_palette_differs_in_lightness_between_neighbours():
    gaps = [abs(lightness(a) - lightness(b)) for a, b in itertools.pairwise(PALETTE)]
    assert min(gaps) > 0.02 and len(set(PALETTE)) == 8
