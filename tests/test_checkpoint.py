"""A checkpoint is opened once: one look for its folder, one for its configuration, whatever is done with it then."""
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from mistral_edu import MistralConfig, convert, load, load_config, load_model
from mistral_edu.checkpoints.checkpoint import Checkpoint
from mistral_edu.checkpoints.errors import UnavailableCheckpoint
from mistral_edu.checkpoints.folder import find_folder
from mistral_edu.checkpoints.layout import AUTHORS, HUGGING_FACE, layout_of
from small_checkpoints import CONFIG, WEIGHTS, write_checkpoint, write_quantized

import pytest


@pytest.fixture
def folder(tmp_path):
    return write_checkpoint(tmp_path / "model")


@pytest.fixture
def counted(monkeypatch):
    """How often, from here on, a folder is looked for, and how often a file is read as text, by its name."""
    counts, read_text = Counter(), Path.read_text

    def count_search(*args, **settings):
        counts["find_folder"] += 1
        return find_folder(*args, **settings)

    def count_reading(path, *args, **settings):
        counts[path.name] += 1
        return read_text(path, *args, **settings)

    for name, module in list(sys.modules.items()):  # wherever the function goes by its name
        if name.startswith("mistral_edu.") and hasattr(module, "find_folder"):
            monkeypatch.setattr(module, "find_folder", count_search)
    monkeypatch.setattr(Path, "read_text", count_reading)
    return counts


@pytest.mark.parametrize("use", [load_config, load_model, lambda folder: load_model(folder, bits=4),
                                 lambda folder: convert(folder, folder.with_name("out"))],
                         ids=["load_config", "load_model", "load_model, quantized", "convert"])
def test_the_folder_is_looked_for_once_and_its_configuration_read_once(folder, counted, use):
    use(folder)
    assert (counted["find_folder"], counted[CONFIG]) == (1, 1)


def test_load_reads_the_configuration_once_and_the_tokenizer_looks_there_for_the_end_of_an_answer(folder, counted):
    load(folder)
    assert (counted["find_folder"], counted[CONFIG]) == (1, 2)  # text/end_tokens.py is the second
    assert counted["tokenizer.json"] == 1


def test_a_quantized_folder_is_opened_once_too(tmp_path, counted):
    write_quantized(tmp_path)
    counted.clear()
    load_model(tmp_path)
    assert (counted["find_folder"], counted[CONFIG]) == (1, 1)


def test_an_open_checkpoint_needs_no_file_again(folder):
    checkpoint = Checkpoint.open(folder, window_size=3)
    entries = checkpoint.entries
    (folder / CONFIG).unlink()
    (folder / WEIGHTS).unlink()
    assert checkpoint.config.window_size == 3 and checkpoint.description["sliding_window"] == 6
    assert checkpoint.quantization is None and checkpoint.entries is entries and len(entries) == 30


def test_a_checkpoint_can_be_opened_without_its_weights(folder):
    (folder / WEIGHTS).unlink()
    checkpoint = Checkpoint.open(folder)
    assert checkpoint.name == str(folder) and checkpoint.layout is HUGGING_FACE
    with pytest.raises(FileNotFoundError, match=WEIGHTS):
        len(checkpoint.entries)


def test_one_that_lies_nowhere_yet_is_what_its_configuration_lets_expect():
    config = MistralConfig.preset("tiny")
    planned, shipped = Checkpoint.planned("mine", config), Checkpoint.open("tiny")
    assert {name: entry[1:] for name, entry in planned.entries.items()} == \
           {name: entry[1:] for name, entry in shipped.entries.items()}


def test_weights_of_another_commit_than_the_configuration_are_refused(folder, tmp_path):
    here = Checkpoint.open(folder)
    on_the_hub = replace(here, name="somebody/mistral", fetch_weights=lambda: folder)
    assert on_the_hub.fetched().fetch_weights is None and here.fetched() is here
    moved_on = replace(on_the_hub, fetch_weights=lambda: tmp_path / "another commit")
    with pytest.raises(UnavailableCheckpoint, match="somebody/mistral has changed .* Try again"):
        moved_on.fetched()


@pytest.mark.parametrize("files, layout", [(["config.json"], HUGGING_FACE), (["params.json"], AUTHORS),
                                           (["config.json", "params.json"], HUGGING_FACE), ([], HUGGING_FACE)], ids=str)
def test_the_layout_of_a_folder(tmp_path, files, layout):
    for name in files:
        (tmp_path / name).write_text("{}")
    assert layout_of(tmp_path) is layout


@pytest.mark.parametrize("name", ["tiny", "folder"])
def test_a_folder_has_no_revisions(name, tmp_path):
    """Which would be ignored silently."""
    with pytest.raises(ValueError, match="has no revisions, but 'v2' was asked for; leave revision out"):
        find_folder(tmp_path if name == "folder" else name, revision="v2")
