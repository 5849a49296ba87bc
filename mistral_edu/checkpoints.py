"""From a folder to a Model: config.json, tokenizer.json and model.safetensors, as Hugging Face and MLX write them.

Nothing is taken on trust: the file is whole, every weight is used exactly once and has the shape that the configuration
asks for, and holds finite numbers. Shapes are compared before the first weight is read.
"""
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten

from .config import MistralConfig
from .errors import NonFiniteWeights, UnreadableFile, UnsupportedCheckpoint, WeightMismatch
from .fast import accelerate
from .quantize import quantize
from .tiny import FOLDER as TINY
from .tokenizer import Tokenizer
from .transformer import Model

NOT_USED = "rotary_emb.inv_freq"  # RoPE's frequencies, which old checkpoints store and every model computes


def load(name_or_folder="tiny", window_size="config", dtype=None, bits=None, fast=True):
    """A model and its tokenizer: load_model and load_tokenizer in one.

    >>> model, tokenizer = load()
    >>> model.config.n_layers, tokenizer.vocab_size
    (8, 2048)
    """
    tokenizer, config = load_tokenizer(name_or_folder), load_config(name_or_folder)
    if tokenizer.vocab_size > config.vocab_size:
        raise WeightMismatch(f"{name_or_folder}: tokenizer.json has {tokenizer.vocab_size} tokens, config.json says "
                             f"vocab_size {config.vocab_size}; they are of different models, fetch both from one place")
    return load_model(name_or_folder, window_size, dtype, bits, fast), tokenizer


def load_model(name_or_folder="tiny", window_size="config", dtype=None, bits=None, fast=True) -> Model:
    """The model in a folder, all weights in memory.

    name_or_folder: "tiny", or a folder with config.json and model.safetensors. window_size: "config" as published, or
    another width, or None for full attention. dtype: of the weights, such as "float32"; None as stored. bits: 8 or 4
    quantizes each weight as soon as it is read. fast: let fast.accelerate speed it up (never with MISTRAL_EDU_FAST=0).
    Raises FileNotFoundError, ValueError, or a CheckpointError.
    """
    folder = find_folder(name_or_folder)
    model = Model(load_config(folder, window_size))
    if stored := stored_quantization(folder / "config.json"):
        quantize(model, **stored)
    path = weight_file(folder)
    weights = open_weights(path)
    check_weights(weights, dict(tree_flatten(model.parameters())), path)
    if dtype is not None:
        weights = {name: cast(weight, dtype) for name, weight in weights.items()}
    model.load_weights(list(weights.items()))
    if bits is not None:
        quantize(model, bits)
    evaluate(model, weights, path)
    if fast and os.environ.get("MISTRAL_EDU_FAST") != "0":
        accelerate(model)
    return model


def load_config(name_or_folder="tiny", window_size="config") -> MistralConfig:
    """The configuration in a folder's config.json.

    >>> load_config().window_size, load_config(window_size=None).window_size
    (128, None)
    """
    config = MistralConfig.from_json(find_folder(name_or_folder) / "config.json")
    return config if window_size == "config" else replace(config, window_size=window_size)


def load_tokenizer(name_or_file="tiny") -> Tokenizer:
    """The tokenizer in a folder, or in a tokenizer.json."""
    path = Path(name_or_file).expanduser()
    return Tokenizer(path if path.is_file() else find_folder(name_or_file))


def find_folder(name_or_folder) -> Path:
    """The folder behind a name."""
    path = TINY if name_or_folder == "tiny" else Path(name_or_folder).expanduser()
    if path.is_dir():
        return path
    files = "config.json, tokenizer.json and model.safetensors"
    if path.exists():
        raise FileNotFoundError(f"{path} is a file; expected the folder that holds {files}")
    if re.fullmatch(r"[\w.-]+/[\w.-]+", str(name_or_folder)):
        raise UnsupportedCheckpoint(f"there is no folder {name_or_folder}, and models are not read from the Hugging "
                                    f"Face hub yet; download it first, and give the path of the folder with {files}")
    raise FileNotFoundError(f'there is no folder {path}; expected "tiny", or a folder that holds {files}')


