"""docs/scale.md: its tables are those that the command prints, and these follow from counts made by hand."""
import re
from pathlib import Path

from mistral_edu import MistralConfig
from mistral_edu.bench.random_model import random_model
from mistral_edu.bench.results import stored_results
from mistral_edu.bench.scale import __main__ as scale
from mistral_edu.bench.scale.reckon import (
    bytes_read,
    memory_of,
    seconds_of_sum,
    seconds_of_token,
    share_of,
    tokens_per_second,
)
from mistral_edu.bench.scale.shapes import ETHERNET, M3_ULTRA, MODELS, NVLINK, SIZES, THUNDERBOLT, Device, Link
from mistral_edu.bench.scale.tables import sections
from mistral_edu.bench.work import bytes_per_step
from mistral_edu.checkpoints.memory import need
from mistral_edu.parallel.split import rank_config, split

import pytest

DOC = Path(__file__).parents[1] / "docs/scale.md"
TEXT = DOC.read_text(encoding="utf-8")
SEVEN, TINY = MODELS["7B v0.3"][0], MistralConfig.preset("tiny")


# ---------------------------------------------------------------- the document
@pytest.mark.slow
def test_the_document_holds_what_the_command_prints():
    assert scale.filled(TEXT, sections()) == TEXT, "python -m mistral_edu.bench.scale --write docs/scale.md"


@pytest.mark.slow
def test_the_command_prints_every_table_and_writes_between_the_marks(capsys, tmp_path):
    assert scale.main([]) == 0
    printed = capsys.readouterr().out
    assert all("\n".join(lines) in printed for lines in sections().values())
    file = tmp_path / "page.md"
    file.write_text(re.sub(r"-->\n\|.*?<!-- end -->", "-->\n<!-- end -->", TEXT, flags=re.DOTALL), encoding="utf-8")
    assert len(file.read_text()) < len(TEXT) / 2
    assert scale.main(["--write", str(file)]) == 0
    assert file.read_text(encoding="utf-8") == TEXT and [path.name for path in tmp_path.iterdir()] == ["page.md"]


@pytest.mark.slow
def test_a_document_without_marks_stays_as_it_is(capsys, tmp_path):
    file = tmp_path / "page.md"
    file.write_text("Dear diary")
    assert scale.main(["--write", str(file)]) == 1
    assert "has no place for 'sources'" in capsys.readouterr().err and file.read_text() == "Dear diary"
    assert scale.main(["--write", str(tmp_path / "none.md")]) == 1 and "none.md" in capsys.readouterr().err


@pytest.mark.slow
def test_what_the_document_says_in_words_is_in_its_tables():
    def speed(name, cluster, n, bits):
        return tokens_per_second(MODELS[name][0], *cluster, n, 4096, bits)
    macs, wired = (M3_ULTRA, THUNDERBOLT), (M3_ULTRA, ETHERNET)
    assert all(speed("7B v0.3", wired, 2, bits) < speed("7B v0.3", wired, 1, bits) for bits in (16, 8, 4))
    gains = [speed(name, macs, 2, bits) / speed(name, macs, 1, bits) for name in MODELS for bits in (4, 8, 16)]
    assert gains[:3] == sorted(gains[:3]) and gains[::3] == sorted(gains[::3])  # with bits, and with the model's size
    assert 2 * SEVEN.n_layers == 64 and 2 * MODELS["Large 123B"][0].n_layers == 176
    assert 2 * 131072 * 5120 == pytest.approx(1.3e9, rel=0.05)
    ratios = [speed("Small 24B", macs, 4, bits) / speed("Small 24B", macs, 1, bits) for bits in (16, 4)]
    assert "The table says {:.1f} for the 24B in 16 bit, and {:.1f} in 4 bit.".format(*ratios) in TEXT
    assert all(config.n_kv_heads == 8 for config, _ in MODELS.values())


def test_what_the_document_says_of_two_gpus_is_in_what_was_recorded():
    rows = [row for result in stored_results("ranks").values() for row in result["rows"]]
    found = {(row["bits"], row["batch"], row["context"], row["ranks"]): row for row in rows}
    faster, batches = {}, set()
    for (bits, batch, context, ranks), two in found.items():
        if ranks == 2:
            one = found[bits, batch, context, 1]
            assert one["token_ms"]["median"] < two["token_ms"]["median"]
            batches.add(batch)
            if batch == 1 and two["prompt_ms"]["max"] < one["prompt_ms"]["min"]:    # in every round
                faster.setdefault(bits, []).append(context)
            if batch == 1:
                parts = two["token_without_sums_ms"]["median"] + two["token_sums_ms"]["median"]
                assert parts < two["token_ms"]["median"]
                assert f"counts {two['bytes_counted']:,} bytes a token" in TEXT
                assert f"the formula says {two['bytes_by_formula']:,}" in TEXT
    assert (min(faster[16]), min(faster[4]), sorted(batches)) == (2048, 128, [1, 8, 32, 128])
    assert max(row["logprobs_apart"] for row in rows) < 0.07 and "lie within 0.07 of those on one" in TEXT


