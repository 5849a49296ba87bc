"""When a cell is stopped, or a name is not there, the page says in a line what to do; hints climb for readers alone.

The first tests run cells in IPython's shell, in this process; then come a real kernel, and JupyterLab in a browser.
"""
import io
import re
import sys
import time
from contextlib import redirect_stdout
from datetime import timedelta

from lab_in_browser import ALL_RUN, KERNEL_IDLE, PANEL, jupyter_lab, need_chromium, running_browser
from mistral_edu.lab import check, kernel
from mistral_edu.lab.kernel.cells import names_made
from mistral_edu.lab.prompting.magics import Stopped

import pytest
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import KernelManager
from nbformat.v4 import new_code_cell, new_notebook, writes

START = "from mistral_edu.lab import hint, predict"
INVITED, FIRST, SECOND = "3 hints wait here. Run this cell again for the first.", "Hint 1 of 3", "Hint 2 of 3"


@pytest.fixture
def run(monkeypatch):
    """Runs a cell in a shell that the lab follows; returns what it printed, without colours, and its error."""
    monkeypatch.setattr(kernel, "_cells", None)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    shell = InteractiveShell(colors="nocolor")
    kernel.listen(shell)

    def run(code, cell_id=None):
        printed = io.StringIO()
        with redirect_stdout(printed):
            result = shell.run_cell(code, store_history=True, cell_id=cell_id)
        return printed.getvalue().strip(), result.error_in_exec
    run(START)                                          # In [1]
    return run


def left_unmade(name):
    return kernel._cells.left_unmade(name)              # the shell of `run` has no kernel


@pytest.fixture
def page(tmp_path, monkeypatch, run):
    """Writes a notebook, tells the kernel that it is its page, and gives its cells the ids a, b, c, ..."""
    def page(*codes):
        cells = [new_code_cell(code, id=name) for code, name in zip(codes, "abcdef")]
        (tmp_path / "page.ipynb").write_text(writes(new_notebook(cells=cells)), encoding="utf-8")
        monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "page.ipynb"))
    return page


def test_stop_ends_in_one_line_and_stays_an_interrupt(run):
    said, error = run("def count():\n    raise KeyboardInterrupt\n\ncount()")
    assert said == "[stopped in In [2], line 2: raise KeyboardInterrupt]"
    assert type(error) is KeyboardInterrupt


def test_an_interrupt_that_speaks_for_itself_is_left_to_it(run):
    run("from mistral_edu.lab.prompting.magics import Stopped")
    said, error = run("raise Stopped('[stopped; 7 tokens are kept]')")
    assert said == "[stopped; 7 tokens are kept]" and isinstance(error, Stopped)


def test_what_a_stopped_cell_would_have_made_is_said_until_it_has_run(run):
    run("raise KeyboardInterrupt\ncurves = {}")
    said, error = run("print(curves)")
    assert said == "`curves` is not there: the cell that makes it, In [2], was stopped. Run it again."
    assert type(error) is NameError
    run("curves = {}")
    assert run("print(curves)") == ("{}", None)
    run("del curves")
    assert "was stopped" not in run("print(curves)")[0]


def test_what_a_failed_cell_would_have_made(run):
    run("best = 1 / 0")
    assert run("best")[0] == ("`best` is not there: the cell that makes it, In [2], ended in an error. "
                              "Mend that first, and run it again.")


def test_what_a_failed_cell_made_before_it_failed_is_made(run):
    run("def f(): pass")
    run("def f(): return 1\n1 / 0\ndef g(): pass")
    assert left_unmade("f") is None
    assert left_unmade("g") == (3, "ended in an error")


def test_a_cell_that_defines_a_function_and_uses_it_can_be_run_again_after_it_failed(run):
    """After a syntax error, and after Stop: what the cell defines is new as soon as its def line has run."""
    run("def f(): pass")
    run("def f(:")
    assert left_unmade("f") == (3, "ended in an error")
    run("from mistral_edu.lab.kernel import _cells")
    assert run("print(_cells.left_unmade('f'))\ndef f(): return 1\nprint(_cells.left_unmade('f'))\n"
               "raise KeyboardInterrupt")[0] == (
        "(3, 'ended in an error')\nNone\n[stopped in In [5], line 4: raise KeyboardInterrupt]")
    assert left_unmade("f") is None


