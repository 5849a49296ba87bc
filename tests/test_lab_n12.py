"""What notebook 12 shows: which fault breaks which test, pictures say their numbers, exercises know beginners."""
import json

from mistral_edu import KVCache, MistralConfig, Model, RotatingKVCache, course
from mistral_edu.lab import check
from mistral_edu.lab.n12_ring import Forgetful, draw_memory, draw_ring, in_secret_order
from mistral_edu.lab.n12_ring.faulty_caches import FAULTS, JUDGES

import mlx.core as mx
import numpy as np
import pytest

W = 4
SMALL = MistralConfig(dim=32, n_layers=2, head_dim=16, hidden_dim=64, n_heads=2, n_kv_heads=1, context_len=64,
                      vocab_size=50, window_size=W)


def faulty_caches():
    """The four classes as they stand on the page, by letter."""
    cells = json.loads(course.find("12").path.read_text(encoding="utf-8"))["cells"]
    names = {"RotatingKVCache": RotatingKVCache, "mx": mx}
    for cell in cells:
        if cell["id"] in ("faults-1", "faults-2"):
            exec("".join(cell["source"]), names)
    return in_secret_order(*(names[name] for name in FAULTS.values()))


@pytest.fixture(scope="module")
def model():
    mx.random.seed(0)
    return Model(SMALL)


TEXT = mx.array([[7, 3, 41, 8, 19, 30, 2, 5, 11, 46, 23, 17, 9, 1, 38, 4, 27, 12]])


def is_right(model, kind, size):
    """Whether reading TEXT in chunks of this size gives the logits of one pass without a cache."""
    cache = [kind(W) for _ in model.layers]
    parts = [model(TEXT[:, n:n + size], cache) for n in range(0, TEXT.shape[1], size)]
    return mx.allclose(mx.concatenate(parts, axis=1), model(TEXT), atol=1e-4).item()


@pytest.mark.parametrize("letter, right", [("A", [1]), ("B", [1, 3, 4, 9]), ("C", [1, 3, 4]), ("D", [])])
def test_each_fault_breaks_the_chunks_that_the_solution_says(model, letter, right):
    kind = faulty_caches()[letter]
    assert [size for size in (1, 3, W, 2 * W + 1) if is_right(model, kind, size)] == right


def test_the_librarys_ring_is_right_with_the_same_chunks(model):
    assert all(is_right(model, RotatingKVCache, size) for size in (1, 3, W, 2 * W + 1))


def test_one_letter_trims_what_a_ring_cannot_forget():
    for letter, kind in faulty_caches().items():
        cache = kind(W)
        new = mx.zeros((1, 1, 10, 2))
        cache.update_and_fetch(new, new)
        if letter == "B":
            cache.trim(2)
            assert cache.offset == 8
        else:
            with pytest.raises(ValueError, match="only 1"):
                cache.trim(2)


def test_without_one_of_the_four_the_reader_is_told_which():
    with pytest.raises(ValueError, match="WritesFirst did not come"):
        in_secret_order(*(type(name, (), {}) for name in FAULTS.values() if name != "WritesFirst"))


def test_a_forgetful_cache_that_forgets_nothing_is_a_cache(model):
    model = Model(MistralConfig(**{**SMALL.__dict__, "window_size": None}))
    plain, forgetful = [KVCache() for _ in range(2)], [Forgetful() for _ in range(2)]
    for start, end in ((0, 5), (5, 6), (6, 18)):
        assert mx.allclose(model(TEXT[:, start:end], plain), model(TEXT[:, start:end], forgetful), atol=1e-5)


def test_forgetting_a_token_is_the_same_as_hiding_it(model):
    model = Model(MistralConfig(**{**SMALL.__dict__, "window_size": None, "n_layers": 1}))
    cache = [Forgetful()]
    model(TEXT[:, :6], cache)
    cache[0].forget([2, 3])
    mask = mx.array([[p not in (2, 3) and p <= query for p in range(8)] for query in (6, 7)])
    whole = [KVCache()]
    model(TEXT[:, :6], whole)
    assert mx.allclose(model(TEXT[:, 6:8], cache), model(TEXT[:, 6:8], whole, mask), atol=1e-5)
    with pytest.raises(ValueError, match="after 2 were deleted"):
        cache[0].forget([1])


ABSORBED = np.array([[max(0, p - layer * (W - 1)) for p in range(18)] for layer in range(4)])


