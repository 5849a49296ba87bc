"""Two pages of the site in a browser, opened from a folder: sliders, predictions, what is loaded, width, accessibility.

Notebook 00 is recorded, so its sliders move; notebook 08 is not, so its sliders stand still.
"""
import contextlib
import io
from pathlib import Path

from lab_in_browser import need_chromium, running_browser
from mistral_edu import course
from mistral_edu.lab import outcome, predict
from mistral_edu.site.build import build
from mistral_edu.site.recording import make

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SCREENSHOTS = Path(__file__).parent / "screenshots"
STILL, MOVING, GERMAN = "08_sliding_window_attention", "00_start_here", "00_start_here.de"
PAGES = ("index", "index.de", MOVING, GERMAN, STILL, "glossary", "reference")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a site with two notebooks."""
    need_chromium()
    folder = tmp_path_factory.mktemp("site")
    make(course.find("00").path, folder / "recordings")
    return build(folder / "site", folder / "recordings", ["00", "08"], record=False)


@pytest.fixture(scope="module")
def browser(site):
    with running_browser() as browser:
        yield browser


@pytest.fixture
def opened(site, browser):
    """A function that opens a page by its name. At the end nothing was loaded from elsewhere, and no script failed."""
    wrong, contexts = [], []

    def open_page(name, width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 1000}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith((site.folder.as_uri(), "data:"))
                else wrong.append(request.url))
        page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
        page.goto((site.folder / f"{name}.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def test_a_slider_moves_by_keyboard_and_says_so(opened):
    page = opened(MOVING)
    page.get_by_role("button", name="Show all results").click()
    figure = page.locator("figure.slider").filter(has=page.get_by_label("written"))
    slider, caption = figure.get_by_role("slider", name="written"), figure.locator("figcaption")
    picture, text = figure.locator("img"), caption.inner_text()
    src, alt = picture.get_attribute("src"), picture.get_attribute("alt")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "1")
    expect(figure.locator("output")).to_have_text("1")
    expect(caption).not_to_have_text(text)
    expect(picture).not_to_have_attribute("src", src)
    expect(picture).not_to_have_attribute("alt", alt)
    assert caption.get_attribute("aria-live") == "polite"
    assert picture.evaluate("image => image.naturalWidth") > 300
    page.keyboard.press("Home")
    expect(caption).to_have_text(text)


def test_a_function_of_text_and_two_controls_move_too(opened):
    page = opened(MOVING)
    page.get_by_role("button", name="Show all results").click()
    steps = page.locator("figure.slider").filter(has=page.get_by_label("steps", exact=True))
    before = steps.locator("figcaption").inner_text()
    steps.get_by_role("slider").press("End")
    expect(steps.locator("figcaption")).not_to_have_text(before)
    watch = page.locator("figure.slider").filter(has=page.get_by_label("products"))
    watch.get_by_role("slider", name="evaluate").press("Home")
    expect(watch.locator("figcaption")).to_contain_text("nothing is computed yet")
    watch.get_by_role("slider", name="products").press("End")
    expect(watch.locator("figcaption")).to_contain_text("6 products")
    expect(watch.locator("figcaption")).to_contain_text("nothing is computed yet")


def test_a_result_waits_for_a_prediction_and_judges_it(opened):
    page = opened(STILL)
    form, fold = page.locator("[data-predict='8.0']"), page.locator("[data-fold='8.0']")
    expect(fold).to_be_hidden()
    form.get_by_label("at all three").check()
    form.get_by_role("button", name="Take this guess").click()
    expect(fold).to_be_visible()
    expect(form.get_by_role("status")).to_contain_text("Prediction 8.0: at all three. Recorded")
    expect(fold.locator("[data-outcome='8.0']")).to_have_text(
        "Outcome 8.0: only at (5, 3). You predicted at all three.")
    number = page.locator("[data-predict='8.5']")
    number.get_by_label("A number").fill("12")
    page.keyboard.press("Enter")
    expect(page.locator("[data-outcome='8.5']")).to_have_text(
        "Outcome 8.5: 9. You predicted 12: off by a factor of 1.33.")


def test_on_a_german_page_predictions_are_judged_in_german(opened):
    page = opened(MOVING)
    page.get_by_role("link", name="Deutsch").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("00 Hier beginnen")
    form = page.locator("[data-predict='0.6']")
    page.get_by_role("button", name="Alle Ergebnisse zeigen").click()
    form.get_by_label("ja").check()
    form.get_by_role("button", name="Diesen Tipp abgeben").click()
    expect(form.get_by_role("status")).to_have_text("Vorhersage 0.6: ja. Notiert; das Ergebnis steht darunter.")
    expect(page.locator("[data-outcome='0.6']")).to_have_text(
        "Ergebnis 0.6: nein. Deine Vorhersage war ja.")
    assert page.evaluate("judged(12, 9, 0)") == "um den Faktor 1.33 daneben"
    page.get_by_role("link", name="mistral-edu").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mistral-7B, in Notebooks nachgebaut")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mistral-7B, built up in notebooks")


def test_numbers_are_judged_as_in_the_notebook(opened):
    page = opened(STILL)
    for guess, result, within in [
            (9, 9, 0.0), (12, 9, 0.0), (9.5, 9, 0.1), (30, 9, 1 / 3), (0, 9, 0.1), (-9, 9, 0.0), (18.45, 18.5, 0.0),
            (9000, 9, 0.05), (9, 90000, 0.0), (7, 11.05, 0.25), (1, 100, 0.0)]:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            predict("8.5", guess)
            outcome("8.5", result, within)
            predict("8.5")
        said = " ".join(printed.getvalue().split())
        verdict = page.evaluate("values => judged(...values)", [guess, result, within])
        assert f"You predicted {guess}{f': {verdict}' if verdict else ''}. Prediction" in said


def test_links_and_searches_find_what_is_folded(opened, site):
    page = opened(STILL)
    fold = page.locator("[data-fold='8.0']")
    assert fold.get_attribute("hidden") == "until-found"
    cell = fold.locator(".cell").first.get_attribute("id")
    page.goto((site.folder / f"{STILL}.html").as_uri() + f"#{cell}")
    expect(page.locator(f"#{cell}")).to_be_visible()


def test_without_a_script_and_in_print_everything_is_shown(opened):
    for page in (opened(MOVING, java_script_enabled=False), opened(MOVING)):
        page.emulate_media(media="print")
        assert page.locator(".fold").count() >= 3
        for fold in page.locator(".fold").all():
            expect(fold).to_be_visible()
        expect(page.locator("[data-open='0.3']")).to_be_visible()
        expect(page.locator(".predict:visible, .controls:visible")).to_have_count(0)
        expect(page.locator("figure.slider img:visible")).to_have_count(2)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault_and_a_phone_need_not_scroll_sideways(opened, name, scheme):
    page = opened(name, width=360, color_scheme=scheme)
    if page.get_by_role("button", name="Show all results").count():
        page.get_by_role("button", name="Show all results").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"site_{name}_{scheme}.png")
    part = "main > section:nth-of-type(1)" if name == "reference" else None         # its other sections are alike
    found = Axe().run(page, context=part, options={"preload": False}).response["violations"]
    assert [f"{one['id']}: {one['help']}, {one['nodes'][0]['html'][:200]}" for one in found
            if one["impact"] in ("serious", "critical")] == []


def test_the_first_tab_leads_past_the_navigation(opened):
    page = opened(STILL)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
