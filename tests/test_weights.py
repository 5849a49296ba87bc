"""Files of weights: shards and their index, and an error for each way in which they can be wrong."""
import json
import os
import pickle

from mistral_edu import load_model
from mistral_edu.checkpoints.entries import Entry, read_entries
from mistral_edu.checkpoints.errors import UnreadableFile, UnsupportedCheckpoint, WeightMismatch
from mistral_edu.checkpoints.weights import read_one_by_one
from small_checkpoints import (
    INDEX,
    ONE,
    WEIGHTS,
    change_json,
    change_weights,
    read,
    same_weights,
    split,
    write_checkpoint,
)
from small_models import memory_held

import mlx.core as mx
import pytest

FILES = [f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]


@pytest.fixture
def shards(tmp_path):
    """A checkpoint in three files with an index."""
    assert split(write_checkpoint(tmp_path)) == FILES
    return tmp_path


def change_index(folder, change):
    change_json(folder / INDEX, lambda index: change(index["weight_map"]))


def file_of(folder, name):
    return json.loads((folder / INDEX).read_text())["weight_map"][name]


# --- what works ---

def test_shards_give_the_same_model_as_one_file(tmp_path):
    whole = load_model(write_checkpoint(tmp_path))
    split(tmp_path)
    assert same_weights(load_model(tmp_path), whole)


def test_entries_say_what_lies_where_before_anything_is_read(shards):
    entries = read_entries(shards)
    assert entries[ONE] == Entry(shards / file_of(shards, ONE), "float32", (128, 64)) and entries[ONE].nbytes == 32768
    assert len(entries) == 30 and {entry.file.name for entry in entries.values()} == set(FILES)


def test_files_that_the_index_does_not_name_are_left_alone(shards):
    """Such as the authors' second copy, under other names."""
    (shards / "consolidated.safetensors").write_text("not even a safetensors file")
    load_model(shards)


def test_files_may_be_symlinks_as_in_the_cache_of_the_hub(shards, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("blobs")
    for name in FILES:
        (shards / name).rename(elsewhere / name)
        (shards / name).symlink_to(elsewhere / name)
    load_model(shards)


def test_rotary_frequencies_may_stand_in_files_and_index(shards):
    old = "model.layers.0.self_attn.rotary_emb.inv_freq"
    change_weights(shards, lambda weights: weights.update({old: mx.ones(8)}), FILES[0])
    change_index(shards, lambda weight_map: weight_map.update({old: FILES[0]}))
    assert old not in read_entries(shards)
    load_model(shards)


def test_weights_are_read_one_at_a_time(tmp_path):
    n, size = 12, 1 << 20
    mx.save_safetensors(str(tmp_path / WEIGHTS), {f"{i}.weight": mx.full((size,), i, mx.float32) for i in range(n)})
    weights = mx.load(str(tmp_path / WEIGHTS))
    parameters = {name: weight.astype(mx.bfloat16) for name, weight in weights.items()}
    before = memory_held()
    mx.reset_peak_memory()
    seen = [name for name, _ in read_one_by_one(parameters, weights, tmp_path)]
    assert len(seen) == n and not weights and not parameters
    # One as read, one as cast, and the one before. A GPU has a copy of its own of what was read, and keeps a byte for
    # each number, whether it is finite.
    most = 3.5 if mx.default_device() == mx.Device(mx.cpu) else 5
    assert mx.get_peak_memory() - before < most * 4 * size


# --- what is wrong with the index ---

@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/model.safetensors", "sub/model.safetensors",
                                  "..\\model.safetensors", "..", "", ".safetensors", "pytorch_model.bin",
                                  "*.safetensors"])
def test_an_index_that_leads_elsewhere(shards, name):
    change_index(shards, lambda weight_map: weight_map.update({ONE: name}))
    with pytest.raises(UnsupportedCheckpoint, match=f"{INDEX} says that {ONE} lies in .* plain name"):
        load_model(shards)


def test_a_link_to_a_folder_is_no_file(shards):
    (shards / FILES[1]).unlink()
    (shards / FILES[1]).symlink_to(shards)
    with pytest.raises(FileNotFoundError, match=FILES[1]):
        load_model(shards)


def test_an_absent_shard_is_named(shards):
    (shards / FILES[1]).unlink()
    with pytest.raises(FileNotFoundError, match=f"{INDEX} names {FILES[1]}, which .* does not hold; expected 3 files"):
        load_model(shards)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"weight_map": 3}', '{"weight_map": {}}', "\x00", "null"])
