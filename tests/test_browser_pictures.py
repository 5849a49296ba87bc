"""In a real JupyterLab: pictures are shown once and have words, live or still, trusted or not; the map is touched."""
from lab_in_browser import PANEL, browser_on, open_and_run
from mistral_edu.course.alt_texts import put_alt_texts
from mistral_edu.course.refresh import refresh

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=60_000)                    # a kernel may take its time

SMALL = {
    "import": "import mistral_edu\nfrom mistral_edu.lab import Picture, course_map, explore, figure",
    "slider": """def bars(base=2):
    fig, ax = figure(height=1.5)
    ax.bar(range(6), [base**n for n in range(6)])
    return Picture(fig, f"Powers of {base}.", alt=f"Six bars, powers of {base}")

explore(bars, base=(1, 5))""",
    "map": """course_map("05")""",
}
STILL = ".jp-OutputArea-child:not(:has(.mistral-live)) img:visible"
LIVE = ".widget-vbox.mistral-live img:visible"
CUT = """labels => labels
    .filter(label => label.scrollWidth > label.clientWidth || label.scrollHeight > label.clientHeight)
    .map(label => label.textContent)"""
COVERED = """labels => {
    const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    return labels.filter(label => !label.classList.contains('frame')).flatMap((one, n, all) => all.slice(n + 1)
        .filter(two => overlap(one.getBoundingClientRect(), two.getBoundingClientRect()))
        .map(two => one.textContent + ' and ' + two.textContent)); }"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A page with one slider and the map, stored as the course's pages are, in a browser: (page, address by name).

    It is there twice: small.ipynb is run, and so trusted; unread.ipynb is not.
    """
    folder = tmp_path_factory.mktemp("small")
    path = folder / "small.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source, id=name) for name, source in SMALL.items()]), path)
    refresh(path)
    notebook = nbformat.read(path, as_version=4)
    put_alt_texts(notebook)
    for name in ("small.ipynb", "unread.ipynb"):
        nbformat.write(notebook, folder / name)
    with browser_on(folder) as (page, address, errors):
        yield page, address
        assert errors == []


def test_a_page_that_was_not_run_shows_still_pictures_with_their_words(small):
    """JupyterLab does not trust it, and takes styles and scripts away."""
    page, address = small
    page.goto(address("unread.ipynb"))
    panel = page.locator(PANEL)
    expect(panel.locator(STILL)).to_have_count(2, timeout=60_000)
    bars, drawn_map = words_of(panel.locator(STILL))
    assert bars == "Six bars, powers of 2" and drawn_map.startswith("Map of the model")
    assert panel.get_by_text("Powers of 2.", exact=True).is_visible()
    assert not panel.get_by_text("softmax").first.is_visible()           # the boxes in words are folded away


def test_the_live_control_takes_the_still_picture_s_place_until_its_kernel_goes(small):
    page, address = small
    panel = open_and_run(page, address("small.ipynb"))
    expect(panel.locator(LIVE)).to_have_count(1)
    expect(panel.locator(STILL)).to_have_count(0)
    caption = panel.get_by_text("Powers of 2.", exact=True).locator("visible=true")
    expect(caption).to_have_count(1)                  # that of the live picture
    panel.locator("[role=slider]").press("ArrowRight")
    expect(panel.locator(LIVE)).to_have_attribute("alt", "Six bars, powers of 3")
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    expect(panel.locator(LIVE)).to_have_count(0)
    expect(panel.locator(STILL)).to_have_count(1)     # the map needs no kernel, and stays
    assert words_of(panel.locator(STILL)) == ["Six bars, powers of 2"]
    expect(caption).to_have_count(1)


def test_the_map_answers_to_the_mouse_and_to_the_keyboard(small):
    page, address = small
    panel = open_and_run(page, address("small.ipynb"))
    shown = panel.locator(".mistral-map .facts:visible")
    expect(shown).to_contain_text("Attention")        # where the page is
    panel.locator(".mistral-map label", has_text="SwiGLU").click()
    expect(shown).to_contain_text("688,128 in each of 8 blocks")
    page.keyboard.press("ArrowUp")
    expect(shown).to_contain_text("RMSNorm before SwiGLU")
    page.keyboard.press("ArrowRight")
    expect(shown).to_contain_text("688,128 in each of 8 blocks")
    page.keyboard.press("Control+Enter")              # other keys stay JupyterLab's: the cell runs again
    expect(shown).not_to_contain_text("688,128")
    expect(shown).to_contain_text("Attention")


def test_nothing_on_the_map_is_cut_or_covered(small):
    page, address = small
    labels = open_and_run(page, address("small.ipynb")).locator(".mistral-map label")
    for width in (1280, 800, 600):
        page.set_viewport_size({"width": width, "height": 1200})
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert labels.evaluate_all(CUT) == [], width
        assert labels.evaluate_all(COVERED) == [], width


def words_of(pictures):
    return pictures.evaluate_all("pictures => pictures.map(one => one.alt)")
