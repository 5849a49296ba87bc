"""What notebook 19 draws and checks: pictures say their numbers, exercises know what beginners write."""
from mistral_edu import MistralConfig
from mistral_edu.bench.scale.reckon import seconds_of_token
from mistral_edu.bench.scale.shapes import CLUSTERS, MODELS
from mistral_edu.feed_forward import silu
from mistral_edu.lab import check
from mistral_edu.lab.n19_ranks import (
    draw_drift,
    draw_holdings,
    draw_recorded,
    draw_ring,
    draw_speed,
    draw_timeline,
    draw_traffic,
    recorded,
    times_as_fast,
)
from mistral_edu.lab.n19_ranks.exercises import EXERCISES, largest_latency, term
from mistral_edu.parallel import split

import mlx.core as mx
import numpy as np
import pytest


# ---------------------------------------------------------------- pictures
@pytest.mark.parametrize("ranks, message, pipeline, tensor", [(1, 0.5, 8, 8), (2, 0.1, 8.2, 5.6), (4, 0.5, 10, 10)])
def test_the_timeline_ends_where_the_formulas_say(ranks, message, pipeline, tensor):
    picture = draw_timeline(ranks, message)
    assert f"A token takes {pipeline:.2f} in the pipeline, {tensor:.2f} tensor parallel" in picture.caption


@pytest.mark.parametrize("ranks, words", [
    (1, "tiny on 1 rank: 8 query heads and at most 2 of 2 kv heads on each; no kv head is there twice."),
    (3, "2 or 4 query heads and at most 1 of 2 kv heads on each; kv heads are on 1 to 2 ranks."),
    (4, "2 query heads and at most 1 of 2 kv heads on each; each kv head is on 2 ranks.")])
def test_holdings_say_where_kv_heads_are_copies(ranks, words):
    tiny = MistralConfig.preset("tiny")
    picture = draw_holdings(tiny, split(tiny, ranks), "tiny")
    assert picture.caption.endswith(words)
    copies = [text.get_text() for text in picture.fig.axes[1].texts]
    assert copies == {1: [], 3: ["shared"] * 2, 4: ["shared"] * 4}[ranks]


def test_a_segment_of_the_ring_is_whole_when_all_terms_are_in():
    picture = draw_ring([[[1, 1], [10, 10]], [[1, 11], [11, 10]], [[11, 11], [11, 11]]], 1)
    assert picture.caption.startswith("Step 1 of 2: 2 of 4 segments hold all 2 terms (green); each rank has sent 1")
    assert [text.get_text() for text in picture.fig.axes[0].texts] == ["01", "11", "11", "10"]


def test_traffic_says_its_ends():
    picture = draw_traffic([1, 2, 4], [0, 8192, 12288], [0, 8192], [4e6, 5e6], 8192, "tiny")
    assert "sends 8 KB for a token with 2 ranks, 12 with 4" in picture.caption
    assert "reads 4 MB for the first token, 5 after 8,192." in picture.caption


def test_drift_begins_at_the_layer_of_the_lost_sum():
    picture = draw_drift([10, 20, 30], [0, 4.0, 4.0], ([0, 2, 3], [0, 5, 7]), "layer 1, attention")
    assert picture.fig.axes[0].get_title(loc="left") == "Sum lost in layer 1, attention: the ranks stay 4.0 apart"
    assert "first apart after layer 1, by 4.00" in picture.caption and "3.0 and 7.0 away" in picture.caption


def test_speed_counts_where_a_second_device_pays_and_says_what_does_not_fit():
    picture = draw_speed((1, 2), {"a": [10, 15], "b": [10, 5], "c": [None, 7]}, "7B")
    assert picture.fig.axes[0].get_title(loc="left") == "7B: two are faster on 1 of 2; one GPU is too small"
    assert "a 10 alone, 15 with two (1.50 times); b 10 alone, 5.0 with two" in picture.caption
    assert "c: one is too small" in picture.caption


# ---------------------------------------------------------------- exercises
def test_terms_add_up_to_the_feed_forward():
    for case in EXERCISES[0].cases:
        *matrices, _, size = case
        x, gate, up, down = matrices
        added = sum(term(*matrices, rank, size) for rank in range(size))
        assert mx.abs(added - (silu(x @ gate.T) * (x @ up.T)) @ down.T).max().item() < 1e-5


