"""The weights of a folder: which files hold them, what the files say they hold, and the numbers, read one by one.

A checkpoint lies in one file, model.safetensors, or in several ("shards") with model.safetensors.index.json, whose
"weight_map" says which file holds which weight. A safetensors file begins with a header of names, types and shapes. So
all of it can be checked before the first number is read.

The authors' own layout has other names, of files and of weights (authors_layout.py). Here each weight keeps the name
that its file gives it, so that messages speak of what is there.
"""
import math
import re
from pathlib import Path
from typing import NamedTuple

import mlx.core as mx
from safetensors import SafetensorError, safe_open

from mistral_edu.checkpoints import authors_layout
from mistral_edu.checkpoints.errors import NonFiniteWeights, UnreadableFile, UnsupportedCheckpoint, WeightMismatch
from mistral_edu.checkpoints.json_file import read_json

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
NOT_USED = "rotary_emb.inv_freq"  # RoPE's frequencies, which old checkpoints store and every model computes
COPY = "lm_head.weight"           # of the embedding, which some files of tied models hold as well
MLX_NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "U32": "uint32"}  # of what safetensors calls F32
FLOATS = {"float32": 4, "float16": 2, "bfloat16": 2}  # bytes of a number
PACKED = {"uint32": 4}                                # what quantized weights are packed into
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


class Entry(NamedTuple):
    """What a header says of one weight."""

    file: Path
    dtype: str    # "bfloat16"; where MLX has no such type, as safetensors writes it: "F8_E4M3"
    shape: tuple

    @property
    def size(self):
        """How many numbers."""
        return math.prod(self.shape)

    @property
    def nbytes(self):
        return self.size * {**FLOATS, **PACKED}.get(self.dtype, 8)


def read_entries(folder, tied=False) -> dict[str, Entry]:
    """name -> Entry for every weight in the folder's files; RoPE's stored frequencies are left out.

    tied: the model's output layer is its embedding; then a stored copy of it, or one that only the index names, is not
    used. Raises FileNotFoundError, UnreadableFile, UnsupportedCheckpoint, or WeightMismatch where index and files
    disagree.
    """
    files, weight_map = weight_files(Path(folder))
    entries = {}
    for file in files:
        for name, entry in read_header(file).items():
            if name in entries:
                raise WeightMismatch(f"{name} lies in two files, {entries[name].file} and {file.name}; expected it "
                                     "once. Fetch the folder again")
            entries[name] = entry
    if tied:
        entries = without_copy(entries)
        weight_map = weight_map and without_copy(weight_map)
    if weight_map is not None:
        check_index(weight_map, entries, folder / file_names(folder).index)
    return {name: entry for name, entry in entries.items() if not name.endswith(NOT_USED)}


def without_copy(by_name):
    """A dict of weights by name, without the output layer."""
    return {name: value for name, value in by_name.items() if authors_layout.hugging_face_name(name) != COPY}


class FileNames(NamedTuple):
    """What a layout calls its files of weights."""

    single: str   # all weights in one
    several: str  # a pattern for those that are read without an index
    index: str


def file_names(folder) -> FileNames:
    """The names in this folder's layout."""
    if authors_layout.is_authors_layout(folder):
        return FileNames(authors_layout.SINGLE, authors_layout.SEVERAL, authors_layout.INDEX)
    return FileNames(SINGLE, SINGLE, INDEX)


def weight_files(folder):
    """(the files that hold a folder's weights, the index's weight_map or None). Nothing is opened but the index."""
    names = file_names(folder)
    index = folder / names.index
    if index.is_file():
        weight_map = read_index(index)
        files = [folder / name for name in sorted(set(weight_map.values()))]
        absent = [file.name for file in files if not file.is_file()]
        if absent:
            raise FileNotFoundError(f"{index} names {', '.join(absent)}, which {folder} does not hold; "
                                    f"expected {len(files)} files. Fetch the missing ones")
        return files, weight_map
    single = folder / names.single
    files = [single] if single.is_file() else sorted(folder.glob(names.several))
    if files:
        return files, None
    pickles = sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))
    if pickles and not list(folder.glob("*.safetensors")):
        raise UnsupportedCheckpoint(f"{folder} holds its weights in {', '.join(pickles)} only. These are pickle files, "
                                    "which can run any program when they are opened, so they were not; expected "
                                    f"{single.name}. Take a version of this model in safetensors")
    found = ", ".join(sorted(file.name for file in folder.iterdir())) or "nothing"
    raise FileNotFoundError(f"{single}: no such file, nor {index.name}; expected the weights there, and the folder "
                            f"holds only {found}. Fetch what is missing from where this folder comes from (files named "
                            f"consolidated belong to {authors_layout.PARAMS}, and are read where no config.json is)")


