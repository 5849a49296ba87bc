"""Sliders call a plain function on the thread on which cells run, whichever thread the event came on."""
import asyncio
import base64
import re
import threading

from mistral_edu.lab import Picture, explore, figure
from mistral_edu.lab.showing import reruns
from mistral_edu.lab.showing.widgets import text_box

import ipywidgets
import mlx.core as mx
import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

WIDGET = "application/vnd.jupyter.widget-view+json"


def square(n=2):
    fig, ax = figure(width=2, height=1)
    ax.plot(range(n))
    return Picture(fig, f"{n} squared is {n * n}")


def drawn(explorer):
    """The png that the widget shows."""
    return base64.b64decode(re.search(r'src="data:image/png;base64,([^"]+)"', explorer.image.value)[1])


def shown(monkeypatch, capsys, thing):
    """What a cell with this last value publishes: the displayed bundles, and the printed text."""
    published = CapturingDisplayPublisher()
    monkeypatch.setattr(InteractiveShell.instance(), "display_pub", published)
    thing._ipython_display_()
    return [output["data"] for output in published.outputs], capsys.readouterr().out


def in_a_thread(work):
    """Run work on another thread; returns what it raised, or None."""
    raised = []

    def run():
        try:
            work()
        except Exception as error:
            raised.append(error)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised[0] if raised else None


async def three_rounds():
    """Of the event loop: what was put off by no time at all is done then, whatever the clock says."""
    for _ in range(3):
        await asyncio.sleep(0)


def test_the_first_picture_is_that_of_the_plain_call():
    explorer = explore(square, n=(1, 9))
    assert explorer.values == {"n": 2}
    assert explorer.caption == square().caption == "2 squared is 4"
    assert drawn(explorer) == square().png()


def test_moving_the_slider_draws_anew():
    explorer = explore(square, n=(1, 9))
    explorer.controls["n"].value = 5
    assert explorer.caption == "5 squared is 25"
    assert drawn(explorer) == square(5).png() != square().png()


def test_a_lazy_array_is_evaluated_on_the_thread_of_the_cell():
    """What a browser brings about: the event comes on another thread, and the function touches an unevaluated array."""
    async def cell():
        lazy = mx.arange(8) * 3                      # noted on this thread, not computed
        assert isinstance(in_a_thread(lazy.tolist), RuntimeError)      # or this test would prove nothing
        lazy = mx.arange(8) * 3
        explorer = explore(lambda at=1: f"{lazy[at].item()} on {threading.current_thread().name}", at=(0, 7))
        explorer.main.delay, captions = 0, [explorer.caption]
        for value in (2, 3, 4):
            assert in_a_thread(lambda value=value: setattr(explorer.controls["at"], "value", value)) is None
            await three_rounds()
            captions.append(explorer.caption)
        return captions
    main = threading.current_thread().name
    assert asyncio.run(cell()) == [f"{3 * n} on {main}" for n in (1, 2, 3, 4)]


def test_a_dragged_slider_draws_a_few_times_and_ends_at_the_last_value():
    drawn = []

    async def cell():
        explorer = explore(lambda n=0: drawn.append(n) or str(n), n=(0, 100))
        explorer.main.delay = 0
        for value in range(1, 51):
            explorer.controls["n"].value = value
        await three_rounds()
        return explorer.caption
    assert asyncio.run(cell()) == "50"
    assert len(drawn) <= 3, drawn


def test_an_error_is_shown_in_the_widget_and_the_next_value_recovers():
    explorer = explore(lambda n=1: f"{6 / n:.0f}", n=(0, 6))
    explorer.controls["n"].value = 0
    assert "The function stopped with ZeroDivisionError" in explorer.caption and "6 / n" in explorer.caption
    assert explorer.image.layout.display == "none"
    explorer.controls["n"].value = 3
    assert explorer.caption == "2"


