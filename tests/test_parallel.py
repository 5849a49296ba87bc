"""Tensor parallelism: a model on 2 and on 4 processes is the model on one."""
import sys

import small_ranks
from mistral_edu import MistralConfig, load_model, load_tokenizer
from mistral_edu.checkpoints.checkpoint import Checkpoint
from mistral_edu.parallel import split
from mistral_edu.parallel.cells import ranks
from mistral_edu.parallel.split import part_shape
from mistral_edu.tiny import FOLDER
from small_checkpoints import write_checkpoint, write_quantized
from small_models import random_model

import mlx.core as mx
import pytest

SHAPE = dict(n_layers=2, window_size=6, hidden_dim=192)  # six groups of 32: two of four ranks get one more
N_WORDS = 6
CLOSE = 1e-5      # of the largest logit, in float32: the order of a sum is all that differs
CLOSE_KEYS = 0.01  # with keys in 8 bit: one that lies between two steps may fall on the other one
CLOSE_16 = 0.02   # in bfloat16, where each rank rounds its term of a sum: 8 bits of 2 terms a layer, over 8 layers
HEADERS = 200_000  # bytes: of files that are no weights (config.json, tokenizer.json), and of headers

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts as Linux does")]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Three checkpoints of one shape: floats, 8 bit and 4 bit."""
    place = tmp_path_factory.mktemp("checkpoints")
    write_checkpoint(place / "float32", random_model(**SHAPE))
    for bits in (8, 4):
        write_quantized(place / f"{bits} bit", bits, shape=SHAPE)
    return {folder.name: str(folder) for folder in sorted(place.iterdir())}


@pytest.fixture(scope="module")
def alone(folders):
    """What one process gives, by the readable code."""
    found = {name: small_ranks.logits(load_model(folder, fast=False)) for name, folder in folders.items()}
    model = load_model(folders["float32"], fast=False)
    found["keys in 8 bit"] = small_ranks.in_chunks(model, model.make_cache(bits=8))
    found["gradients"] = small_ranks.gradients(model)
    tiny = load_model(fast=False, dtype="float32")
    found["story"] = small_ranks.story(tiny, load_tokenizer(), N_WORDS)
    found["tiny"] = small_ranks.rows(load_model(fast=False)(mx.array([small_ranks.IDS])))
    return found


@pytest.fixture(scope="module", params=(2, 4))
def together(request, folders):
    """The same from each rank of a group: started once, asked all questions."""
    return ranks(request.param, small_ranks.in_each_rank, folders, N_WORDS, show=False)


def furthest(a, b):
    """The largest difference, as a part of the largest number."""
    return (mx.abs(a - b).max() / mx.abs(b).max()).item()


@pytest.mark.parametrize("name", ("float32", "8 bit", "4 bit"))
def test_logits_are_those_of_one_process(together, alone, name):
    for way, logits in alone[name].items():
        for found in together:
            assert furthest(found[name][way], logits) < CLOSE, way


def test_logits_with_quantized_keys_are_those_of_one_process(together, alone):
    for found in together:
        assert furthest(found["keys in 8 bit"], alone["keys in 8 bit"]) < CLOSE_KEYS


def test_all_ranks_have_the_same_logits_bit_for_bit(together):
    for name in ("float32", "8 bit", "4 bit"):
        for way, logits in together[0][name].items():
            assert all(mx.array_equal(found[name][way], logits).item() for found in together)


def test_the_embedded_model_in_16_bit_is_as_close_as_16_bit_can_be(together, alone):
    for found in together:
        assert 0 < furthest(found["tiny"], alone["tiny"]) < CLOSE_16


def test_every_rank_writes_the_story_of_one_process(together, alone):
    assert [found["story"] for found in together] == [alone["story"]] * len(together)


def test_gradients_of_what_all_ranks_hold_are_whole(together, alone):
    for found in together:
        for part, whole in zip(found["gradients"], alone["gradients"]):
            assert furthest(part, whole) < 10 * CLOSE


@pytest.mark.parametrize("name", ("float32", "8 bit", "4 bit", "tiny"))
def test_a_rank_reads_its_slices_and_no_byte_more(together, folders, name):
    folder = folders.get(name, FOLDER)
    checkpoint = Checkpoint.open(folder)
    config, entries = checkpoint.config, checkpoint.entries
    for found, part in zip(together, split(config, len(together), 32 if "bit" in name else 1)):
        slices = [entry._replace(shape=part_shape(weight, entry.shape, config, part))
                  for weight, entry in entries.items()]
        assert found[f"{name}: bytes"] == sum(entry.nbytes for entry in slices)


def test_the_system_counts_the_same_bytes(together):
    whole = sum(entry.nbytes for entry in Checkpoint.open(FOLDER).entries.values())
    for found in together:
        read = found["tiny: bytes"]
        assert read <= found["tiny: by the system"] < read + HEADERS < whole


def test_bytes_sent_are_those_of_the_formula(together):
    for found in together:
        assert found["bytes received"] == found["by formula"] > 0


def test_parts_cover_the_model_once_and_share_kv_heads_where_they_must():
    tiny = MistralConfig.preset("tiny")
    for size in range(1, tiny.n_heads + 1):
        parts = split(tiny, size)
        assert [head for part in parts for head in part.heads] == list(range(tiny.n_heads))
        assert [unit for part in parts for unit in part.hidden] == list(range(tiny.hidden_dim))
        for part in parts:  # a query head finds its kv head on its rank, and each of these has as many query heads
            assert {head // tiny.n_rep for head in part.heads} == set(part.kv_heads)
            assert len(part.heads) % len(part.kv_heads) == 0


@pytest.mark.parametrize("size, group_size, words", [
    (9, 1, "8 query heads"), (0, 1, "at least 1 rank"), (5, 64, "4 can be cut into at most 2 pieces of 2"),
    (2, 896 // 2 + 64, "not a multiple of")])
def test_what_cannot_be_shared_out_is_said(size, group_size, words):
    with pytest.raises(ValueError, match=words):
        split(MistralConfig.preset("tiny"), size, group_size)
