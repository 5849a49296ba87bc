"""From a folder, or a name on the Hugging Face hub, to a Model and its Tokenizer.

The story of loading: find the folder (hub.py), read its config.json (in the authors' own layout, params.json), look at
what its files say they hold (weights.py), ask whether that fits into memory (memory.py), make a model and compare every
name and shape, then read the numbers.
Nothing is taken on trust, and nothing that can be known beforehand is found out only after gigabytes were read.
"""
import os
from dataclasses import replace
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten

from mistral_edu.checkpoints import authors_layout, hub, memory
from mistral_edu.checkpoints.errors import WeightMismatch
from mistral_edu.checkpoints.json_file import read_json
from mistral_edu.checkpoints.other_kinds import check_adapter, check_packed, check_prefix
from mistral_edu.checkpoints.stored_quantization import expect_quantized, read_quantization
from mistral_edu.checkpoints.weights import FLOATS, Entry, check_weights, open_weights, read_entries, read_one_by_one
from mistral_edu.config import MistralConfig
from mistral_edu.fast import accelerate
from mistral_edu.quantize import quantize
from mistral_edu.tiny import FOLDER as TINY
from mistral_edu.tokenizer import Tokenizer
from mistral_edu.transformer import Model, unfilled


def load(name_or_folder="tiny", window_size="config", dtype=None, bits=None, fast=True, context=None, revision=None,
         token=None):
    """A model and its tokenizer: load_model and load_tokenizer in one.

    >>> model, tokenizer = load()
    >>> model.config.n_layers, tokenizer.vocab_size
    (8, 2048)
    """
    folder = fetch_if_it_fits(name_or_folder, window_size, dtype, bits, context, revision, token)
    config, tokenizer = load_config(folder), load_tokenizer(folder)
    check_vocabulary(tokenizer, config, folder)
    return load_model(folder, window_size, dtype, bits, fast, context), tokenizer


def check_vocabulary(tokenizer, config, folder):
    """Raise WeightMismatch where the tokenizer gives ids for which the model has no row."""
    # Control tokens may lie beyond the model's rows, such as a <pad> that a training has added: no text gives them.
    if max(tokenizer.text_ids, tokenizer.bos_id + 1, tokenizer.eos_id + 1) > config.vocab_size:
        raise WeightMismatch(f"{folder}: the tokenizer has {tokenizer.vocab_size} tokens, "
                             f"{authors_layout.config_file(folder).name} says vocab_size {config.vocab_size}; "
                             f"{tokenizer.path.name} and the weights are of different models, fetch both from one "
                             "place")


def load_model(name_or_folder="tiny", window_size="config", dtype=None, bits=None, fast=True, context=None,
               revision=None, token=None) -> Model:
    """The model in a folder or on the hub, all weights in memory.

    name_or_folder: "tiny"; a folder with config.json and model.safetensors, or shards with their index, as Hugging Face
    or MLX write it; one with params.json and consolidated.safetensors, as Mistral AI publishes it (where config.json is
    there as well, params.json is not read); or a name on the hub, such as "mistralai/Mistral-7B-v0.1", with its
    revision and your token.
    window_size: "config" as published, or another width, or None for full attention. dtype: of the weights, such as
    "float32"; None as stored. bits: 8 or 4 quantizes each weight as soon as it is read. fast: let fast.accelerate speed
    it up (never with MISTRAL_EDU_FAST=0). context: the tokens whose keys and values have to fit into memory, too; None
    for 2048. Raises FileNotFoundError, ValueError, or a CheckpointError.
    """
    folder = fetch_if_it_fits(name_or_folder, window_size, dtype, bits, context, revision, token)
    dtype = dtype_name(dtype)
    config = load_config(folder, window_size)
    entries = read_entries(folder, config.tie_embeddings)
    memory.check(name_or_folder, config, entries, context, dtype, bits)
    model, weights = open_model(folder, config, entries, dtype)
    if bits is not None:
        quantize(model, bits)
    for _ in read_one_by_one(dict(tree_flatten(model.parameters())), weights, folder):
        pass  # the model holds them
    if fast and os.environ.get("MISTRAL_EDU_FAST") != "0":
        accelerate(model)
    return model


def load_config(name_or_folder="tiny", window_size="config", revision=None, token=None) -> MistralConfig:
    """The configuration in a folder's config.json, or in its params.json where there is no config.json.

    >>> load_config().window_size, load_config(window_size=None).window_size
    (128, None)
    """
    folder = find_folder(name_or_folder, revision, token, weights=False)
    check_adapter(folder)
    read = authors_layout.read_params if authors_layout.is_authors_layout(folder) else MistralConfig.from_json
    config = read(authors_layout.config_file(folder))
    return config if window_size == "config" else replace(config, window_size=window_size)


