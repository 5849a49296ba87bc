"""From a folder, or a name on the Hugging Face hub, to a Model and its Tokenizer.

The story of loading: open the checkpoint (checkpoint.py), which finds its folder (folder.py, hub.py) and reads its
configuration; look at what its files say they hold (weight_files.py, entries.py); ask whether that fits into memory
(memory.py); make a model and compare every name and shape; then read the numbers (weights.py).
Nothing is taken on trust, and nothing that can be known beforehand is found out only after gigabytes were read.
"""
import os
from pathlib import Path
from typing import Literal

import mlx.core as mx
from mlx.utils import tree_flatten

from mistral_edu.checkpoints import authors_layout, memory
from mistral_edu.checkpoints.checkpoint import Checkpoint
from mistral_edu.checkpoints.entries import FLOATS
from mistral_edu.checkpoints.errors import WeightMismatch
from mistral_edu.checkpoints.folder import find_folder
from mistral_edu.checkpoints.layout import AUTHORS
from mistral_edu.checkpoints.other_kinds import check_prefix
from mistral_edu.checkpoints.stored_quantization import expect_quantized
from mistral_edu.checkpoints.weights import check_weights, open_weights, read_one_by_one
from mistral_edu.config import MistralConfig
from mistral_edu.fast import accelerate
from mistral_edu.quantize import quantize
from mistral_edu.tokenizer import Tokenizer
from mistral_edu.transformer import Model, unfilled


def load(name_or_folder: str | Path = "tiny", window_size: int | None | Literal["config"] = "config",
         dtype: str | mx.Dtype | None = None, bits: int | None = None, fast: bool = True, context: int | None = None,
         revision: str | None = None, token: str | None = None) -> tuple[Model, Tokenizer]:
    """A model and its tokenizer: load_model and load_tokenizer in one.

    name_or_folder: "tiny", a folder, or a name on the hub, such as "mistralai/Mistral-7B-Instruct-v0.3".
    window_size: "config" as published, or another width, or None for full attention.
    dtype: of the weights, such as "float32"; None as stored.
    bits: 8 or 4 quantizes each weight as soon as it is read; None leaves them as stored.
    fast: let fast.accelerate speed the model up.
    context: the tokens whose keys and values have to fit into memory, too; None for 2048.
    revision, token: of the hub. All arguments and errors are those of load_model.

    >>> model, tokenizer = load()
    >>> model.config.n_layers, tokenizer.vocab_size
    (8, 2048)
    """
    checkpoint = Checkpoint.open(name_or_folder, window_size, revision, token)
    tokenizer = Tokenizer(checkpoint.folder)
    check_tokenizer(checkpoint, tokenizer)
    return read_model(checkpoint, dtype, bits, fast, context), tokenizer


def load_model(name_or_folder: str | Path = "tiny", window_size: int | None | Literal["config"] = "config",
               dtype: str | mx.Dtype | None = None, bits: int | None = None, fast: bool = True,
               context: int | None = None, revision: str | None = None, token: str | None = None) -> Model:
    """The model in a folder or on the hub, all weights in memory.

    name_or_folder: "tiny"; a folder with config.json and model.safetensors, or shards with their index, as Hugging Face
        or MLX write it; one with params.json and consolidated.safetensors, as Mistral AI publishes it (params.json is
        not read beside a config.json); or a name on the hub, such as "mistralai/Mistral-7B-v0.1".
    window_size: "config" as published, or another width, or None for full attention.
    dtype: of the weights, such as "float32"; None as stored.
    bits: 8 or 4 quantizes each weight as soon as it is read; None leaves them as stored.
    fast: let fast.accelerate speed the model up (never with MISTRAL_EDU_FAST=0).
    context: the tokens whose keys and values have to fit into memory, too; None for 2048.
    revision: a branch, a tag or a commit on the hub; None for the newest.
    token: of your account on the hub, for models that need one.
    Raises FileNotFoundError, ValueError, or a CheckpointError.
    """
    return read_model(Checkpoint.open(name_or_folder, window_size, revision, token), dtype, bits, fast, context)


