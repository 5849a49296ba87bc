"""Writing weights: safetensors files of 5 GB at most and, where they are several, the index that says what lies where.

A safetensors file is eight bytes with the length of the header, the header, which is JSON with type, shape and place of
each weight, and the numbers. Types and shapes are known before a number is computed. So lay_out writes all headers
first, and put adds one weight after the other: never more than one has to be in memory.
"""
import json
from pathlib import Path
from typing import NamedTuple

import mlx.core as mx

from mistral_edu.checkpoints.entries import MLX_NAMES
from mistral_edu.checkpoints.layout import HUGGING_FACE
from mistral_edu.checkpoints.weights import layer_of

SHARD_SIZE = 5 * 10**9  # bytes, as Hugging Face splits
SAFETENSORS_NAMES = {getattr(mx, ours): theirs for theirs, ours in MLX_NAMES.items()}


class Place(NamedTuple):
    file: Path
    offset: int  # of the first byte, from the beginning of the file


def lay_out(folder, parameters, shard_size=SHARD_SIZE, metadata=None) -> dict[str, Place]:
    """Make the files for these parameters (name -> array), with headers and without numbers; name -> Place.

    metadata: strings that each header carries; {"format": "pt"} is what transformers asks for.
    """
    shards = split(parameters, shard_size)
    n, places = len(shards), {}
    names = [f"model-{i:05}-of-{n:05}.safetensors" for i in range(1, n + 1)] if n > 1 else [HUGGING_FACE.single]
    files = [folder / name for name in names]
    for file, shard in zip(files, shards):
        places |= write_header(file, shard, metadata or {})
    if n > 1:
        weight_map = {name: places[name].file.name for name in sorted(places)}
        total = sum(array.nbytes for array in parameters.values())
        index = {"metadata": {"total_size": total}, "weight_map": weight_map}
        (folder / HUGGING_FACE.index).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return places


def split(parameters, shard_size):
    """The parameters in their order, as dicts of shard_size bytes at most; a layer is not torn apart.

    >>> [list(shard) for shard in split({name: mx.zeros(10) for name in ("a.w", "b.w", "b.s", "c.w")}, 100)]
    [['a.w'], ['b.w', 'b.s'], ['c.w']]
    """
    layers = {}
    for name, array in parameters.items():
        layers.setdefault(layer_of(name), {})[name] = array
    shards, filled = [{}], 0
    for layer in layers.values():
        nbytes = sum(array.nbytes for array in layer.values())
        if shards[-1] and filled + nbytes > shard_size:
            shards.append({})
            filled = 0
        shards[-1] |= layer
        filled += nbytes
    return shards


def write_header(file, parameters, metadata) -> dict[str, Place]:
    """Make a safetensors file whose numbers are all zero still, and tell where each weight belongs.

    Wider numbers come first, so that each begins at a multiple of its size, as readers that map the file expect.
    """
    header, end = {"__metadata__": metadata}, 0
    for name, array in sorted(parameters.items(), key=lambda item: (-item[1].itemsize, item[0])):
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": SAFETENSORS_NAMES[array.dtype], "shape": array.shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with file.open("xb") as opened:
        opened.write(len(text).to_bytes(8, "little") + text)
        opened.truncate(8 + len(text) + end)
    return {name: Place(file, 8 + len(text) + header[name]["data_offsets"][0]) for name in parameters}


def put(place, array):
    """Write the numbers of one weight to its place."""
    with place.file.open("r+b") as opened:
        opened.seek(place.offset)
        opened.write(memoryview(array.view(mx.uint8)))
