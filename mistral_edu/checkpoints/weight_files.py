"""Which files of a folder hold its weights: one file, or several ("shards") with an index. Nothing else is opened here.

The index is JSON, and its "weight_map" says which file holds which weight. In Hugging Face's layout the files are
model.safetensors, or shards with model.safetensors.index.json; layout.py has the authors' names.
"""
import re

from mistral_edu.checkpoints.errors import UnreadableFile, UnsupportedCheckpoint, WeightMismatch
from mistral_edu.checkpoints.json_file import read_json
from mistral_edu.checkpoints.layout import AUTHORS, HUGGING_FACE

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def weight_files(folder, layout):
    """(the files that hold a folder's weights, the index's weight_map or None).

    Raises FileNotFoundError, UnreadableFile for a damaged index, UnsupportedCheckpoint for pickles.
    """
    index = folder / layout.index
    if index.is_file():
        weight_map = read_index(index)
        files = [folder / name for name in sorted(set(weight_map.values()))]
        absent = [file.name for file in files if not file.is_file()]
        if absent:
            raise FileNotFoundError(f"{index} names {', '.join(absent)}, which {folder} does not hold; "
                                    f"expected {len(files)} files. Fetch the missing ones")
        return files, weight_map
    single = folder / layout.single
    files = [single] if single.is_file() else sorted(folder.glob(layout.several))
    if not files:
        raise no_weights(folder, layout)
    return files, None


def no_weights(folder, layout):
    """The error for a folder without weights: what lies there instead, and what to do."""
    pickles = sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))
    if pickles and not list(folder.glob("*.safetensors")):
        return UnsupportedCheckpoint(f"{folder} holds its weights in {', '.join(pickles)} only. These are pickle "
                                     "files, which can run any program when opened, so they were not; expected "
                                     f"{layout.single}. Take a version of this model in safetensors")
    held = sorted(file.name for file in folder.iterdir())
    hint = ""
    if layout is HUGGING_FACE and any(name.startswith("consolidated") for name in held):
        hint = f" (consolidated files are read only beside {AUTHORS.config}, and without a config.json)"
    return FileNotFoundError(f"{folder / layout.single}: no such file, nor {layout.index}; expected the weights there, "
                             f"and the folder holds only {', '.join(held) or 'nothing'}. Fetch the missing files{hint}")


def read_index(path) -> dict[str, str]:
    """The weight_map of an index: weight -> file.

    Only plain names of safetensors files are taken, so that an index leads to no other folder. (A file itself may be a
    symlink: the hub's cache consists of them, and the folder's owner made them, not the index.)
    """
    try:
        weight_map = read_json(path)["weight_map"]
        named = {str(name): str(file) for name, file in weight_map.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableFile(f'{path} is not an index: expected JSON with "weight_map", which gives the file of each '
                             f"weight ({type(error).__name__}: {error}). Fetch it again") from error
    for name, file in named.items():
        if not re.fullmatch(r"\w[\w.-]*\.safetensors", file):
            raise UnsupportedCheckpoint(f"{path} says that {name} lies in {file!r}; expected the plain name of a "
                                        ".safetensors file in the same folder. Do not use this checkpoint unless you "
                                        "know why it says so")
    if not named:
        raise UnreadableFile(f"{path} names no file; expected one for each weight. Fetch it again")
    return named


def check_index(weight_map, entries, path):
    """Raise WeightMismatch unless each weight lies where the index says, and nowhere else."""
    for name in sorted(weight_map.keys() | entries.keys()):
        said = weight_map.get(name)
        found = entries[name].file.name if name in entries else None
        if said != found:
            raise WeightMismatch(f"{path} says that {name} lies in {said or 'no file'}, and it was found in "
                                 f"{found or 'no file'}; expected both to agree. Fetch index and files from one place")