# ---------------------------------------------------------------- the models
def test_the_shapes_have_the_sizes_that_their_names_say():
    for name, (config, _) in MODELS.items():
        billions = float(re.search(r"(\d+)B", name)[1])
        assert config.n_parameters == pytest.approx(billions * 1e9, rel=0.04), name


# ---------------------------------------------------------------- what one device holds and reads
def test_one_device_is_the_model_itself():
    assert share_of(SEVEN, 1) == SEVEN and memory_of(SEVEN, 1, 4096, 4) == need(SEVEN, 4096, bits=4)
    for bits in (16, 8, 4):
        model = random_model("tiny", None if bits == 16 else bits)
        assert bytes_read(TINY, 1, 100, bits) == bytes_per_step(model, 100, 2)


@pytest.mark.parametrize("n", SIZES)
def test_the_shares_add_up_to_the_model(n):
    """Blocks: each weight is on one device, but norms, which are on all. The rest is on all."""
    for config, _ in MODELS.values():
        everywhere = 2 * config.vocab_size * config.dim + (2 * config.n_layers + 1) * config.dim
        shares = n * (share_of(config, n).n_parameters - everywhere)
        assert shares + everywhere == config.n_parameters
        assert n * share_of(config, n).kv_bytes_per_token() == config.kv_bytes_per_token()


def test_beyond_the_key_heads_there_are_copies():
    four = share_of(TINY, 4)                                  # two key heads: each is on two devices
    assert (four.n_heads, four.n_kv_heads) == (2, 1)
    assert 4 * four.kv_bytes_per_token() == 2 * TINY.kv_bytes_per_token()
    with pytest.raises(ValueError, match="cannot be divided evenly among 3 devices"):
        share_of(TINY, 3)


def test_the_bytes_of_a_half_are_those_counted_by_hand():
    """7B in 16 bit on two devices, after 4,096 tokens."""
    attention = 4096 * 128 * (16 + 4 + 4 + 16)                # q, k, v, o of half the heads
    feed_forward = 3 * 4096 * 7168
    weights = 32 * (attention + feed_forward + 2 * 4096) + 4096 + 32768 * 4096 + 4096  # norms, output layer, one row
    keys_and_values = 4097 * 32 * 2 * 4 * 128                 # the token sees itself, too
    assert bytes_read(SEVEN, 2, 4096) == 2 * (weights + keys_and_values)


def test_shares_are_those_of_the_parallel_model():
    for config in (SEVEN, TINY):
        for n in (1, 2, 4):
            assert all(rank_config(config, part) == share_of(config, n) for part in split(config, n))


# ---------------------------------------------------------------- what they wait for
def test_a_sum_waits_for_the_link():
    ring, mesh = Link("ring", 1e-3, 1e6, True, ""), Link("mesh", 1e-3, 1e6, False, "")
    assert seconds_of_sum(ring, 1, 1000) == 0
    assert seconds_of_sum(ring, 2, 1000) == seconds_of_sum(mesh, 2, 1000) == pytest.approx(1e-3 + 1e-3)
    assert seconds_of_sum(ring, 4, 1000) == pytest.approx(3e-3 + 1.5e-3)
    assert seconds_of_sum(mesh, 4, 1000) == pytest.approx(1e-3 + 1.5e-3)


def test_a_token_reads_and_waits_one_after_the_other():
    device, link = Device("slow", 1e9, 1e12, ""), Link("slow", 1e-3, 1e9, False, "")
    reading, waiting = seconds_of_token(SEVEN, device, link, 2, 4096)
    assert reading == bytes_read(SEVEN, 2, 4096) / 1e9
    assert waiting == pytest.approx(64 * (1e-3 + 4096 * 2 / 1e9))
    assert tokens_per_second(SEVEN, device, link, 2, 4096) == pytest.approx(1 / (reading + waiting))


def test_what_does_not_fit_has_no_speed():
    small = Device("small", 1e9, memory_of(SEVEN, 2, 4096).total, "")
    assert tokens_per_second(SEVEN, small, NVLINK, 1, 4096) is None
    assert tokens_per_second(SEVEN, small, NVLINK, 2, 4096) > 0
