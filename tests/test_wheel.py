"""The package as pip installs it: what is in the wheel, what its description says, and a course without any clone."""
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path

from lab_in_browser import wait_for
from mistral_edu import course

import pytest

ROOT = Path(__file__).parents[1]
PAGES = {notebook.path.name for notebook in course.ready()}
STORY = "Tell me a story about a red ball."

pytestmark = pytest.mark.slow


def call(*command, **settings):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def uv(tmp_path_factory):
    """uv, and the Python of an environment that can build the package: with a network, or what uv has kept from one."""
    program = shutil.which("uv", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    if program is None:
        not_here("no uv: make setup, or pip install uv")
    environment = tmp_path_factory.mktemp("building") / "venv"
    call(program, "venv", "--python", sys.executable, environment)
    python = environment / "bin" / "python"
    command = [program, "pip", "install", "--python", str(python), "hatchling>=1.27"]
    got = subprocess.run(command, capture_output=True, text=True)
    if got.returncode:
        not_here(f"hatchling cannot be installed, so there is no network: {got.stderr.strip()}")
    return program, python


def not_here(reason):
    pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.fixture(scope="module")
def built(uv, tmp_path_factory):
    """(wheel, sdist): the wheel is built from what the sdist holds."""
    program, python = uv
    folder = tmp_path_factory.mktemp("dist")
    call(program, "build", "--no-build-isolation", "--python", python, "--out-dir", folder, ROOT)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


def test_the_wheel_brings_the_pages_the_solutions_and_the_docs(built):
    names = zipfile.ZipFile(built[0]).namelist()
    pages = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}        # and their translations
    stored = {"notebooks": pages, **{room: {path.name for path in (ROOT / room).glob("*.md")}
                                     for room in ("solutions", "docs")}}
    for room, files in stored.items():
        place = f"mistral_edu/course/{room}/"
        assert files and {name.removeprefix(place) for name in names if name.startswith(place)} == files
    outside = {name.split("/")[0] for name in names}
    assert len(outside) == 2 and "mistral_edu" in outside                # and its metadata


def test_wheel_and_sdist_bring_the_kernels_for_nvidia(built):
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "mistral_edu").rglob("*.cuh")}
    with tarfile.open(built[1]) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    assert files and files <= set(zipfile.ZipFile(built[0]).namelist()) and files <= in_sdist


def test_the_sdist_holds_what_building_and_testing_take(built):
    with tarfile.open(built[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "docs/troubleshooting.md", "conftest.py",
            "Makefile", "requirements.lock", "environment.yml", "tests/test_wheel.py", ".ci/run", "CHANGELOG.md",
            ".github/workflows/tests.yml", "mistral_edu/py.typed"} <= names


def relative_targets(text):
    """Where links and pictures of a markdown text lead within the repository: inline, by reference, or in HTML."""
    found = re.findall(r"\]\(([^)]*)\)|^\[[^\]]+\]: *(\S+)|\b(?:src|href)=[\"']?([^\"'> ]+)", text, flags=re.M)
    return [target for target in map("".join, found) if not re.match(r"https?:|mailto:|#", target)]


def test_the_description_leads_nowhere_that_only_a_clone_has(built):
    archive = zipfile.ZipFile(built[0])
    (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    message = message_from_bytes(archive.read(metadata))
    text = message.get_payload(decode=True).decode("utf-8")
    assert message["Description-Content-Type"] == "text/markdown" and text.startswith("# mistral-edu")
    assert relative_targets((ROOT / "README.md").read_text(encoding="utf-8")) and relative_targets(text) == []
    assert "Map of the model: text becomes tokens" in text and "map.png" not in text
    places = re.findall(r"`([^`]+)`, in the installed package", text)
    assert "mistral_edu/tiny/README.md" in places and set(places) <= set(archive.namelist())
    assert "docs/troubleshooting.md (`mistral-edu lab` puts it beside the notebooks)" in text


@pytest.fixture(scope="module")
def installed(uv, built, tmp_path_factory):
    """The programs of an environment that holds the wheel, its extras cpu and lab, and what they need."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    call(uv[0], "venv", "--python", sys.executable, environment)
    call(uv[0], "pip", "install", "--python", environment / "bin" / "python",
         "--constraint", ROOT / "requirements.lock", f"mistral-edu[cpu,lab] @ {built[0].as_uri()}")
    return environment / "bin"


@contextmanager
def started(program, *words, folder):
    """A command that runs in `folder` without the user's settings or this environment's packages; ended on leaving."""
    own = {f"JUPYTER_{name}_DIR": str(folder / ".jupyter" / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    left_out = ("PYTHONPATH", "VIRTUAL_ENV", "JUPYTER_PATH")
    env = {name: value for name, value in os.environ.items() if name not in left_out}
    with open(folder / ".log", "wb") as log:
        process = subprocess.Popen([str(program), *words], cwd=folder, env={**env, **own}, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
    try:
        yield process
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)                       # and all that it has started
        except ProcessLookupError:
            pass
        process.communicate()


def test_an_installed_wheel_answers_a_prompt(installed, tmp_path):
    with started(installed / "mistral-edu", "generate", STORY, "--max-tokens", "12", folder=tmp_path) as process:
        answer, _ = process.communicate(timeout=600)
    assert process.returncode == 0 and len(answer.split()) > 5, (tmp_path / ".log").read_text()


def test_an_installed_wheel_opens_the_course_in_an_empty_folder(installed, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)

    def get(path):
        address = f"http://127.0.0.1:{port}/api/{path}?token={token}"
        return json.load(urllib.request.urlopen(address, timeout=60))

    options = ("--no-browser", f"--port={port}", f"--IdentityProvider.token={token}")
    with started(installed / "mistral-edu", "lab", *options, folder=tmp_path) as process:
        wait_for(process, f"http://127.0.0.1:{port}/api/status?token={token}", tmp_path / ".log", seconds=300)
        listed = {entry["name"] for entry in get("contents")["content"]}
        page = get(f"contents/{sorted(PAGES)[0]}")["content"]
        process.terminate()
        process.wait(60)
    assert listed == PAGES | {"solutions", "docs"}
    assert page["cells"][0]["source"].startswith("# 00")
    assert f"Your pages: {tmp_path / 'mistral-notebooks'}" in (tmp_path / ".log").read_text()
