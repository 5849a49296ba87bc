"""What a run keeps: models that `load` takes, and the state from which it goes on."""
import json
import shutil

import mlx.core as mx
from mlx.utils import tree_flatten, tree_unflatten

from mistral_edu.checkpoints.errors import UnreadableFile
from mistral_edu.machine.whole_files import write, write_text
from mistral_edu.quantize import quantize
from mistral_edu.tiny.training.stacks import unstack_layers
from mistral_edu.transformer import unfilled


def save_model(stacks, config, tokenizer_path, folder, bits=None):
    """A folder that `load` takes: bfloat16, or quantized to `bits`."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: w.astype(mx.bfloat16) for name, w in unstack_layers(stacks).items()}
    settings = config.to_hf()
    if bits:
        model = unfilled(config)
        model.update(tree_unflatten(list(weights.items())))
        quantize(model, bits=bits)
        weights = dict(tree_flatten(model.parameters()))
        settings["quantization"] = {"bits": bits, "group_size": 64}
    write(folder / "model.safetensors", lambda p: mx.save_safetensors(p, weights, metadata={"format": "pt"}))
    write_text(folder / "config.json", json.dumps(settings, indent=1) + "\n")
    if tokenizer_path.parent != folder:
        write(folder / "tokenizer.json", lambda p: shutil.copyfile(tokenizer_path, p))


def save_state(path, weights, moments, numbers):
    """Everything that the next step depends on. moments: as optimizer.moments; numbers: step, position, seconds."""
    arrays = {f"w/{name}": w for name, w in weights.items()} | moments
    metadata = {name: str(value) for name, value in numbers.items()}
    write(path, lambda p: mx.save_safetensors(p, arrays, metadata=metadata))


def load_state(path, weights, moments):
    """What save_state has written: weights, moments, numbers. Names and shapes have to be as in those that are given.

    Raises UnreadableFile.
    """
    expected = {f"w/{name}": w for name, w in weights.items()} | moments
    try:
        arrays, metadata = mx.load(str(path), return_metadata=True)
        found = numbers = {name: float(metadata[name]) for name in ("step", "position", "seconds")}
        damaged = {name: a.shape for name, a in arrays.items()} != {name: a.shape for name, a in expected.items()}
    except (RuntimeError, KeyError, ValueError) as error:
        found, damaged = error, True
    if damaged:
        raise UnreadableFile(f"{path} is damaged, or of another model ({found}); move it away, and this run begins "
                             f"anew; with --start {path.parent} it begins from the weights beside it")
    return {name: arrays[f"w/{name}"] for name in weights}, {name: arrays[name] for name in moments}, numbers