def weight_file(folder) -> Path:
    """The file that holds a folder's weights."""
    path = folder / "model.safetensors"
    if path.is_file():
        return path
    if (folder / "model.safetensors.index.json").is_file():
        raise UnsupportedCheckpoint(f"{folder} holds its weights in several files (model.safetensors.index.json), "
                                    "which are not read yet; expected one model.safetensors")
    found = ", ".join(sorted(file.name for file in folder.iterdir()))
    raise FileNotFoundError(f"{path}: no such file; expected the weights there, and the folder holds only {found}")


def stored_quantization(path):
    """{"bits": 4, "group_size": 64} where config.json says that the weights are quantized in MLX's way, else None."""
    description = json.loads(path.read_text(encoding="utf-8"))
    stored = description.get("quantization", description.get("quantization_config"))
    match stored:
        case None:
            return None
        case {"bits": bits, "group_size": group_size, **rest} if rest in ({}, {"mode": "affine"}):
            return {"bits": bits, "group_size": group_size}
    raise UnsupportedCheckpoint(f"{path}: expected float weights, or quantization by bits and group_size alone, as MLX "
                                f"writes it; found {stored}. Take the float checkpoint and load it with bits=4")


def open_weights(path):
    """name -> weight, lazily: names, shapes and types are known, but no number is read yet."""
    try:
        weights = mx.load(str(path), format="safetensors")
    except RuntimeError as error:
        raise UnreadableFile(f"{path}, of {path.stat().st_size} bytes, is no whole safetensors file ({error}); "
                             "fetch it again") from error
    return {name: weight for name, weight in weights.items() if not name.endswith(NOT_USED)}


def check_weights(weights, expected, path):
    """Raise WeightMismatch unless the file holds exactly the weights that the model has, in their shapes."""
    problems = [f"{name} is missing" for name in expected.keys() - weights.keys()]
    problems += [f"{name} has no place in the model" for name in weights.keys() - expected.keys()]
    for name in expected.keys() & weights.keys():
        found, wanted = weights[name], expected[name]
        if found.shape != wanted.shape:
            problems.append(f"{name} has shape {found.shape}, expected {wanted.shape}")
        elif kind(found) != kind(wanted):
            problems.append(f"{name} holds {found.dtype}, expected {kind(wanted)}")
    if problems:
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise WeightMismatch(f"{path} does not fit its config.json: {'; '.join(sorted(problems)[:5])}{more}. Expected "
                             f"{len(expected)} weights, found {len(weights)}; both files must be of the same model")


def kind(weight):
    """What a weight holds, whatever the precision: "floats", or its type."""
    return "floats" if mx.issubdtype(weight.dtype, mx.floating) else str(weight.dtype)


def evaluate(model, weights, path):
    """Read every weight now, one after the other, so that with bits only one is in memory as floats at a time.

    Lazy arrays would also belong to this thread alone. Empties `weights`. Raises NonFiniteWeights.
    """
    parameters = {}  # by module: with bits, one weight becomes packed integers, scales and biases
    for name, parameter in tree_flatten(model.parameters()):
        parameters.setdefault(name.rpartition(".")[0], []).append(parameter)
    bad = []
    for name in list(weights):
        finite = mx.isfinite(weights.pop(name)).all()
        mx.eval(finite, parameters.pop(name.rpartition(".")[0], []))
        if not finite.item():
            bad.append(name)
    if bad:
        raise NonFiniteWeights(f"{path}: NaN or infinity in {', '.join(sorted(bad)[:5])} ({len(bad)} of the weights); "
                               "expected finite numbers. The file is damaged, or its training diverged: take another")


def cast(weight, dtype):
    """A float weight in another type, "float32", "float16" or "bfloat16"; packed integers stay as they are."""
    name = str(dtype).removeprefix("mlx.core.")
    if name not in ("float32", "float16", "bfloat16"):
        raise ValueError(f"dtype is one of float32, float16, bfloat16; got {dtype!r}")
    return weight.astype(getattr(mx, name)) if kind(weight) == "floats" else weight