def test_a_name_missing_in_the_readers_function_keeps_its_line(run):
    run("raise KeyboardInterrupt\ncurves = {}")
    run("def longest():\n    return max(curves)")
    said, _ = run("longest()")
    assert said.startswith("`curves` is not there: the cell that makes it, In [2], was stopped.")
    assert said.endswith("(It is read in In [3], line 2: return max(curves))")


def test_a_name_that_a_cell_above_makes(run, page):
    page("import numpy as np\nsize = 3", "print(size)", "print(later)", "later = size")
    assert run("print(size)", "b")[0] == ("`size` is not there: a cell above makes it. "
                                          "Run > Run All Above Selected Cell.")
    assert run("print(np)", "b")[0].startswith("`np` is not there: a cell above makes it.")
    assert run("print(later)", "c")[0] == "`later` is not there yet: a cell further down makes it."
    assert run("print(size)", "new")[0] == ("`size` is not there: another cell of this page makes it. "
                                            "Run that one first.")


def test_the_page_may_hold_magics_and_cells_that_are_no_python(run, page):
    page("%%mistral -n 9 -o found\nTell me a story", "%load_ext mistral_edu\nsize = 3", "size =", "print(size)")
    assert "a cell above makes it" in run("print(size)", "d")[0]
    assert "a cell above makes it" in run("print(found)", "d")[0]


@pytest.mark.parametrize("file", ["", "{", '{"cells": 3}'], ids=["empty", "cut off", "no cells"])
def test_a_page_that_cannot_be_read_spoils_nothing(run, tmp_path, monkeypatch, file):
    (tmp_path / "page.ipynb").write_text(file)
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "page.ipynb"))
    said, error = run("print(size)")
    assert type(error) is NameError and "Traceback" in said
    assert said.endswith("If a cell above makes `size`, run it first: Run > Run All Above Selected Cell.")


def test_a_slip_of_the_pen_keeps_the_traceback(run, page):
    page("size = 3", "prnit(3)")
    said, error = run("prnit(3)", "b")
    assert "Traceback" in said and "----> 1 prnit(3)" in said and "name 'prnit' is not defined" in said
    assert said.endswith("Did you mean `print`?") and type(error) is NameError


def test_a_name_that_nothing_explains_keeps_the_traceback_alone(run, page):
    page("size = 3", "zzzz")
    said, _ = run("zzzz", "b")
    assert said.startswith("---") and said.endswith("NameError: name 'zzzz' is not defined")


def test_other_name_errors_are_left_alone(run):
    said, _ = run("def f():\n    y += 1\nf()")
    assert "UnboundLocalError" in said and "not there" not in said
    said, _ = run("raise NameError('of my own')")
    assert said.endswith("NameError: of my own")


def test_a_guess_without_quotes(run):
    said, error = run('predict("8.5", cat)')
    assert said == 'Put your guess in quotes: predict("8.5", "cat").' and type(error) is NameError
    said, _ = run('predict("0.4", half and half, choices=("building", "half and half"))')
    assert said == 'Put your guess in quotes: predict("0.4", "half and half").'


def test_a_missing_name_beside_a_guess_is_not_taken_for_one(run):
    said, _ = run('predict("8.5", 3, choices=zzzz)')
    assert "in quotes" not in said and "name 'zzzz' is not defined" in said


def test_somebody_elses_handler_stays(monkeypatch):
    monkeypatch.setattr(kernel, "_cells", None)
    shell = InteractiveShell()
    shell.set_custom_exc((ValueError,), lambda *_, **__: None)
    kernel.listen(shell)
    assert shell.custom_exceptions == (ValueError,)