def load_tokenizer(name_or_file="tiny", revision=None, token=None) -> Tokenizer:
    """The tokenizer in a folder or on the hub, or in a file: tokenizer.json, or the authors' tekken.json or
    tokenizer.model."""
    path = Path(name_or_file).expanduser()
    return Tokenizer(path if path.is_file() else find_folder(name_or_file, revision, token, weights=False))


def find_folder(name_or_folder, revision=None, token=None, weights=True) -> Path:
    """The folder behind a name; one of the hub is fetched, without weights only its small files."""
    path = TINY if name_or_folder == "tiny" else Path(name_or_folder).expanduser()
    if path.is_dir():
        return path
    files = "config.json, a tokenizer and model.safetensors (or params.json and consolidated.safetensors)"
    if path.exists():
        raise FileNotFoundError(f"{path} is a file; expected the folder that holds {files}")
    left = path.with_name(f".{path.name}.old")
    if left.is_dir():
        raise FileNotFoundError(f"there is no folder {path}; a conversion was stopped while it replaced it, and the "
                                f"model is in {left}. Rename that folder to {path}, or run the conversion again")
    if hub.is_hub_name(name_or_folder):
        return hub.fetch(str(name_or_folder), revision, token, weights)
    raise FileNotFoundError(f'there is no folder {path}; expected "tiny", a folder that holds {files}, or a name on '
                            "the Hugging Face hub, such as mistralai/Mistral-7B-Instruct-v0.3")


def fetch_if_it_fits(name_or_folder, window_size, dtype, bits, context, revision, token) -> Path:
    """The folder behind a name. What its config.json shows to be too large for this machine is not fetched at all."""
    small = find_folder(name_or_folder, revision, token, weights=False)
    if hub.is_hub_name(name_or_folder) and not Path(name_or_folder).is_dir():
        config = load_config(small, window_size)
        memory.check(name_or_folder, config, expected_entries(small, config), context, dtype_name(dtype), bits)
    return find_folder(name_or_folder, revision, token)


def expected_entries(folder, config):
    """What the files of a model should hold, by its configuration alone; as read_entries gives it once they are there,
    under Hugging Face's names."""
    description = read_json(authors_layout.config_file(folder))
    dtype = description.get("torch_dtype") or description.get("dtype")
    model, stored = unfilled(config), stored_quantization(folder)
    if stored:
        quantize(model, **stored[""])
    return {name: Entry(None, "uint32" if array.dtype == mx.uint32 else dtype if dtype in FLOATS else "bfloat16",
                        array.shape) for name, array in tree_flatten(model.parameters())}


def open_model(folder, config, entries, dtype=None):
    """(a Model, its weights by the files' names), names and shapes compared, and no number read yet.

    Each parameter is the weight of that name, lazily, cast to dtype (None: as stored).
    """
    model, is_authors = unfilled(config), authors_layout.is_authors_layout(folder)
    quantization = stored_quantization(folder)
    check_packed(entries, folder)
    expect_quantized(model, quantization, entries, folder)
    expected = dict(tree_flatten(model.parameters()))
    if is_authors:
        expected = {authors_layout.authors_name(name): array for name, array in expected.items()}
    else:
        check_prefix(entries, expected, folder)
    check_weights(entries, expected, folder)
    weights = open_weights(entries)
    if dtype is not None:
        weights = {name: weight.astype(getattr(mx, dtype)) if entries[name].dtype in FLOATS else weight
                   for name, weight in weights.items()}
    parameters = authors_layout.as_hugging_face(weights, config) if is_authors else weights
    model.load_weights(list(parameters.items()))
    return model, weights


def stored_quantization(folder):
    """How the config.json of a folder says that its weights are quantized, None if they are floats."""
    path = Path(folder) / "config.json"
    if authors_layout.is_authors_layout(folder):
        return None  # read_params refuses any other
    return read_quantization(read_json(path), path)


def dtype_name(dtype):
    """"float32", "float16" or "bfloat16", for it or for MLX's object of that name; None for None."""
    name = None if dtype is None else str(dtype).removeprefix("mlx.core.")
    if name not in (None, "float32", "float16", "bfloat16"):
        raise ValueError(f"dtype is one of float32, float16, bfloat16; got {dtype!r}")
    return name
