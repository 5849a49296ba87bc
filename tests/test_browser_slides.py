"""Slides in a real browser, from a file and without a network: keys, no slide too full, letters large enough, paper."""
import re
from pathlib import Path

from lab_in_browser import running_browser
from mistral_edu import course
from mistral_edu.classroom.slides.build import build

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

SCREENSHOTS = Path(__file__).with_name("screenshots")
# For each slide that has a fault: its number, by how much it is too high or too wide, its smallest letters in pixels.
FAULTS = """() => [...document.querySelectorAll('.slide')].map((slide, n) => {
    const body = slide.querySelector('.body'), box = slide.getBoundingClientRect(), ends = [...body.children].map(
        one => one.getBoundingClientRect());
    const words = [...body.querySelectorAll('*')].filter(one => [...one.childNodes].some(
        node => node.nodeType === 3 && node.textContent.trim()) && !one.closest('math, .hidden-from-eyes'));
    const letters = words.map(one => one.closest('code') && !one.closest('pre') ? 99
        : parseFloat(getComputedStyle(one).fontSize) * one.currentCSSZoom);
    return {slide: n + 1, high: Math.max(0, ...ends.map(one => one.bottom - box.top)) - 661,
            wide: Math.max(body.scrollWidth - body.clientWidth, ...ends.map(one => one.right - box.left - 1237)),
            letters: Math.min(99, ...letters)};
}).filter(found => found.high > 0 || found.wide > 0 || found.letters < 24)"""

# Shown at once, and few enough for axe to be quick: the first slides, and those with what these do not have.
SOME = """() => { document.documentElement.classList.remove('js');
    [...document.querySelectorAll('.slide')].slice(12).filter(slide => !slide.querySelector('table, .key'))
        .forEach(slide => slide.remove()); }"""

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    """The slides of the whole course: their addresses, by the notebook's number."""
    folder = tmp_path_factory.mktemp("slides")
    return {path.stem: path.as_uri() for path, _ in build(folder)}


@pytest.fixture(scope="module")
def browser():
    with running_browser() as browser:
        yield browser


@pytest.fixture
def page(browser):
    """A page of 1280 by 720 without a network; afterwards, no script has failed, and only decks were asked for."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, offline=True)
    page, errors, asked = context.new_page(), [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    context.close()
    assert errors == []
    assert all(re.match(r"data:|file:.*\.html", url) for url in asked), asked


def at(page):
    """The number of the slide that is shown, which is the one in the address, too."""
    shown = page.locator(".slide.now")
    expect(shown).to_have_count(1)
    expect(shown).to_be_visible()
    assert page.url.endswith(f"#{shown.get_attribute('id')}")
    return int(shown.get_attribute("id"))


def test_no_slide_of_the_course_is_too_full_and_letters_are_24_pixels_and_more(page, decks):
    assert len(decks) == len(course.ready())
    for number, address in decks.items():
        page.goto(address)
        assert page.evaluate(FAULTS) == [], number


def test_keys_clicks_and_the_address_move_through_the_slides(page, decks):
    page.goto(decks["05"] + "#12")
    last = page.locator(".slide").count()
    for key, number in (("ArrowRight", 13), ("PageDown", 14), (" ", 15), ("Shift+ ", 14), ("ArrowLeft", 13),
                        ("PageUp", 12), ("End", last), ("ArrowDown", last), ("Home", 1), ("ArrowUp", 1)):
        assert page.keyboard.press(key) is None and at(page) == number, key
    page.mouse.click(900, 600)
    assert at(page) == 2
    page.get_by_role("link", name="5.4 The causal mask").click()
    expect(page.locator(".slide.now h2")).to_have_text("5.4 The causal mask")
    page.mouse.click(50, 690)
    assert at(page) == int(page.url.split("#")[1])
    page.reload()
    expect(page.locator(".slide.now")).to_be_visible()
    page.keyboard.press("f")
    page.wait_for_function("document.fullscreenElement")
    page.keyboard.press("b")
    expect(page.locator(".slide.now")).to_be_hidden()


def test_the_speakers_window_follows(page, decks):
    page.goto(decks["05"] + "#8")
    with page.expect_popup() as opened:
        page.keyboard.press("n")
    notes = opened.value
    assert "8 of" in notes.inner_text("body") and "Turn the query with" not in notes.inner_text("body")
    page.keyboard.press("ArrowRight")
    expect(notes.locator("body")).to_contain_text("Turn the query with")
    notes.keyboard.press("ArrowRight")
    assert at(page) == 10


def test_a_swipe_goes_on(browser, decks):
    phone = browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 400, "height": 800})
    page = phone.new_page()
    page.goto(decks["05"])
    touch = phone.new_cdp_session(page)
    for kind, at_x in (("touchStart", [300]), ("touchMove", [100]), ("touchEnd", [])):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": 400} for x in at_x]})
    page.wait_for_url("**#2")
    box = page.locator(".slide.now").bounding_box()
    assert at(page) == 2 and 0 <= box["x"] and box["x"] + box["width"] <= 400


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_fault(page, decks, dark):
    page.goto(decks["05"])
    if dark:
        page.keyboard.press("d")
    page.evaluate(SOME)
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"slides_{'dark' if dark else 'light'}.png", full_page=True)
    assert [(found["id"], found["nodes"][0]["html"]) for found in Axe().run(page).response["violations"]] == []


def test_paper_has_a_page_for_each_slide_and_without_a_script_all_are_shown(browser, page, decks, tmp_path):
    page.goto(decks["05"])
    count = page.locator(".slide").count()
    page.pdf(path=tmp_path / "05.pdf", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "05.pdf").read_bytes())) == count
    still = browser.new_context(java_script_enabled=False).new_page()
    still.goto(decks["05"])
    assert still.locator(".slide h1, .slide h2").filter(visible=True).count() == count
