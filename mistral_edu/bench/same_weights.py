"""The same weights for all engines: written once, in each format that one of them reads, and removed at the end.

<folder>/16             a Hugging Face folder in bfloat16, from which all the others are made
<folder>/8, <folder>/4  what mistral_edu.convert makes of it; mlx-lm reads these, too
<folder>/gguf           f16.gguf, q8_0.gguf, q4_0.gguf, for llama.cpp
"""
import json
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from mlx.utils import tree_flatten

from mistral_edu.bench.peers import PEERS, precisions
from mistral_edu.bench.random_model import random_model
from mistral_edu.checkpoints import shards
from mistral_edu.checkpoints.checkpoint import Checkpoint
from mistral_edu.checkpoints.convert import convert
from mistral_edu.checkpoints.loading import load_config
from mistral_edu.checkpoints.needs import bytes_per_weight, gb
from mistral_edu.config import MistralConfig
from mistral_edu.machine import whole_files

GGUF_BYTES = {"f16": 2, "q8_0": 34 / 32, "q4_0": 18 / 32}  # of a weight: groups of 32 with a scale in float16
SPARE = 1.05  # headers, and what a file system takes for itself


@contextmanager
def folder_of_weights(cases, names):
    """A temporary folder for what these cases and peers need; whatever ends the comparison, it is removed.

    Raises ValueError for a checkpoint that has no float weights, OSError if there is too little room for the files.
    """
    source = cases[0].model
    if source is not None and Checkpoint.open(source).quantization:
        raise ValueError(f"{source} is already quantized, in a format that not all engines read; use the float "
                         "checkpoint that it was made from")
    needed, place = bytes_on_disk(cases, names), tempfile.gettempdir()
    free = shutil.disk_usage(place).free
    if needed > free:
        raise OSError(f"to compare, the weights are written once in each format, which takes {gb(needed)}, but {place} "
                      f"has {gb(free)} free. Make room, name another folder in TMPDIR, or take fewer bits or fewer "
                      "peers")
    with tempfile.TemporaryDirectory(prefix="mistral_edu-bench-") as folder:
        yield Path(folder)


def bytes_on_disk(cases, names):
    """Bytes of all files together."""
    case = cases[0]
    if case.preset is not None:
        n_weights = MistralConfig.preset(case.preset).n_parameters
    else:
        n_weights = sum(entry.size for entry in Checkpoint.open(case.model).fetched().entries.values())
    each = [2] + [bytes_per_weight(2, bits=bits) for bits in all_bits(cases) if bits != 16]
    formats = gguf_precisions(cases, names)
    each += [GGUF_BYTES[precision] for precision in {"f16", *formats}] if formats else []
    return round(SPARE * n_weights * sum(each))


def all_bits(cases):
    """The precisions of the cases; a float checkpoint as it is stored counts as 16 bit."""
    return [case.bits or 16 for case in cases]


def gguf_precisions(cases, names):
    """The GGUF files that are needed, by their names."""
    readers = [precisions(name) for name in names if PEERS[name].reads == "gguf"]
    return [precision for known in readers for bits in all_bits(cases) for precision in known.get(bits, ())]


def write(case, folder):
    """Write <folder>/16 if it is not there yet, and <folder>/<bits>; returns the configuration, as to_hf() does."""
    folder = Path(folder)
    floats, bits = folder / "16", case.bits or 16
    if not floats.exists() and case.preset is not None:
        write_random(case, floats)
    elif not floats.exists():
        convert(case.model, floats, bits=None, dtype="bfloat16")
    if bits != 16:
        convert(floats, folder / str(bits), bits=bits)
    return load_config(floats).to_hf()


def write_random(case, folder):
    """The random weights that random_model makes in memory, as a Hugging Face folder."""
    model = random_model(case.preset, context=max(case.contexts) + case.max_tokens)
    parameters = dict(tree_flatten(model.parameters()))

    def save(name):
        unfinished = Path(name)
        unfinished.mkdir()
        places = shards.lay_out(unfinished, parameters, metadata={"format": "pt"})
        for name, weight in parameters.items():
            shards.put(places[name], weight)
        (unfinished / "config.json").write_text(json.dumps(model.config.to_hf()), encoding="utf-8")

    whole_files.write(folder, save)
