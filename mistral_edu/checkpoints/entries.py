"""What the files of a checkpoint say they hold, known before the first number is read.

A safetensors file begins with a header: name, type and shape of each weight. One Entry is made of each. A weight keeps
the name that its file gives it, in the authors' layout too (authors_layout.py), so that messages quote what is there.
"""
import math
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError, safe_open

from mistral_edu.checkpoints.authors_layout import hugging_face_name
from mistral_edu.checkpoints.errors import UnreadableFile, WeightMismatch
from mistral_edu.checkpoints.layout import HUGGING_FACE
from mistral_edu.checkpoints.weight_files import check_index, weight_files

NOT_USED = "rotary_emb.inv_freq"  # RoPE's frequencies, which old checkpoints store and every model computes
COPY = "lm_head.weight"           # of the embedding, which some files of tied models hold as well
MLX_NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "U32": "uint32"}  # of what safetensors calls F32
FLOATS = {"float32": 4, "float16": 2, "bfloat16": 2}  # bytes of a number
PACKED = {"uint32": 4}                                # what quantized weights are packed into


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


def read_entries(folder, layout=HUGGING_FACE, tied=False) -> dict[str, Entry]:
    """name -> Entry for every weight in the folder's files; RoPE's stored frequencies are left out.

    tied: the model's output layer is its embedding; then a stored copy of it, or one that only the index names, is not
    used. Raises FileNotFoundError, UnreadableFile, UnsupportedCheckpoint, or WeightMismatch where index and files
    disagree.
    """
    files, weight_map = weight_files(folder, layout)
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
        check_index(weight_map, entries, folder / layout.index)
    return {name: entry for name, entry in entries.items() if not name.endswith(NOT_USED)}


def without_copy(by_name):
    """A dict of weights by name, without the output layer."""
    return {name: value for name, value in by_name.items() if hugging_face_name(name) != COPY}


def read_header(file) -> dict[str, Entry]:
    """name -> Entry, from the first bytes of a safetensors file. Raises UnreadableFile if it is cut off or damaged."""
    try:
        with safe_open(str(file), framework="np") as opened:
            parts = {name: opened.get_slice(name) for name in opened.keys()}
            return {name: Entry(file, MLX_NAMES.get(part.get_dtype(), part.get_dtype()), tuple(part.get_shape()))
                    for name, part in parts.items()}
    except (SafetensorError, OSError, ValueError) as error:
        raise UnreadableFile(f"{file}, of {file.stat().st_size:,} bytes, is not a complete safetensors file ({error}); "
                             "fetch it again") from error
