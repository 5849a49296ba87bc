"""What `make lint` looks at is clean, and it would see what is not: imports, names, width, types."""
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def ruff(*arguments, text=None):
    return subprocess.run([sys.executable, "-m", "ruff", "check", "--no-cache", *arguments], input=text,
                          capture_output=True, text=True, cwd=ROOT)


def test_ruff_finds_nothing():
    done = ruff(".")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file, text, rule", [
    ("mistral_edu/new.py", "import os\n", "F401"),                                             # never used
    ("mistral_edu/new.py", "def f():\n    return thing\n", "F821"),                            # no such name
    ("mistral_edu/new.py", f"x = '{'a' * 120}'\n", "E501"),                                    # too wide
    ("mistral_edu/new.py", "import mlx.core as mx\nimport os\nprint(mx, os)\n", "I001"),       # in the wrong order
    ("tests/test_new.py", "import mlx\nfrom mistral_edu import load\nprint(mlx, load)\n", "I001"),
    ("mistral_edu/new.py", "def f(x=[]):\n    return x\n", "B006")])                           # one list for all calls
def test_ruff_finds_what_is_wrong(file, text, rule):
    done = ruff("--stdin-filename", file, "-", text=text)
    assert done.returncode == 1 and rule in done.stdout, done.stdout + done.stderr


def test_cells_of_notebooks_are_read_too():
    listed = ruff("--show-files", ".").stdout
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        assert str(notebook) in listed


def test_in_a_test_mistral_edu_comes_before_mlx_so_that_it_can_run_by_itself():
    text = "from mistral_edu import load\n\nimport mlx.core as mx\n\nprint(load, mx)\n"
    assert ruff("--stdin-filename", "tests/test_new.py", "-", text=text).returncode == 0
