"""A model that is let go leaves nothing behind, and one that is loaded changes nothing but memory."""
import gc
import resource
import weakref
from pathlib import Path

from mistral_edu.checkpoints.loading import load_model

import mlx.core as mx
import pytest


@pytest.mark.parametrize("dtype", ["float32", None])
@pytest.mark.parametrize("fast", [True, False])
def test_a_model_is_freed_with_its_last_name(fast, dtype):
    """A 7B that waits for Python's collector would need its memory twice."""
    model = load_model(dtype=dtype, fast=fast)
    model(mx.array([[1, 5, 9]]))                 # from the first call on, an engine watches the model
    last = weakref.ref(model)
    gc.disable()
    try:
        del model
        assert last() is None
    finally:
        gc.enable()


@pytest.mark.slow
def test_three_hundred_reloads_need_no_more_memory_than_some():
    held = []
    for n in range(300):
        load_model()(mx.array([[1, 5, 9]]))
        if n >= 50:
            held.append(resident_bytes())
    assert max(held) < 1.02 * held[0]


def resident_bytes():
    """What the process holds in memory now. The system reports it in pages, on Linux."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        pytest.skip("/proc/self/statm is a file of Linux")
    return pages * resource.getpagesize()


def test_loading_leaves_the_random_state_as_it_was():
    mx.random.seed(3)
    expected = mx.random.uniform(shape=(4,)).tolist()
    mx.random.seed(3)
    load_model()
    assert mx.random.uniform(shape=(4,)).tolist() == expected
