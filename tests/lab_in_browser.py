"""A JupyterLab of its own in a headless Chromium, for tests that press keys: start it, run all cells, move sliders.

All of Jupyter's folders lie in a temporary one, so neither settings nor kernels of the user take part.
"""
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

KERNEL_IDLE = """() => {
    const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
    return kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle'; }"""
ALL_RUN = """() => {
    const cells = window.jupyterapp.shell.currentWidget.content.widgets.filter(cell => cell.model.type === 'code');
    return cells.every(cell => cell.model.executionCount) && (%s)(); }""" % KERNEL_IDLE
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
            "/Applications/Chromium.app/Contents/MacOS/Chromium")
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"
ERRORS = "[data-mime-type='application/vnd.jupyter.error'], [data-mime-type='application/vnd.jupyter.stderr']"
# Notebook 7 looks for its commands before anything on the page hears of a key; an element with this attribute it passes
# over. This notes for each key that is pressed, at that moment, whether it would.
NOTE_KEYS = """() => { window.keys = [];
    document.addEventListener('keydown', event => window.keys.push(
        [event.key, event.target.hasAttribute('data-lm-suppress-shortcuts')]), true); }"""


def chromium():
    """The browser's path, or None; it goes by several names."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def need_chromium():
    """Skip what asks for this without a browser; CI has one, so there it fails."""
    if chromium() is None:
        reason = "no chromium on the PATH: apt-get install chromium"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@contextmanager
def running_browser():
    """The browser of playwright, without a window."""
    need_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), headless=True,
                                             args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"])
        yield browser
        browser.close()


@contextmanager
def jupyter_lab(folder: Path):
    """A server on `folder`; yields the address of a notebook as a function of its name. Ends only what it started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    home = folder / ".jupyter-home"
    settings = home / "lab" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    env = dict(os.environ, JUPYTER_CONFIG_DIR=str(home / "config"), JUPYTER_DATA_DIR=str(home / "data"),
               JUPYTER_RUNTIME_DIR=str(home / "runtime"), JUPYTERLAB_SETTINGS_DIR=str(home / "lab"),
               JUPYTERLAB_WORKSPACES_DIR=str(home / "workspaces"), IPYTHONDIR=str(home / "ipython"))
    env.pop("MPLBACKEND", None)          # the kernel sets its own
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
               f"--port={port}", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
               "--LabApp.expose_app_in_browser=True", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    with open(home / "lab.log", "wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=env)
    try:
        wait_for(server, f"http://127.0.0.1:{port}/api/status?token={token}", home / "lab.log")
        yield lambda name: f"http://127.0.0.1:{port}/lab/tree/{name}?token={token}&reset"
    finally:
        server.terminate()               # it ends its kernels itself
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_for(server, address, log, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(address, timeout=2).read()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start: {log.read_text()[-2000:]}")


@contextmanager
def browser_on(folder, pixels=1):
    """JupyterLab on a folder, in a browser: (page, address of a notebook by its name, errors of the page).

    pixels: so many of the screen to one of the page, along each side; 2 makes crisp screenshots.
    """
    need_chromium()
    with jupyter_lab(folder) as address, running_browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1200}, device_scale_factor=pixels)
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page, address, errors


def open_and_run(page, address):
    """Open a notebook, run all its cells, wait for the last; returns the panel that shows it."""
    page.goto(address)
    panel = page.locator(PANEL)
    panel.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    page.wait_for_function(KERNEL_IDLE, timeout=60_000)      # a Run All that is sent before it is connected is lost
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(ALL_RUN, timeout=120_000)
    return panel