@pytest.mark.parametrize("name", ("Macs with Thunderbolt", "GPUs with NVLink"))
def test_at_the_largest_latency_two_devices_are_as_fast_as_one_that_halves_its_reading(name):
    device, link = CLUSTERS[name]
    config = MODELS["7B v0.3"][0]
    read, _ = seconds_of_token(config, device, link, 1, 4096, 4)
    latency = largest_latency(1000 * read, 2, 64, 8.192, link.bandwidth / 1e9) / 1e6
    assert read / 2 + 64 * (latency + 8192 / link.bandwidth) == pytest.approx(read)
    assert (latency > link.latency) == (name == "Macs with Thunderbolt")     # as the page says of the 7B in 4 bit


# What beginners wrote: the checker's sentence holds these words.
def not_transposed(x, gate, up, down, rank, size):
    n = gate.shape[0] // size
    return (silu(x @ gate[rank * n:(rank + 1) * n]) * (x @ up[rank * n:(rank + 1) * n])) @ down


def in_numpy(x, gate, up, down, rank, size):
    return np.array(term(x, gate, up, down, rank, size))


def true_division(x, gate, up, down, rank, size):
    n = gate.shape[0] / size
    mine = slice(rank * n, (rank + 1) * n)
    return (silu(x @ gate[mine].T) * (x @ up[mine].T)) @ down[:, mine].T


def no_down(x, gate, up, down, rank, size):
    n = gate.shape[0] // size
    mine = slice(rank * n, (rank + 1) * n)
    return silu(x @ gate[mine].T) * (x @ up[mine].T)


def no_up(x, gate, up, down, rank, size):
    n = gate.shape[0] // size
    mine = slice(rank * n, (rank + 1) * n)
    return silu(x @ gate[mine].T) @ down[:, mine].T


def by_dim(x, gate, up, down, rank, size):
    n = x.shape[1] // size
    mine = slice(rank * n, (rank + 1) * n)
    return (silu(x @ gate[mine].T) * (x @ up[mine].T)) @ down[:, mine].T


def one_unit(x, gate, up, down, rank, size):
    own = slice(rank, rank + 1)
    return (silu(x @ gate[own].T) * (x @ up[own].T)) @ down[:, own].T


def silu_last(x, gate, up, down, rank, size):
    n = gate.shape[0] // size
    mine = slice(rank * n, (rank + 1) * n)
    return silu((x @ gate[mine].T) * (x @ up[mine].T)) @ down[:, mine].T


def from_one(x, gate, up, down, rank, size):
    n = gate.shape[0] // size
    mine = slice((rank - 1) * n, rank * n)
    return (silu(x @ gate[mine].T) * (x @ up[mine].T)) @ down[:, mine].T


