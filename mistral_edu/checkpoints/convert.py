"""From a checkpoint in 32 or 16 bit to one in MLX's layout: cast, quantized, split anew, or only renamed.

    convert("mistralai/Mistral-7B-Instruct-v0.3", "mistral-4bit", bits=4)

Weights are read, computed and written one matrix at a time, so that a 7B model passes through a machine that could not
hold it. All files are written into a folder beside the new one, which gets its name at the very end (new_folder.py):
whenever a conversion is stopped, there is no folder that looks finished, and to start it again is all it takes.
"""
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten

from mistral_edu.checkpoints import shards
from mistral_edu.checkpoints.checkpoint import Checkpoint
from mistral_edu.checkpoints.hub import SMALL_FILES
from mistral_edu.checkpoints.layout import AUTHORS
from mistral_edu.checkpoints.loading import dtype_name, open_model
from mistral_edu.checkpoints.new_folder import give_back, new_folder
from mistral_edu.checkpoints.weights import read_one_by_one
from mistral_edu.quantize import quantize
from mistral_edu.text.tekken import FILE as TEKKEN

COPIED = [*SMALL_FILES, TEKKEN]  # beside the weights


def convert(source: str | Path, out: str | Path, bits: int | None = 4, group_size: int = 64,
            dtype: str | mx.Dtype | None = "bfloat16", overwrite: bool = False,
            on_progress: Callable[[int, int], None] | None = None, shard_size: int = shards.SHARD_SIZE,
            revision: str | None = None, token: str | None = None) -> Path:
    """Write a converted copy of a checkpoint into a new folder, and return the folder.

    source: "tiny", a folder, or a name on the hub, as in load_model.
    out: the folder to make; one that is there is refused.
    bits: 8 or 4 (2, 3, 5, 6 work, too), or None to keep floats.
    group_size: 32, 64 or 128 weights share a scale.
    dtype: of the floats, scales included; None as stored.
    overwrite: True replaces the model that `out` holds, once the new one is complete.
    on_progress: is called after each matrix as on_progress(done, total), in bytes written.
    shard_size: bytes of one file at most.
    revision: a branch, a tag or a commit on the hub; None for the newest.
    token: of your account on the hub, for models that need one.

    load() reads the result, and so does mlx-lm; with bits=None, so does transformers. (The tokenizer is copied as it
    is; where it is the authors' own, tekken.json or tokenizer.model, the others have to read that, too.)
    Raises FileExistsError, FileNotFoundError, ValueError, or a CheckpointError.

    >>> import tempfile
    >>> from mistral_edu import load_model
    >>> with tempfile.TemporaryDirectory() as place:
    ...     model = load_model(convert("tiny", f"{place}/tiny-4bit", bits=4))
    >>> model.layers[0].mlp.up_proj.bits
    4
    """
    out, dtype = Path(out).expanduser().absolute(), dtype_name(dtype)
    check_target(out, overwrite)
    checkpoint = Checkpoint.open(source, revision=revision, token=token)
    check_source(checkpoint, out)
    checkpoint = checkpoint.fetched()
    model, weights = open_model(checkpoint, dtype)
    if bits is not None:
        quantize(model, bits, group_size)
    parameters = dict(tree_flatten(model.parameters()))
    del model  # it would hold every array that was computed
    total = sum(array.nbytes for array in parameters.values())
    with new_folder(out) as unfinished:
        check_room(unfinished, total)
        quantized = any(name.endswith(".scales") for name in parameters)
        places = shards.lay_out(unfinished, parameters, shard_size, {"format": "mlx" if quantized else "pt"})
        write_weights(places, read_one_by_one(parameters, weights, checkpoint.folder), total, on_progress)
        copy_small_files(checkpoint.folder, unfinished)
        write_description(unfinished, describe(checkpoint), dtype, bits, group_size)
        check_target(out, overwrite)  # hours may have passed
    return out


def check_source(checkpoint, out):
    """Raise ValueError for a checkpoint that is quantized already, FileExistsError where it would replace itself."""
    if checkpoint.quantization is not None:
        raise ValueError(f"{checkpoint.folder} is quantized already, and rounding twice only adds error; convert the "
                         "float checkpoint that it was made from")
    if out.exists() and out.samefile(checkpoint.folder):
        raise FileExistsError(f"{out} is the source itself; choose another folder")


def check_target(out, overwrite):
    """Raise FileExistsError when `out` is there, except for a model's folder that may be overwritten."""
    give_back(out)
    if not out.exists():
        return
    if not overwrite:
        raise FileExistsError(f"{out} is there already; choose another folder, or replace it: overwrite=True "
                              "(--overwrite)")
    if not out.is_dir() or out.is_symlink():
        raise FileExistsError(f"{out} is not a folder; only the folder of a model is overwritten. Choose another one")
    patterns = [*COPIED, "model*.safetensors", "model.safetensors.index.json"]
    foreign = [file.name for file in out.iterdir() if not any(file.match(pattern) for pattern in patterns)]
    if foreign:
        raise FileExistsError(f"{out} holds {min(foreign)}, which no conversion writes, and is not overwritten; remove "
                              "the folder yourself, or choose another one")


def check_room(folder, total):
    """Raise OSError where the disk that holds a folder has less than `total` bytes free."""
    free = shutil.disk_usage(folder).free
    if total > free:
        raise OSError(f"{folder.parent} has {free / 1e9:.1f} GB free, and the weights take {total / 1e9:.1f} GB; "
                      "make room, choose another folder, or fewer bits")


def write_weights(places, named_arrays, total, on_progress=None):
    """Write each (name, array) to its place, as shards.lay_out gives it. total: bytes of all, for on_progress."""
    done = 0
    for name, array in named_arrays:
        shards.put(places[name], array)
        done += array.nbytes
        if on_progress:
            on_progress(done, total)


def copy_small_files(folder, unfinished):
    """Copy the tokenizer and the settings beside it as they are."""
    for pattern in COPIED:
        for file in folder.glob(pattern):
            shutil.copyfile(file, unfinished / file.name)


def describe(checkpoint) -> dict:
    """What the checkpoint's config.json says; in the authors' layout, what it would say."""
    if checkpoint.layout is AUTHORS:
        return checkpoint.config.to_hf(next(iter(checkpoint.entries.values())).dtype)  # floats, all of one kind
    return dict(checkpoint.description)


def write_description(folder, description, dtype, bits, group_size):
    """Write config.json: the description, with what has changed.

    folder: where to.
    description: what config.json said, as a dict.
    dtype: the new one of floats, or None.
    bits, group_size: as quantized now; bits None for floats.
    """
    if dtype is not None:
        description["torch_dtype"] = dtype
        description |= {"dtype": dtype} if "dtype" in description else {}  # what transformers 5 calls it
    if bits is not None:
        quantization = {"group_size": group_size, "bits": bits, "mode": "affine"}
        description |= {"quantization": quantization, "quantization_config": quantization}  # mlx-lm writes both
    (folder / "config.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