@pytest.mark.parametrize("seen, slots, oldest, told", [
    (1, ["token 0, new", "empty", "empty", "empty"], "0, 0, 0, 0", "in layers 0 to 3"),
    (10, ["token 8", "token 9, new", "token 6", "token 7"], "6, 3, 0, 0", "in layers 2 and 3"),
    (13, ["token 12, new", "token 9", "token 10", "token 11"], "9, 6, 3, 0", "in layer 3"),
    (14, ["token 12", "token 13, new", "token 10", "token 11"], "10, 7, 4, 1", "in no layer"),
])
def test_the_ring_says_what_its_slots_hold_and_where_token_0_lives_on(seen, slots, oldest, told):
    picture = draw_ring(ABSORBED, W, seen)
    labels = [label.get_text() for label in picture.fig.axes[0].get_xticklabels()]
    assert labels == [f"slot {n}\n{held}" for n, held in enumerate(slots)]
    assert f"from layer 0 up: {oldest}." in picture.caption and picture.caption.endswith(f"lives on {told}.")


def test_memory_says_its_numbers():
    picture = draw_memory([0, 4096, 8192], [14.5, 15.0, 15.56], [14.5, 15.0, 15.02], [(4096, 15, 0.5)], 16)
    assert picture.fig.axes[0].get_title(loc="left") == "Weights in 16 bit: the window stops the growth at 15.02 GB"
    assert "15.56 GB without a window, 15.02 GB with 4096. Published GB: 15 at 4,096 tokens." in picture.caption


def by_rest(n, window):
    return [n - 1 - (n - 1 - slot) % window for slot in range(window)]


def by_turning(n, window):
    last = list(range(n - window, n))
    return last[-(n % window):] + last[:-(n % window)] if n % window else last


def test_other_ways_to_the_same_ring_pass():
    assert check("12.1", by_rest) and check("12.1", by_turning)
    assert check("12.1", lambda n, window: np.array(by_rest(n, window)))
    assert check("12.1", lambda n, window: mx.array(by_rest(n, window)))
    assert check("12.6", lambda judge: judge(**faulty_caches()))        # the classes in place of their names


@pytest.mark.parametrize("label, answer, words", [
    ("12.1", lambda n, window: list(range(n))[-window:], "the order of the slots"),
    ("12.1", lambda n, window: sorted(by_rest(n, window)), "the order of the slots"),
    ("12.1", lambda n, window: [p for p in range(n)][:window], "the later ones are not written"),
    ("12.1", lambda n, window: [(n - window + slot) % window for slot in range(window)], "numbers of the slots"),
    ("12.1", lambda n, window: [n - 1 - slot for slot in range(window)], "from newest to oldest"),
    ("12.1", lambda n, window: by_rest(n + 1, window), "the position n - 1"),
    ("12.1", lambda n, window: [p + 1 for p in by_rest(n, window)], "your positions start at 1"),
    ("12.1", lambda n, window: mx.arange(n - window, n), "the order of the slots"),
    ("12.1", lambda n, window: print(by_rest(n, window)), "returns None"),
    ("12.1", lambda n, window: by_rest(n, window)[-1:] + by_rest(n, window)[:-1], "one slot too late"),
    ("12.1", lambda n, window: list(map(str, by_rest(n, window))), "yours gives ['8', '5', '6', '7']"),
    ("12.6", lambda judge: judge(A="TrimsFreely", B="WritesFirst", C="KeepsWindow", D="OneTooFew"), "in another order"),
    ("12.6", lambda judge: judge(A="KeepsWindow", B="OneTooFew", C="WritesFirst", D="TrimsFreely"), "look at B and D"),
    ("12.6", lambda judge: judge(A="KeepsWindow", B="WritesFirst", C="WritesFirst", D="OneTooFew"), "appears twice"),
    ("12.6", lambda judge: judge(A="KeepsWindows", B="TrimsFreely", C="WritesFirst", D="OneTooFew"), "no cache"),
    ("12.6", lambda judge: judge(*FAULTS.values()), "written as A=..."),
    ("12.6", lambda judge: judge(A="KeepsWindow"), "a name for each of A, B, C, D"),
    ("12.6", lambda judge: tuple(FAULTS.values()), "these are the names"),
    ("12.6", lambda judge: judge, "expected"),
])
def test_what_beginners_write_is_answered_to_the_point(label, answer, words, capsys):
    verdict = check(label, answer)
    assert not verdict and words in " ".join(verdict.message.split())


def test_a_cycle_of_three_names_is_told_letter_by_letter():
    said = JUDGES[0](A="KeepsWindow", B="WritesFirst", C="OneTooFew", D="TrimsFreely")
    assert said == "A right, B wrong, C wrong, D wrong"
