"""Notebooks in a real JupyterLab: every slider of notebook 00 moves its picture or its text, three steps in a row.

From the second event on, widgets' callbacks come on another thread than cells; only a browser brings this about.
"""
import os
import shutil
from pathlib import Path

import pytest
from lab_in_browser import ERRORS, chromium, jupyter_lab, open_and_run

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "00_start_here.ipynb"
STEPS = 3
SHOWN = """box => [...box.querySelectorAll('img')].map(img => img.src).join() + '|'
               + [...box.querySelectorAll('pre')].map(pre => pre.textContent).join()"""
PICTURE = """box => { const img = box.querySelector('img'); return !img || img.offsetParent === null ? 'no picture'
                      : img.complete && img.naturalWidth > 100 ? 'drawn' : 'empty'; }"""

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Notebook 00 in a browser, all cells run. Yields (page, panel, page errors); screenshots lie in the temporary folder."""
    playwright_api = pytest.importorskip("playwright.sync_api") if not os.environ.get("CI") else None
    if playwright_api is None:
        import playwright.sync_api as playwright_api
    if chromium() is None:
        reason = "no chromium on the PATH: apt-get install chromium"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    folder = tmp_path_factory.mktemp("browser")
    shutil.copy(NOTEBOOK, folder)
    with jupyter_lab(folder) as address, playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), headless=True,
                                             args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 1200})
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        panel = open_and_run(page, address(NOTEBOOK.name))
        page.screenshot(path=folder / "run.png")
        yield page, panel, errors
        page.screenshot(path=folder / "end.png")
        browser.close()


def test_every_cell_runs_without_error_output(page):
    page, panel, errors = page
    assert page.evaluate("""() => window.jupyterapp.shell.currentWidget.content.widgets
        .filter(cell => cell.model.type === 'code')
        .flatMap(cell => cell.model.sharedModel.getOutputs())
        .filter(output => output.output_type === 'error' || output.name === 'stderr')""") == []
    assert panel.locator(ERRORS).count() == 0
    assert errors == []


def test_every_slider_answers_three_steps_in_a_row(page):
    page, panel, errors = page
    sliders = panel.locator(".jupyter-widgets .noUi-handle")
    assert sliders.count() >= 3
    for n in range(sliders.count()):
        slider = sliders.nth(n)
        slider.scroll_into_view_if_needed()
        explorer = slider.locator("xpath=ancestor::*[contains(@class, 'widget-vbox')][1]")
        seen = [explorer.evaluate(SHOWN)]
        key = "ArrowRight" if slider.get_attribute("aria-valuenow") != slider.get_attribute("aria-valuemax") else "ArrowLeft"
        for _ in range(STEPS):
            slider.press("ArrowLeft" if _at_end(slider) else key)
            seen.append(_wait_for_change(page, explorer, seen[-1]))
        assert len(set(seen)) > STEPS or n, seen
        assert explorer.evaluate(PICTURE) in ("drawn", "no picture")
        assert "stopped with" not in explorer.inner_text(), explorer.inner_text()
    assert errors == []


def _at_end(slider):
    return float(slider.get_attribute("aria-valuenow")) >= float(slider.get_attribute("aria-valuemax"))


def _wait_for_change(page, explorer, before, seconds=20):
    for _ in range(seconds * 20):
        now = explorer.evaluate(SHOWN)
        if now != before and "loading" not in now:
            return now
        page.wait_for_timeout(50)
    raise AssertionError(f"the slider moved, but picture and caption stayed: {explorer.inner_text()}")