def load_config(name_or_folder: str | Path = "tiny", window_size: int | None | Literal["config"] = "config",
                revision: str | None = None, token: str | None = None) -> MistralConfig:
    """The configuration in a folder's config.json, or in its params.json where there is no config.json.

    >>> load_config().window_size, load_config(window_size=None).window_size
    (128, None)
    """
    return Checkpoint.open(name_or_folder, window_size, revision, token).config


def load_tokenizer(name_or_file: str | Path = "tiny", revision: str | None = None,
                   token: str | None = None) -> Tokenizer:
    """The tokenizer in a folder or on the hub, or in a file: tokenizer.json, or the authors' tekken.json or
    tokenizer.model."""
    path = Path(name_or_file).expanduser()
    return Tokenizer(path if path.is_file() else find_folder(name_or_file, revision, token)[0])


def check_tokenizer(checkpoint, tokenizer):
    """Raise WeightMismatch for a tokenizer that gives ids beyond the model's rows.

    Control tokens may lie there, such as a <pad> that a training has added: no text gives them.
    """
    vocab_size = checkpoint.config.vocab_size
    if max(tokenizer.text_ids, tokenizer.bos_id + 1, tokenizer.eos_id + 1) > vocab_size:
        raise WeightMismatch(f"{checkpoint.folder}: the tokenizer has {tokenizer.vocab_size} tokens, "
                             f"{checkpoint.layout.config} says vocab_size {vocab_size}; {tokenizer.path.name} and the "
                             "weights are of different models, fetch both from one place")


def read_model(checkpoint, dtype=None, bits=None, fast=True, context=None) -> Model:
    """The model of a Checkpoint, all weights in memory.

    checkpoint: as from Checkpoint.open; what its configuration shows to be too large is not fetched at all.
    dtype, bits, fast, context: as in load_model.
    """
    dtype = dtype_name(dtype)
    if checkpoint.fetch_weights is not None:  # they are on the hub
        memory.check(checkpoint, context, dtype, bits)
        checkpoint = checkpoint.fetched()
    memory.check(checkpoint, context, dtype, bits)
    model, weights = open_model(checkpoint, dtype)
    if bits is not None:
        quantize(model, bits)
    for _ in read_one_by_one(dict(tree_flatten(model.parameters())), weights, checkpoint.folder):
        pass  # the model holds them
    if fast and os.environ.get("MISTRAL_EDU_FAST") != "0":
        accelerate(model)
    return model


def open_model(checkpoint, dtype=None):
    """(a Model, its weights by the files' names), names and shapes compared, and no number read yet.

    Each parameter is the weight of that name, lazily, cast to dtype (None: as stored).
    """
    model, is_authors = unfilled(checkpoint.config), checkpoint.layout is AUTHORS
    expect_quantized(model, checkpoint)
    expected = dict(tree_flatten(model.parameters()))
    if is_authors:
        expected = {authors_layout.authors_name(name): array for name, array in expected.items()}
    else:
        check_prefix(checkpoint, expected)
    check_weights(checkpoint, expected)
    weights = open_weights(checkpoint.entries)
    if dtype is not None:
        weights = {name: weight.astype(getattr(mx, dtype)) if checkpoint.entries[name].dtype in FLOATS else weight
                   for name, weight in weights.items()}
    parameters = authors_layout.as_hugging_face(weights, checkpoint.config) if is_authors else weights
    model.load_weights(list(parameters.items()))
    return model, weights


def dtype_name(dtype):
    """"float32", "float16" or "bfloat16", for it or for MLX's object of that name; None for None."""
    name = None if dtype is None else str(dtype).removeprefix("mlx.core.")
    if name not in (None, "float32", "float16", "bfloat16"):
        raise ValueError(f"dtype is one of float32, float16, bfloat16; got {dtype!r}")
    return name
