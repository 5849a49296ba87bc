"""A small checkpoint as Hugging Face lays it out, and ways to change one: what tests of loading share."""
import json
import shutil

from mistral_edu import quantize
from mistral_edu.tiny import FOLDER
from small_models import random_model

import mlx.core as mx
from mlx.utils import tree_flatten

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
ONE = "model.layers.1.mlp.up_proj.weight"  # the weight that tests damage


def write_checkpoint(folder, model=None):
    """config.json, tokenizer.json (of `tiny`) and one file with all weights; returns the folder."""
    model = model or random_model(window_size=6)
    folder.mkdir(exist_ok=True)
    (folder / CONFIG).write_text(json.dumps(model.config.to_hf("float32")))
    model.save_weights(str(folder / WEIGHTS))
    shutil.copy(FOLDER / "tokenizer.json", folder)
    return folder


def write_quantized(folder, bits=4, group_size=32, shape=None, **more):
    """The same, quantized, with "quantization" in its config.json: bits, group_size, and what else is given."""
    model = quantize(random_model(**(shape or {"window_size": 6})), bits, group_size)
    write_checkpoint(folder, model)
    change_config(folder, quantization={"bits": bits, "group_size": group_size, **more})
    return model


def split(folder, n=3):
    """Spread the weights over n files, with an index; returns the names of the files."""
    weights = read(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    files = [f"model-{i:05}-of-{n:05}.safetensors" for i in range(1, n + 1)]
    names = sorted(weights)
    weight_map = {name: files[i * n // len(names)] for i, name in enumerate(names)}
    for file in files:
        mx.save_safetensors(str(folder / file), {name: weights[name] for name in names if weight_map[name] == file})
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return files


def read(path):
    weights = mx.load(str(path))
    mx.eval(weights)
    return weights


def weights_of(model):
    return dict(tree_flatten(model.parameters()))


def same_weights(a, b):
    a, b = weights_of(a), weights_of(b)
    return a.keys() == b.keys() and all(mx.array_equal(a[name], b[name]).item() for name in a)


def change_weights(folder, change, file=WEIGHTS):
    """Rewrite the file after change(weights), a function that edits the dict."""
    weights = read(folder / file)
    change(weights)
    mx.save_safetensors(str(folder / file), weights)


def change_json(path, change):
    """Rewrite a JSON file after change(what it holds)."""
    description = json.loads(path.read_text())
    change(description)
    path.write_text(json.dumps(description))


def change_config(folder, **changes):
    change_json(folder / CONFIG, lambda description: description.update(changes))
