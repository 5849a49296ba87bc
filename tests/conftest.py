"""What all tests share. `mistral_edu` comes first here, so that OpenBLAS lies under MLX in every test."""
import os
from collections import Counter
from contextlib import contextmanager
from importlib.util import find_spec

from mistral_edu.fast import compiled, jobs
from small_environments import COMPILING

import mlx.core as mx
import pytest
from hypothesis import settings

# Speed varies by ten on shared machines, so no example has a deadline; a failure is the same one on every run.
settings.register_profile("project", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("project")

# What `mistral-edu classroom prepare` has put into this environment is for its users, not for its tests.
os.environ["MISTRAL_EDU_SHARED"] = "/nonexistent"

# Seconds, roughly: of a cell of a notebook, and of a test with one of these marks.
COST = {".ipynb": 1, "slow": 5, "browser": 10}

collect_ignore_glob = ["golden/make_*.py"]  # they need other libraries, and run once, by hand


def pytest_collection_modifyitems(items):
    """Files that take longest come first, so that short ones are left to keep all processors busy until the end."""
    work = Counter()
    for item in items:
        work[item.path] += COST.get(item.path.suffix, 0) + sum(COST.get(mark.name, 0) for mark in item.iter_markers())
    items.sort(key=lambda item: -work[item.path])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """What a test draws without a seed of its own, weights for instance, is the same in every run and in any order."""
    mx.random.seed(0)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session):
    """Kernels come before the first test, so that none is answered by one path first, and by another once they come.

    And before doctests are looked for: to import kernels.py for that would compile them again, in each process.
    To compile takes half a minute, at low priority, and so ten times as long beside programs that never rest.
    """
    if not session.config.getoption("numprocesses", None):  # a process that runs tests, not one that hands them out
        compiled.kernels(wait=COMPILING)


@contextmanager
def computing_on_the_processor():
    before = mx.default_device()
    mx.set_default_device(mx.cpu)
    try:
        yield
    finally:
        mx.set_default_device(before)


@pytest.fixture
def processor():
    """MLX computes on the processor, even if there is a GPU: for tests of what is so there alone."""
    with computing_on_the_processor():
        yield


@pytest.fixture(scope="module")
def kernels():
    """The compiled kernels, on the processor: for modules that test the engine, which are skipped without numba."""
    with computing_on_the_processor():
        ready = compiled.kernels()
        if ready is None:
            if find_spec("numba"):
                pytest.fail(compiled.why_not())
            pytest.skip(compiled.why_not())
        yield ready


@pytest.fixture
def float32_products(monkeypatch):
    """No product goes to oneDNN, which rounds to bfloat16: for bounds that are narrower than that."""
    monkeypatch.setattr(jobs, "LARGE", float("inf"))
