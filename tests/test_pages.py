"""Large pages under the weights: the same numbers at the same places, on fewer pages; and what if there are none."""
import mmap
import os
import re
import subprocess
import sys
from pathlib import Path

from mistral_edu.machine import large_pages

import numpy as np
import pytest

MEGABYTE = 1 << 20


def small_pages(size):
    """`size` bytes of memory as malloc gets it. (numpy would ask for large pages itself.)"""
    array = np.frombuffer(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), np.uint8)
    array[:] = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    return array


def bytes_on_large_pages(array):
    """Where an array lies, as Linux counts them. (Other memory of this process may come and go meanwhile.)"""
    total, is_here = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if mapping := re.match("([0-9a-f]+)-([0-9a-f]+) ", line):
            start, end = (int(place, 16) for place in mapping.groups())
            is_here = start < array.ctypes.data + array.nbytes and array.ctypes.data < end
        elif is_here and line.startswith("AnonHugePages"):
            total += 1024 * int(line.split()[1])
    return total


@pytest.mark.skipif(not large_pages.are_wanted(), reason="no large pages here")
def test_numbers_stay_as_and_where_they_are():
    array = small_pages(16 * MEGABYTE)
    numbers, place, before = array.copy(), array.ctypes.data, bytes_on_large_pages(array)
    done = large_pages.put_together([(place, array.nbytes)])
    assert np.array_equal(array, numbers) and array.ctypes.data == place
    assert bytes_on_large_pages(array) - before >= min(done, 12 * MEGABYTE)
    if tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) >= (6, 1):
        assert done >= 12 * MEGABYTE  # the blocks at its two ends may reach beyond the mapping


@pytest.mark.skipif(not large_pages.are_wanted(), reason="no large pages here")
def test_memory_of_which_little_is_used_is_left_alone():
    """A few numbers every two megabytes: on large pages the whole of it would be taken."""
    memory = mmap.mmap(-1, 32 * MEGABYTE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    array = np.frombuffer(memory, np.uint8)
    places = [(array.ctypes.data + start, 100_000) for start in range(0, array.size, large_pages.LARGE)]
    before = bytes_on_large_pages(array)
    assert large_pages.put_together(places) == 0 and bytes_on_large_pages(array) <= before


def test_a_place_that_is_not_mapped_is_left_out():
    just_above_0 = (large_pages.LARGE, large_pages.LARGE)  # where no program has memory
    assert large_pages.put_together([just_above_0]) == 0
    assert large_pages.put_together([(0, 0)]) == large_pages.put_together([]) == 0


@pytest.mark.parametrize("line, wanted", [("always [madvise] never", True), ("[always] madvise never", True),
                                          ("always madvise [never]", False), (None, False)])
def test_who_forbids_large_pages_gets_none(monkeypatch, tmp_path, line, wanted):
    monkeypatch.setattr(large_pages.sys, "platform", "linux")
    monkeypatch.setattr(large_pages, "ENABLED", tmp_path / "enabled")
    if line:
        large_pages.ENABLED.write_text(line + "\n")
    assert large_pages.are_wanted() == wanted
    monkeypatch.setenv("MISTRAL_EDU_LARGE_PAGES", "0")
    assert not large_pages.are_wanted()
    monkeypatch.delenv("MISTRAL_EDU_LARGE_PAGES")
    monkeypatch.setattr(large_pages.sys, "platform", "darwin")
    assert not large_pages.are_wanted()


@pytest.mark.skipif(not large_pages.are_wanted(), reason="no large pages here")
@pytest.mark.slow
def test_the_engine_asks_for_them_once_and_for_all_that_it_reads():
    code = """if 1:
        import mistral_edu
        from mistral_edu.bench.random_model import random_model
        from mistral_edu.fast import accelerate, compiled, cpu_engine
        from mistral_edu.machine import large_pages as pages
        from mistral_edu.quantize import size_in_bytes
        kernels, asked = compiled.kernels(120), []
        pages.put_together = lambda places: asked.append(places)
        model = accelerate(random_model("tiny", 8))
        assert model.answered_by == cpu_engine.CpuEngine.name, model.answered_by
        (places,) = asked
        norms = sum(module.weight.nbytes for module in model.modules() if type(module).__name__ == "RMSNorm")
        assert sum(size for _, size in set(places)) == size_in_bytes(model) - norms, (places, norms)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180, env=os.environ)
    assert done.returncode == 0, done.stderr
