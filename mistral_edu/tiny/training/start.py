"""What a run starts from: a vocabulary, and weights that are drawn at random or taken from a model."""
import shutil
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten

from mistral_edu.machine.whole_files import make_folder, write
from mistral_edu.tiny.training.data import train_tokenizer
from mistral_edu.tiny.training.optimizer import is_matrix
from mistral_edu.tiny.training.stacks import stack_layers
from mistral_edu.transformer import unfilled

BEFORE_THE_FIRST_SAVE = {"tokenizer.json", "world.py", "log.jsonl", "checkpoints"}  # what a run may have written


def check_out(folder):
    """Raise OSError where `folder`, for a new run, is a file, or holds what is not of a run: it might be replaced."""
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"{folder} is a file; --out takes the folder of a run, such as runs/mine")
    for path in sorted(folder.iterdir()) if folder.exists() else ():
        if path.name not in BEFORE_THE_FIRST_SAVE and not path.name.startswith("."):
            raise FileExistsError(f"{folder} holds {path.name}, and no run that could go on; a run needs a folder of "
                                  "its own: give a new one with --out")


def check_start(folder):
    """Raise FileNotFoundError where `folder`, to start from, is no model's."""
    if folder and not Path(folder).is_dir():
        raise FileNotFoundError(f"there is no folder {folder}; --start takes the folder of a model")
    for name in ("tokenizer.json", "model.safetensors") if folder else ():
        if not (Path(folder) / name).is_file():
            raise FileNotFoundError(f"{folder} holds no {name}; --start takes the folder of a model")


def bring_tokenizer(path, vocab_size, folder, world, say):
    """Write `path`: the vocabulary of the model in `folder`, or, where that is None, one learned from the world."""
    if folder:
        make_folder(path.parent)
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