def test_the_cell_that_imports_the_lab_is_known_again_when_it_runs_again(monkeypatch):
    monkeypatch.setattr(kernel, "_cells", None)
    shell = InteractiveShell()
    shell.kernel, shell.get_parent = "a kernel", lambda: {"metadata": {"cellId": "a"}}
    kernel.listen(shell)
    first, _ = kernel.running_cell()
    shell.run_cell("again = 1", cell_id="a")
    assert first == kernel.running_cell()[0] == "a"


def test_names_that_only_functions_and_comprehensions_bind_are_not_made_by_the_cell():
    assert names_made("def f(a):\n    b = a\n[c for c in 'ab']\nlambda d: d\nclass E:\n    g = 1") == {"f", "E"}
    assert names_made("a, (b, *c) = 1, (2, 3)\nwith open(a) as d: pass\nfor e in b: g = e") == set("abcdeg")


# --- a real kernel ---------------------------------------------------------------------------------------------------

@pytest.fixture
def client(tmp_path, monkeypatch, request):
    """A client of a new kernel, in a folder of its own; `client.km` is its manager. Its clock may be some hours off."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    manager = KernelManager(kernel_name="python3")
    manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.km = manager
    header = client.session.msg_header
    ahead = timedelta(hours=getattr(request, "param", 0))
    client.session.msg_header = lambda kind: (h := header(kind)) | {"date": h["date"] + ahead}
    client.start_channels()
    client.wait_for_ready(timeout=120)
    ask(client, "%colors nocolor")
    ask(client, START)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def reply_to(client, request, seconds=120):
    """(status, what is on the page) of a request that was sent."""
    while (reply := client.get_shell_msg(timeout=seconds))["parent_header"].get("msg_id") != request:
        pass
    shown = ""
    while True:
        message = client.get_iopub_msg(timeout=seconds)
        if message["parent_header"].get("msg_id") == request:
            content = message["content"]
            shown += content.get("text", "") + "\n".join(content.get("traceback", ()))
            if content.get("execution_state") == "idle":
                return reply["content"]["status"], shown.strip()


def ask(client, code):
    """Send one cell, and wait for its end."""
    return reply_to(client, client.execute(code))


def ask_all(client, folder, *codes):
    """Send cells as Run All does, all before the first has ended: that one runs longer than the sending took."""
    began, end = folder / "began", folder / "end"
    wait = f"""import os, time