def test_an_index_that_is_none(shards, text):
    (shards / INDEX).write_text(text)
    with pytest.raises(UnreadableFile, match=f"{INDEX} .* expected"):
        load_model(shards)


def test_a_weight_in_two_shards(shards):
    weight = read(shards / file_of(shards, ONE))[ONE]
    other = next(name for name in FILES if name != file_of(shards, ONE))
    change_weights(shards, lambda weights: weights.update({ONE: weight}), other)
    with pytest.raises(WeightMismatch, match=f"{ONE} lies in two files.* expected it once"):
        load_model(shards)


def test_a_weight_in_another_shard_than_the_index_says(shards):
    said, other = file_of(shards, ONE), next(name for name in FILES if name != file_of(shards, ONE))
    change_index(shards, lambda weight_map: weight_map.update({ONE: other}))
    with pytest.raises(WeightMismatch, match=f"{ONE} lies in {other}, and it was found in {said}"):
        load_model(shards)


def test_a_weight_that_the_index_does_not_list(shards):
    file = file_of(shards, ONE)
    change_index(shards, lambda weight_map: weight_map.pop(ONE))
    with pytest.raises(WeightMismatch, match=f"{ONE} lies in no file, and it was found in {file}"):
        load_model(shards)


def test_a_weight_that_only_the_index_lists(shards):
    change_weights(shards, lambda weights: weights.pop(ONE), file_of(shards, ONE))
    with pytest.raises(WeightMismatch, match=f"{ONE} lies in .*, and it was found in no file"):
        load_model(shards)


def test_a_shard_that_is_cut_off(shards):
    content = (shards / FILES[2]).read_bytes()
    (shards / FILES[2]).write_bytes(content[:-1000])
    complaint = f"{FILES[2]}, of {len(content) - 1000:,} bytes, is not a complete safetensors"
    with pytest.raises(UnreadableFile, match=complaint):
        load_model(shards)


# --- what is wrong with a file ---

def safetensors(header, numbers=b""):
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


@pytest.mark.parametrize("content", [
    (1 << 62).to_bytes(8, "little") + b"{}",
    safetensors({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, bytes(4)),
    safetensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(8)),
    safetensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
                 "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
    safetensors({"a": {"dtype": "F32", "shape": [1 << 40, 1 << 40], "data_offsets": [0, 4]}}, bytes(4)),
    safetensors({"a": {"dtype": "NEW", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
], ids=["length", "size", "rest", "overlap", "huge", "type"])
def test_a_header_that_lies(tmp_path, content):
    (write_checkpoint(tmp_path) / WEIGHTS).write_bytes(content)
    with pytest.raises(UnreadableFile, match=f"{WEIGHTS}, of .* is not a complete safetensors file"):
        load_model(tmp_path)


def test_a_type_that_is_not_computed_with(tmp_path):
    write_checkpoint(tmp_path)
    entries = {name: {"dtype": "F8_E4M3", "shape": list(entry.shape), "data_offsets": [0, 0]}
               for name, entry in read_entries(tmp_path).items()}
    end = 0
    for entry in entries.values():
        size = entry["shape"][0] * (entry["shape"] + [1])[1]
        entry["data_offsets"], end = [end, end + size], end + size
    (tmp_path / WEIGHTS).write_bytes(safetensors(entries, bytes(end)))
    with pytest.raises(WeightMismatch, match="holds F8_E4M3, expected float32 or float16 or bfloat16"):
        load_model(tmp_path)


class Trap:
    """What a pickle can do: run a program of its author's choice in whoever opens it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "consolidated.00.pth",
                                  "model.pt"])
def test_pickles_are_refused_and_never_opened(tmp_path, name):
    folder, sprung = write_checkpoint(tmp_path / "model"), tmp_path / "sprung"
    (folder / WEIGHTS).unlink()
    (folder / name).write_bytes(pickle.dumps(Trap(sprung)))
    opened = os.stat(folder / name).st_atime_ns
    with pytest.raises(UnsupportedCheckpoint, match=f"in {name} only.*pickle files.*Take a version .* safetensors"):
        load_model(folder)
    assert not sprung.exists() and os.stat(folder / name).st_atime_ns == opened
    pickle.loads((folder / name).read_bytes())  # to show that the trap works
    assert sprung.exists()


def test_shards_without_their_index(shards):
    (shards / INDEX).unlink()
    with pytest.raises(FileNotFoundError, match=f"no such file, nor {INDEX}.*holds only config.json, {FILES[0]}"):
        load_model(shards)
