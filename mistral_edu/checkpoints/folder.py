"""From a name to a folder: the embedded model, a folder on this machine, or one of the Hugging Face hub (hub.py)."""
from pathlib import Path

from mistral_edu.checkpoints import hub
from mistral_edu.checkpoints.new_folder import beside
from mistral_edu.tiny import FOLDER as TINY

FILES = "config.json, a tokenizer and model.safetensors (or params.json and consolidated.safetensors)"


def find_folder(name_or_folder, revision=None, token=None):
    """(the folder behind a name, whether it is one of the hub). Of the hub, only small files are fetched here."""
    path = TINY if name_or_folder == "tiny" else Path(name_or_folder).expanduser()
    if path.is_dir():
        if revision is not None:
            what = "the embedded model" if name_or_folder == "tiny" else f"the folder {path}"
            raise ValueError(f"{what} has no revisions, but {revision!r} was asked for; leave revision out, or give "
                             "the name of a model on the hub")
        return path, False
    if path.exists():
        raise FileNotFoundError(f"{path} is a file; expected the folder that holds {FILES}")
    left = beside(path, "old")
    if left.is_dir():
        raise FileNotFoundError(f"there is no folder {path}; a conversion was stopped while it replaced it, and the "
                                f"model is in {left}. Rename that folder to {path}, or run the conversion again")
    if hub.is_hub_name(name_or_folder):
        return hub.fetch(str(name_or_folder), revision, token, weights=False), True
    raise FileNotFoundError(f'there is no folder {path}; expected "tiny", a folder that holds {FILES}, or a name on '
                            "the Hugging Face hub, such as mistralai/Mistral-7B-Instruct-v0.3")