open({str(began)!r}, "w").close()
while not os.path.exists({str(end)!r}):
    time.sleep(0.01)"""
    before = time.monotonic()
    requests = [client.execute(code) for code in (wait, *codes)]
    sending = time.monotonic() - before
    wait_for(began)
    time.sleep(sending + 0.1)
    end.touch()
    shown = [reply_to(client, request) for request in requests][1:]
    began.unlink()
    end.unlink()
    return shown


def wait_for(file, seconds=120):
    deadline = time.monotonic() + seconds
    while not file.exists():
        assert time.monotonic() < deadline, f"{file.name} did not come"
        time.sleep(0.01)


@pytest.mark.slow
def test_run_all_does_not_climb_and_the_reader_does(client, tmp_path):
    def run_all():
        return ask_all(client, tmp_path, 'hint("0.3")')[0][1]

    def run_alone():
        return ask(client, 'hint("0.3")')[1]
    assert run_all() == INVITED
    assert run_all() == INVITED
    assert run_alone().startswith(FIRST)
    assert run_all().startswith(FIRST)
    assert run_alone().startswith(SECOND)
    assert [run_alone()[:10] for _ in range(3)] == ["Hint 3 of ", "No more hi", "No more hi"]
    wrong = 'from mistral_edu.lab import check\ncheck("8.9", lambda n, window: n)'
    assert ask(client, wrong)[1].startswith("✗ 8.9") and ask(client, 'hint("8.9")')[1].startswith("Hint 1 of ")


@pytest.mark.slow
@pytest.mark.parametrize("client", [1, -1], indirect=True, ids=["fast", "slow"])
def test_a_browser_whose_clock_is_an_hour_off_changes_nothing(client, tmp_path):
    hint = 'hint("0.3")'
    assert ask(client, hint)[1] == INVITED
    assert ask_all(client, tmp_path, hint) == [("ok", INVITED)]
    assert ask(client, hint)[1].startswith(FIRST)


@pytest.mark.slow
def test_stop_in_a_kernel_drops_what_is_queued_and_the_next_cell_says_what_is_missing(client, tmp_path):
    going = tmp_path / "going"
    loop = f"import time\nopen({str(going)!r}, 'w').close()\nwhile True:\n    time.sleep(0.01)\ncurves = {{}}"
    stopped, queued = client.execute(loop), client.execute("print('queued')")
    wait_for(going)
    client.km.interrupt_kernel()
    status, shown = reply_to(client, stopped)
    assert status == "error" and re.fullmatch(r"\[stopped in In \[\d+\], line [34]: .*\]", shown), shown
    assert reply_to(client, queued) == ("aborted", "")
    status, shown = ask(client, "curves")
    assert status == "error"
    assert re.fullmatch(r"`curves` is not there: the cell that makes it, In \[\d+\], was stopped. Run it again.", shown)


# --- a real JupyterLab -----------------------------------------------------------------------------------------------

CELLS = [START, "import time; time.sleep(0.5); made = 1", 'hint("0.3")', "print(made)"]
OUTPUTS = """() => window.jupyterapp.shell.currentWidget.content.widgets.map(
    cell => cell.model.sharedModel.getOutputs().map(o => o.text ?? o.traceback).flat().join(''))"""
CLEAR = """() => window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')"""


@pytest.mark.browser
@pytest.mark.slow
def test_in_jupyterlab(tmp_path):
    """Run All twice, then the hint alone, then Run All; last, after a restart, a cell before those above it."""
    need_chromium()
    notebook = new_notebook(cells=[new_code_cell(code) for code in CELLS],
                            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    (tmp_path / "page.ipynb").write_text(writes(notebook), encoding="utf-8")
    with jupyter_lab(tmp_path) as address, running_browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1200})
        page.goto(address("page.ipynb"))
        page.locator(PANEL).locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
        page.wait_for_function(KERNEL_IDLE, timeout=60_000)

        def run_all():
            page.evaluate(CLEAR)
            page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
            page.wait_for_function(ALL_RUN, timeout=120_000)
            return page.evaluate(OUTPUTS)

        def run_cell(number):
            page.evaluate(f"""() => {{ window.jupyterapp.shell.currentWidget.content.activeCellIndex = {number};
                                      return window.jupyterapp.commands.execute('notebook:run-cell'); }}""")
            page.wait_for_function(KERNEL_IDLE, timeout=60_000)
            return page.evaluate(OUTPUTS)[number]

        assert run_all()[2].strip() == INVITED
        assert run_all()[2].strip() == INVITED
        assert run_cell(2).startswith(FIRST)
        assert run_all()[2].startswith(FIRST)
        assert run_cell(2).startswith(SECOND)
        page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        page.wait_for_function(KERNEL_IDLE, timeout=60_000)
        run_cell(0)
        assert run_cell(3) == "`made` is not there: a cell above makes it. Run > Run All Above Selected Cell."
        page.screenshot(path=tmp_path / "end.png")


def test_an_answer_cell_that_did_not_run_is_not_judged_by_what_it_was_before(monkeypatch):
    """After a syntax error the name still stands for the earlier version."""
    def answer(x):
        return 2 * x
    monkeypatch.setattr(sys.modules["mistral_edu.lab.exercises.check"], "left_unmade",
                        {"answer": (12, "ended in an error")}.get)
    verdict = check("t", answer, [(3,)], lambda x: 2 * x)
    assert not verdict and "In [12], ended in an error" in verdict.message and "earlier version" in verdict.message
    answer.__name__ = "another"
    assert check("t", answer, [(3,)], lambda x: 2 * x)
