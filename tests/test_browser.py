"""Notebooks in a real JupyterLab: every slider moves its picture or its text, three steps in a row.

From the second event on, widgets' callbacks come on another thread than cells; only a browser brings this about. Only
a browser knows, too, what a screen reader finds: handles have names, pictures have words.
"""
import shutil
from pathlib import Path

from lab_in_browser import ERRORS, browser_on, open_and_run
from mistral_edu import course

import pytest
from playwright.sync_api import expect

FOLDER = Path(__file__).parents[1] / "notebooks"
PAGES = [notebook.path.name for notebook in course.ready()]
SLIDERS = {"00_start_here.ipynb": 3, "08_sliding_window_attention.ipynb": 3}       # at least so many; elsewhere one
STEPS = 3
SHOWN = """box => box.querySelector('img').src + '|' + box.querySelector('pre').textContent"""
PICTURE = """box => { const img = box.querySelector('img');
                      return img.offsetParent === null ? 'hidden' : img.naturalWidth > 100 ? 'drawn' : 'empty'; }"""

EXPLORER = "xpath=ancestor::*[contains(@class, 'widget-vbox')][1]"

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab and a browser, started once for all notebooks: (folder, page, address by name, errors of the page)."""
    folder = tmp_path_factory.mktemp("browser")
    for name in PAGES:
        shutil.copy(FOLDER / name, folder)
    with browser_on(folder) as (page, address, errors):
        yield folder, page, address, errors


@pytest.fixture(scope="module", params=PAGES, ids=lambda name: name[:2])
def page(request, lab):
    """A notebook in a JupyterLab loaded anew, all cells run by a kernel of its own: (page, panel, errors of the page).

    Screenshots go to pytest's folder.
    """
    folder, page, address, errors = lab
    errors.clear()
    panel = open_and_run(page, address(request.param))
    page.screenshot(path=folder / f"{request.param[:2]}_run.png")
    yield page, panel, errors
    page.screenshot(path=folder / f"{request.param[:2]}_end.png")
    page.evaluate("window.jupyterapp.serviceManager.sessions.shutdownAll()")


def test_every_cell_runs_without_error_output(page):
    page, panel, errors = page
    assert page.evaluate("""() => window.jupyterapp.shell.currentWidget.content.widgets
        .filter(cell => cell.model.type === 'code')
        .flatMap(cell => cell.model.sharedModel.getOutputs())
        .filter(output => output.output_type === 'error' || output.name === 'stderr')""") == []
    assert panel.locator(ERRORS).count() == 0
    assert errors == []


def test_lines_too_long_for_the_window_break_between_words(page):
    text = page[1].locator(".jp-OutputArea .jp-RenderedText pre").first
    assert text.evaluate("pre => getComputedStyle(pre).wordBreak") == "normal"


def test_every_slider_answers_three_steps_in_a_row(page, request):
    page, panel, errors = page
    sliders = panel.locator(".jupyter-widgets .noUi-handle")
    assert sliders.count() >= SLIDERS.get(request.node.callspec.params["page"], 1)
    for slider in sliders.all():
        slider.scroll_into_view_if_needed()
        explorer = slider.locator(EXPLORER)
        for _ in range(STEPS):
            before = explorer.evaluate(SHOWN)
            slider.press("ArrowLeft" if at_its_end(slider) else "ArrowRight")
            wait_for_change(page, explorer, before)
        assert explorer.evaluate(PICTURE) != "empty"
    assert errors == []


@pytest.mark.parametrize("page", ["00_start_here.ipynb"], indirect=True, ids=["00"])
def test_a_box_to_tick_answers_too(page):
    page, panel, errors = page
    box = panel.locator(".jupyter-widgets input[type=checkbox]").first
    box.scroll_into_view_if_needed()
    explorer = box.locator(EXPLORER)
    before = explorer.evaluate(SHOWN)
    box.click()
    wait_for_change(page, explorer, before)
    assert "nothing is computed yet" in explorer.inner_text()
    assert errors == []


def test_every_handle_of_a_slider_has_the_name_that_stands_beside_it(page):
    for handle in page[1].locator(".jupyter-widgets [role=slider]").all():
        label = handle.locator("xpath=ancestor::*[contains(@class, 'widget-slider')]").locator(".widget-label")
        expect(handle).to_have_attribute("aria-label", label.text_content())
        assert label.text_content() and label.get_attribute("title") != "null"


def test_in_a_narrow_window_the_words_beside_a_slider_are_not_cut_off(page):
    page[0].set_viewport_size({"width": 700, "height": 1200})
    cut = page[1].locator(".mistral-choice .widget-readout").evaluate_all(
        "values => values.filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)")
    page[0].set_viewport_size({"width": 1280, "height": 1200})
    assert cut == []


def test_a_slider_over_a_list_speaks_its_value_and_takes_no_typing(page):
    for row in page[1].locator(".jupyter-widgets.mistral-choice").all()[:2]:
        handle, value = row.locator("[role=slider]"), row.locator(".widget-readout")
        handle.scroll_into_view_if_needed()
        for _ in range(2):
            expect(handle).to_have_attribute("aria-valuetext", value.text_content())
            assert value.get_attribute("contenteditable") == "false"
            handle.press("ArrowLeft" if at_its_end(handle) else "ArrowRight")


def test_every_picture_has_words(page):
    words = page[1].locator(".jp-OutputArea img:visible").evaluate_all("pictures => pictures.map(one => one.alt)")
    assert words and min(map(len, words)) > 20, words


def at_its_end(slider):
    return float(slider.get_attribute("aria-valuenow")) >= float(slider.get_attribute("aria-valuemax"))


def wait_for_change(page, explorer, before, seconds=20):
    """Wait until picture or caption differ from `before`, and both are there; neither may tell of an error."""
    for _ in range(seconds * 20):
        if explorer.evaluate(SHOWN) != before:
            while (shown := explorer.evaluate(SHOWN)) != before:        # they come one after the other
                before = shown
                page.wait_for_timeout(100)
            assert "The function stopped with" not in explorer.inner_text(), explorer.inner_text()
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"the control moved, but picture and caption stayed as they were: {explorer.inner_text()}")