def n_from_its_number(x, gate, up, down, rank, size):
    mine = slice(rank, rank + gate.shape[0] // size)
    return (silu(x @ gate[mine].T) * (x @ up[mine].T)) @ down[:, mine].T


def gate_not_transposed(x, gate, up, down, rank, size):
    n = gate.shape[0] // size
    mine = slice(rank * n, (rank + 1) * n)
    return (silu(x @ gate[mine]) * (x @ up[mine].T)) @ down[:, mine].T


def up_not_transposed(x, gate, up, down, rank, size):
    n = gate.shape[0] // size
    mine = slice(rank * n, (rank + 1) * n)
    return (silu(x @ gate[mine].T) * (x @ up[mine])) @ down[:, mine].T


def down_not_transposed(x, gate, up, down, rank, size):
    n = gate.shape[0] // size
    mine = slice(rank * n, (rank + 1) * n)
    return (silu(x @ gate[mine].T) * (x @ up[mine].T)) @ down[:, mine]


BEGINNERS = [
    ("19.2", not_transposed, "so both parts are transposed"),
    ("19.2", gate_not_transposed, "so both parts are transposed"),
    ("19.2", up_not_transposed, "so both parts are transposed"),
    ("19.2", in_numpy, "convert it with mx.array(...)"),
    ("19.2", true_division, "gives a float"),
    ("19.2", no_down, "down is missing"),
    ("19.2", no_up, "up is missing"),
    ("19.2", by_dim, "x.shape[1] is dim"),
    ("19.2", one_unit, "a single unit"),
    ("19.2", silu_last, "the gate alone"),
    ("19.2", from_one, "counted from 0"),
    ("19.2", n_from_its_number, "start at rank * n"),
    ("19.2", down_not_transposed, "the part is transposed"),
    ("19.2", lambda *given: mx.distributed.all_sum(term(*given)), "a term is what goes into the sum"),
    ("19.2", lambda x, gate, up, down, rank, size: silu(x @ gate.T) * (x @ up.T) @ down.T, "case 1"),
    ("19.9", lambda read_ms, n, sums, kb, gb_per_s: (read_ms - read_ms / n) / sums, "the transfer is missing"),
    ("19.9", lambda read_ms, n, sums, kb, gb_per_s: 1000 * read_ms / n / sums - 2 * (n - 1) / n * kb / gb_per_s,
     "is what remains to be read"),
    ("19.9", lambda read_ms, n, sums, kb, gb_per_s: 1000 * read_ms / 2 / sums - kb / gb_per_s, "two devices"),
    ("19.9", lambda read_ms, n, sums, kb, gb_per_s: 1000 * read_ms / 2 / sums - 2 * (n - 1) / n * kb / gb_per_s,
     "two devices"),
    ("19.9", lambda read_ms, n, sums, kb, gb_per_s: 1000 * (read_ms - read_ms / n) / (sums / n)
        - 2 * (n - 1) / n * kb / gb_per_s, 'A hint waits in hint("19.9")'),
    ("19.9", lambda read_ms, n, sums, kb, gb_per_s: 1000 * (read_ms - read_ms / n) / sums - kb / gb_per_s * 1000,
     "already in microseconds"),
    ("19.9", lambda read_ms, n, sums, kb, gb_per_s: (1000 * (read_ms - read_ms / n) - kb / gb_per_s) / sums,
     "in each sum"),
    ("19.9", lambda read_ms, n, sums, kb, gb_per_s: largest_latency(read_ms, n, sums, kb, gb_per_s) / (n - 1),
     "the latency once"),
    ("19.9", lambda read_ms, n, sums, kb, gb_per_s: largest_latency(read_ms, n, sums, 8 * kb, gb_per_s),
     "both count bytes"),
    ("19.9", lambda *given: max(largest_latency(*given), 0), "no latency is small enough"),
    ("19.9", lambda read_ms, n, sums, kb, gb_per_s: f"{largest_latency(read_ms, n, sums, kb, gb_per_s)} µs", "str"),
]


@pytest.mark.parametrize("label, wrong, words", BEGINNERS)
def test_what_beginners_write_is_answered(label, wrong, words):
    verdict = check(label, wrong)
    assert not verdict and words in verdict.message, verdict.message


@pytest.mark.parametrize("label, right", [
    ("19.2", lambda x, gate, up, down, rank, size:
        (silu(x @ mx.split(gate, size)[rank].T) * (x @ mx.split(up, size)[rank].T))
        @ mx.split(down, size, axis=1)[rank].T),
    ("19.9", lambda read_ms, n, sums, kb, gb_per_s:
        (n - 1) / n * (1000 * read_ms / sums - 2 * kb / gb_per_s))])
def test_other_spellings_are_right_as_well(label, right):
    assert check(label, right)


def test_after_a_check_sums_are_taken_again():
    check("19.2", term)
    assert mx.distributed.all_sum(mx.array(3)).item() == 3


def test_what_was_recorded_is_drawn_with_its_figures():
    rows = recorded()
    assert {(bits, ranks) for bits, _, ranks in rows} == {(16, 1), (16, 2), (4, 1), (4, 2)}
    one, two = (rows[4, 8192, n]["prompt_ms"]["median"] for n in (1, 2))
    assert times_as_fast(rows, "prompt", 4, 8192) == one / two > 1
    picture = draw_recorded(rows)
    assert f"{one / two:.2f} (4 bit) times as fast as one GPU" in picture.caption and "8,192 tokens" in picture.caption
    lines = picture.fig.axes[0].get_lines()
    assert [line.get_label() for line in lines[:4]] == ["prompt, 16 bit", "prompt, 4 bit", "token, 16 bit",
                                                        "token, 4 bit"]