def read_index(path) -> dict[str, str]:
    """The weight_map of an index: weight -> file.

    Only plain names of safetensors files are taken, so that an index leads to no other folder. (A file itself may be a
    symlink: the hub's cache consists of them, and the folder's owner made them, not the index.)
    """
    try:
        weight_map = read_json(path)["weight_map"]
        named = {str(name): str(file) for name, file in weight_map.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableFile(f'{path} is no index: expected JSON with "weight_map", which gives the file of each '
                             f"weight ({type(error).__name__}: {error}). Fetch it again") from error
    for name, file in named.items():
        if not re.fullmatch(r"\w[\w.-]*\.safetensors", file):
            raise UnsupportedCheckpoint(f"{path} says that {name} lies in {file!r}; expected the plain name of a "
                                        ".safetensors file in the same folder. Do not use this checkpoint unless you "
                                        "know why it says so")
    if not named:
        raise UnreadableFile(f"{path} names no file; expected one for each weight. Fetch it again")
    return named


def read_header(file) -> dict[str, Entry]:
    """name -> Entry, from the first bytes of a safetensors file. Raises UnreadableFile if it is cut off or damaged."""
    try:
        with safe_open(str(file), framework="np") as opened:
            parts = {name: opened.get_slice(name) for name in opened.keys()}
            return {name: Entry(file, MLX_NAMES.get(part.get_dtype(), part.get_dtype()), tuple(part.get_shape()))
                    for name, part in parts.items()}
    except (SafetensorError, OSError, ValueError) as error:
        raise UnreadableFile(f"{file}, of {file.stat().st_size:,} bytes, is no whole safetensors file ({error}); "
                             "fetch it again") from error


def check_index(weight_map, entries, path):
    """Raise WeightMismatch unless each weight lies where the index says, and nowhere else."""
    for name in sorted(weight_map.keys() | entries.keys()):
        said = weight_map.get(name)
        found = entries[name].file.name if name in entries else None
        if said != found:
            raise WeightMismatch(f"{path} says that {name} lies in {said or 'no file'}, and it was found in "
                                 f"{found or 'no file'}; expected both to agree. Fetch index and files from one place")


def check_weights(entries, expected, folder):
    """Raise WeightMismatch unless the files hold exactly the weights that the model has, in their shapes.

    expected: name -> array; only its shape, and whether it holds floats, are looked at. Names are those of the files.
    """
    problems = [f"{name} is missing" for name in expected.keys() - entries.keys()]
    problems += [f"{name} has no place in the model" for name in entries.keys() - expected.keys()]
    for name in expected.keys() & entries.keys():
        found, wanted = entries[name], expected[name]
        dtypes = FLOATS if mx.issubdtype(wanted.dtype, mx.floating) else PACKED
        if found.shape != wanted.shape:
            problems.append(f"{name} has shape {found.shape}, expected {wanted.shape}")
        elif found.dtype not in dtypes:
            problems.append(f"{name} holds {found.dtype}, expected {' or '.join(dtypes)}")
    if problems:
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        files = sorted({entry.file.name for entry in entries.values()})
        where = " in " + (", ".join(files) if len(files) < 4 else f"{files[0]} to {files[-1]}") if files else ""
        raise WeightMismatch(f"the weights in {folder} do not fit its {authors_layout.config_file(folder).name}: "
                             f"{'; '.join(sorted(problems)[:5])}{more}. Expected {len(expected)} weights, found "
                             f"{len(entries)}{where}; all files must be of the same model")


def open_weights(entries) -> dict[str, mx.array]:
    """name -> weight, lazily: MLX knows type and shape, and reads the numbers when they are first asked for."""
    weights = {}
    for file in dict.fromkeys(entry.file for entry in entries.values()):
        try:
            weights |= mx.load(str(file), format="safetensors")
        except RuntimeError as error:
            raise UnreadableFile(f"{file} is no safetensors file that MLX reads ({error}); fetch it again") from error
    return {name: weights[name] for name in entries}


def read_one_by_one(parameters, weights, folder):
    """Read the weights of a model, and yield its parameters (name, array) as they come, in the files' order.

    parameters: lazily made of `weights`, perhaps by quantizing them; both are name -> array, and emptied here. (Weights
    may have the authors' names, parameters have Hugging Face's.) Each is computed with the others of its layer, then
    let go: so one float weight at a time is in memory beside the results.
    Raises NonFiniteWeights at the first weight that holds NaN or infinity.
    """
    layers = {}  # layer -> (what is read, what is made of it)
    for n, arrays in enumerate((weights, parameters)):
        for name in list(arrays):
            layer = layer_of(authors_layout.hugging_face_name(name))
            layers.setdefault(layer, ({}, {}))[n][name] = arrays.pop(name)
    for layer in list(layers):
        sources, results = layers.pop(layer)
        finite = {name: mx.isfinite(weight).all() for name, weight in sources.items()}
        mx.eval(results, finite)
        for name, is_finite in finite.items():
            if not is_finite.item():
                raise NonFiniteWeights(f"{folder}: NaN or infinity in {name}; expected finite numbers. The file is "
                                       "damaged, or its training diverged, or the dtype asked for is too narrow for "
                                       "it (float16 ends at 65504): take another")
        yield from results.items()


def layer_of(name):
    """The layer that a parameter belongs to: a quantized one has three, packed integers, scales and biases."""
    return name.rpartition(".")[0]