def test_each_kind_of_control_is_named():
    def fn(share=0.5, on=True, method="fast", size=None, label="x < y"):
        return f"{share} {on} {method} {size} {label}"
    explorer = explore(fn, share=(0.0, 1.0, 0.25), on=True, method=["slow", "fast"], size={"small": 1, "large": 9},
                       label=ipywidgets.Text("<b>", description="label"))
    kinds = [type(control).__name__ for control in explorer.controls.values()]
    assert kinds == ["FloatSlider", "Checkbox", "SelectionSlider", "SelectionSlider", "Text"]
    assert [control.description for control in explorer.controls.values()] == ["share", "on", "method", "size", "label"]
    assert explorer.caption == "0.5 True fast 1 <b>"
    assert "<b>" not in explorer.text.value           # text stays text


def test_a_live_picture_carries_its_description():
    explorer = explore(square, n=(1, 9))
    assert 'alt="2 squared is 4"' in explorer.image.value
    explorer.controls["n"].value = 5
    assert 'alt="5 squared is 25"' in explorer.image.value


def test_the_still_picture_and_its_caption_come_before_the_widget(monkeypatch, capsys):
    calls = []

    def counted(n=2):
        calls.append(n)
        return square(n)
    bundles, printed = shown(monkeypatch, capsys, explore(counted, n=(1, 9)))
    still, live = bundles
    assert base64.b64decode(still["image/png"]) == square().png() and printed == "2 squared is 4\n"
    assert WIDGET in live and "The picture above shows it" in live["text/plain"]
    assert calls == [2]                               # one call serves both


def test_a_text_is_shown_by_the_widget_alone(monkeypatch, capsys):
    bundles, printed = shown(monkeypatch, capsys, explore(lambda n=2: f"{n} apples", n=(1, 9)))
    live, = bundles
    assert WIDGET in live and "image/png" not in live and printed == ""


def test_an_error_in_the_first_call_stops_the_cell_as_a_plain_call_would():
    with pytest.raises(ZeroDivisionError):
        explore(lambda n=0: f"{6 / n:.0f}", n=(0, 6))


def test_what_is_stored_says_what_was_live():
    words = explore(square, n=(1, 9))._repr_mimebundle_()["text/plain"]
    assert "n = 2" in words and "VBox" not in words


@pytest.mark.parametrize("controls, message", [({}, "needs a control"), ({"m": (1, 3)}, "takes n; it has no m")])
def test_a_control_that_fits_nothing_is_refused(controls, message):
    with pytest.raises(ValueError, match=message):
        explore(square, **controls)


def test_one_move_of_a_shared_slider_draws_once_however_often_its_cell_has_run():
    moves, slider = [], ipywidgets.IntSlider(value=3, min=1, max=9)
    for _ in range(5):
        explorer = explore(lambda window=3: moves.append(window) or "", window=slider)
    moves.clear()
    slider.value = 7
    assert moves == [7] and explorer.values == {"window": 7}


@pytest.mark.slow
def test_what_a_cell_has_made_is_let_go_when_it_runs_again(monkeypatch):
    """Widgets alive after 20 runs of a cell with two pictures and a text field are those of one run."""
    instances, counts = ipywidgets.widgets.widget._instances, []
    before = len(instances)
    for run in range(20):
        monkeypatch.setattr(reruns, "running_cell", lambda: ("the-cell", run))
        first, second = explore(square, n=(1, 9)), explore(lambda text="a": text, text=text_box("a"))
        counts.append(len(instances) - before)
    assert len(set(counts)) == 1
    first.controls["n"].value = 5
    second.controls["text"].value = "b"
    assert first.caption == "5 squared is 25" and second.caption == "b"      # both pictures of the last run are live


def test_cells_do_not_let_go_of_one_another(monkeypatch):
    monkeypatch.setattr(reruns, "running_cell", lambda: ("one", 1))
    first = explore(square, n=(1, 9))
    monkeypatch.setattr(reruns, "running_cell", lambda: ("other", 2))
    explore(square, n=(1, 9))
    first.controls["n"].value = 4
    assert first.caption == "4 squared is 16"
