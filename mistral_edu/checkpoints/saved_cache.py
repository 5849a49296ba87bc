"""The caches of a model in a file: a long text that was read once need not be read again."""
import json
from pathlib import Path

import mlx.core as mx

from mistral_edu.cache import KVCache, RotatingKVCache
from mistral_edu.machine.whole_files import write
from mistral_edu.quantized_cache import QuantizedKVCache

FORMAT = "mistral_edu cache, version 1"


def save_cache(path, cache):
    """Write a list of caches, one per layer, to one safetensors file; it appears whole or not at all."""
    arrays = {f"{i}.{name}": array for i, layer in enumerate(cache) for name, array in layer.state.items()}
    metadata = {"format": FORMAT, "layers": json.dumps([layer.meta for layer in cache])}

    def save(name):
        with open(name, "wb") as file:  # given a name, MLX would add an ending
            mx.save_safetensors(file, arrays, metadata)

    write(path, save)


def load_cache(path):
    """The list of caches that save_cache wrote, bit for bit.

    Raises FileNotFoundError, and ValueError for another kind of file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; save_cache(path, cache) writes one")
    try:
        arrays, metadata = mx.load(str(path), format="safetensors", return_metadata=True)
    except RuntimeError as error:
        raise ValueError(f"{path} is not a safetensors file ({error}); write it again with save_cache") from None
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path} is not a saved cache: expected format {FORMAT!r}, found {metadata.get('format')!r}")
    mx.eval(arrays)  # read the file now, not when it may be gone
    metas = json.loads(metadata["layers"])
    states = [{} for _ in metas]
    for full_name, array in arrays.items():
        layer, name = full_name.split(".", 1)
        states[int(layer)][name] = array
    return [restored(meta, state) for meta, state in zip(metas, states)]


def restored(meta, state):
    """One cache from its state and meta."""
    arguments = {name: meta[name] for name in ("bits", "group_size", "window") if name in meta}
    kinds = {kind.__name__: kind for kind in (KVCache, RotatingKVCache, QuantizedKVCache)}
    cache = kinds[meta["kind"]](**arguments)
    cache.restore(state, meta)
    return cache
