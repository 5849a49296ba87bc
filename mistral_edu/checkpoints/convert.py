"""From a checkpoint in 32 or 16 bit to one in MLX's layout: cast, quantized, split anew, or only renamed.

    convert("mistralai/Mistral-7B-Instruct-v0.3", "mistral-4bit", bits=4)

Weights are read, computed and written one matrix at a time, so that a 7B model passes through a machine that could not
hold it. All files are written into a folder beside the new one, which gets its name at the very end: whenever a
conversion is stopped, there is no folder that looks finished, and to start it again is all it takes.
"""
import ctypes
import fcntl
import json
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

from mlx.utils import tree_flatten

from mistral_edu.checkpoints import shards
from mistral_edu.checkpoints.authors_layout import is_authors_layout
from mistral_edu.checkpoints.hub import SMALL_FILES
from mistral_edu.checkpoints.json_file import read_json
from mistral_edu.checkpoints.loading import dtype_name, find_folder, load_config, open_model, stored_quantization
from mistral_edu.checkpoints.weights import read_entries, read_one_by_one
from mistral_edu.quantize import quantize
from mistral_edu.text.tekken import FILE as TEKKEN

WRITTEN = [*SMALL_FILES, TEKKEN]  # beside the weights


def convert(source, out, bits=4, group_size=64, dtype="bfloat16", overwrite=False, on_progress=None,
            shard_size=shards.SHARD_SIZE, revision=None, token=None) -> Path:
    """Write a converted copy of a checkpoint into a new folder, and return the folder.

    source: as in load_model. out: the folder to make; one that is there is refused, with overwrite=True replaced at the
    end. bits: 8 or 4 (2, 3, 5, 6 work, too), or None to keep floats. group_size: 32, 64 or 128 weights share a scale.
    dtype: of the floats, scales included; None as stored. on_progress(done, total): called after each matrix, in bytes
    written. shard_size: bytes of one file at most.
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
    folder = find_folder(source, revision, token)
    if stored_quantization(folder) is not None:
        raise ValueError(f"{folder} is quantized already, and to round twice only adds error; convert the float "
                         "checkpoint that it was made from")
    if out.exists() and out.samefile(folder):
        raise FileExistsError(f"{out} is the source itself; choose another folder")
    config = load_config(folder)
    entries = read_entries(folder, config.tie_embeddings)
    description = describe(folder, config, entries)
    model, weights = open_model(folder, config, entries, dtype)
    if bits is not None:
        quantize(model, bits, group_size)
    parameters = dict(tree_flatten(model.parameters()))
    del model  # it would hold every array that was computed
    with new_folder(out) as unfinished:
        write_weights(unfinished, folder, parameters, weights, shard_size, on_progress)
        copy_small_files(folder, unfinished, description, dtype, bits, group_size)
        check_target(out, overwrite)  # hours may have passed
    return out


def write_weights(unfinished, folder, parameters, weights, shard_size, on_progress=None):
    """Write a model's parameters, one matrix after the other; both dicts as in read_one_by_one."""
    total = sum(array.nbytes for array in parameters.values())
    free = shutil.disk_usage(unfinished).free
    if total > free:
        raise OSError(f"{unfinished.parent} has {free / 1e9:.1f} GB free, and the weights take {total / 1e9:.1f} GB; "
                      "make room, choose another folder, or fewer bits")
    quantized = any(name.endswith(".scales") for name in parameters)
    places = shards.lay_out(unfinished, parameters, shard_size, {"format": "mlx" if quantized else "pt"})
    done = 0
    for name, array in read_one_by_one(parameters, weights, folder):
        shards.put(places[name], array)
        done += array.nbytes
        if on_progress:
            on_progress(done, total)


def describe(folder, config, entries):
    """What the folder's config.json says; in the authors' layout, what it would say."""
    if is_authors_layout(folder):
        return config.to_hf(next(iter(entries.values())).dtype)  # floats, all of one kind
    return read_json(folder / "config.json")


def copy_small_files(folder, unfinished, description, dtype, bits, group_size):
    """The tokenizer as it is, and config.json: the description, with what has changed."""
    for pattern in WRITTEN:
        for file in folder.glob(pattern):
            shutil.copyfile(file, unfinished / file.name)
    if dtype is not None:
        description["torch_dtype"] = dtype
        description |= {"dtype": dtype} if "dtype" in description else {}  # what transformers 5 calls it
    if bits is not None:
        quantization = {"group_size": group_size, "bits": bits, "mode": "affine"}
        description |= {"quantization": quantization, "quantization_config": quantization}  # mlx-lm writes both
    (unfinished / "config.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def check_target(out, overwrite):
    """Raise FileExistsError when `out` is there, except for a model's folder that may be overwritten."""
    old = beside(out, "old")
    if old.exists() and not out.exists():
        old.rename(out)  # a conversion was stopped at the very moment in which it replaced this folder
    if not out.exists():
        return
    if not overwrite:
        raise FileExistsError(f"{out} is there already; choose another folder, or replace it: overwrite=True "
                              "(--overwrite)")
    if not out.is_dir() or out.is_symlink():
        raise FileExistsError(f"{out} is no folder; only the folder of a model is overwritten. Choose another one")
    patterns = [*WRITTEN, "model*.safetensors", "model.safetensors.index.json"]
    foreign = [file.name for file in out.iterdir() if not any(file.match(pattern) for pattern in patterns)]
    if foreign:
        raise FileExistsError(f"{out} holds {min(foreign)}, which no conversion writes, and is not overwritten; remove "
                              "the folder yourself, or choose another one")


@contextmanager
def new_folder(out):
    """A folder to write into, beside `out`; it takes that name, and the place of what has it, when all went well.

    What an earlier attempt left is removed first. When something goes wrong, nothing is left.
    """
    unfinished, old = beside(out, "unfinished"), beside(out, "old")
    unfinished.mkdir(parents=True, exist_ok=True)
    with locked(unfinished, out):
        try:
            for left in unfinished.iterdir():
                left.unlink()
            yield unfinished
            if not out.exists():
                unfinished.rename(out)
            elif not exchanged(unfinished, out):
                shutil.rmtree(old, ignore_errors=True)
                out.rename(old)  # stopped right here, the old model has this name; the next conversion gives it back
                unfinished.rename(out)
                shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def exchanged(one, other):
    """Let two folders change names, both at once, so that at no moment a name is missing. False where that can't be."""
    try:
        libc, here, paths = ctypes.CDLL(None, use_errno=True), -100, [os.fsencode(path) for path in (one, other)]
        if sys.platform == "darwin":
            return libc.renamex_np(*paths, 2) == 0                        # RENAME_SWAP
        return libc.renameat2(here, paths[0], here, paths[1], 2) == 0     # AT_FDCWD, RENAME_EXCHANGE
    except (AttributeError, OSError):  # a C library, or a system, without it
        return False


def beside(out, state):
    """The name under which a folder stands beside `out`, hidden, so that it is not taken for a model."""
    return out.with_name(f".{out.name}.{state}")


@contextmanager
def locked(folder, out):
    """Keep two conversions from writing one folder. The lock ends with the process, however that ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise FileExistsError(f"another conversion is writing {out} now; wait for it, or choose another "
                              "folder") from None
    finally:
        os.close(handle)
