"""What a run starts from: a vocabulary, and weights that are drawn at random or taken from a model."""
import shutil
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten

from mistral_edu.machine.whole_files import write
from mistral_edu.tiny.training.data import train_tokenizer
from mistral_edu.tiny.training.optimizer import is_matrix
from mistral_edu.tiny.training.stacks import stack_layers
from mistral_edu.transformer import unfilled


def check_start(folder):
    """Raise FileNotFoundError where `folder`, to start from, is no model's."""
    for name in ("tokenizer.json", "model.safetensors") if folder else ():
        if not (Path(folder) / name).is_file():
            raise FileNotFoundError(f"--start {folder} takes a model's folder, and holds no {name}")


def bring_tokenizer(path, vocab_size, folder, world, say):
    """Write `path`: the vocabulary of the model in `folder`, or, where that is None, one learned from the world."""
    if folder:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, lambda p: shutil.copyfile(Path(folder) / "tokenizer.json", p))
    else:
        say(f"learning a vocabulary of {vocab_size} pieces")
        train_tokenizer(path, vocab_size, world=world)


def start_weights(config, seed, folder):
    """Stacks of weights in float32: of the model in `folder`, or random ones."""
    if not folder:
        return first_weights(config, seed)
    weights = mx.load(str(Path(folder) / "model.safetensors"))
    return stack_layers({name: w.astype(mx.float32) for name, w in weights.items()})


def first_weights(config, seed):
    """Normal numbers, scaled by the width they are summed over; what adds to the residual stream starts at half."""
    model, key, weights = unfilled(config), mx.random.key(seed), {}
    for name, w in tree_flatten(model.parameters()):
        key, own = mx.random.split(key)
        if w.ndim == 1:
            weights[name] = mx.ones(w.shape)
            continue
        scale = w.shape[1] ** -0.5 if is_matrix(name) else 0.02
        scale *= 0.5 if name.endswith(("o_proj.weight", "down_proj.weight")) else 1
        weights[name] = mx.random.normal(w.shape, key=own) * scale
    return stack_layers(weights)
