"""From a name on the Hugging Face hub to a folder on this machine, through huggingface_hub and its cache.

Only what is read here is fetched: the configuration, the tokenizer, and the safetensors files of the weights. Many
models come with a second copy of the weights (consolidated.safetensors), or with pickles (.bin, .pt): these stay there.
The authors' own files are fetched where there is nothing else: tekken.json without another tokenizer, params.json and
the consolidated files without config.json.
Cache, offline mode and token are the library's: HF_HOME, HF_HUB_OFFLINE=1, HF_TOKEN or `hf auth login`.
"""
import re
from pathlib import Path

from mistral_edu.checkpoints.errors import UnavailableCheckpoint, UnsupportedCheckpoint
from mistral_edu.checkpoints.layout import AUTHORS, HUGGING_FACE, layout_of
from mistral_edu.checkpoints.weight_files import read_index
from mistral_edu.text.tekken import FILE as TEKKEN

SMALL_FILES = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
               "special_tokens_map.json", "added_tokens.json", "chat_template.jinja", "chat_template.json",
               "tokenizer.model", "tokenizer.model.v*"]
WITHOUT_CONFIG = [AUTHORS.config, AUTHORS.index, "adapter_config.json"]  # these say what it is instead
# huggingface_hub's words for what went wrong -> ours: what it means, what to do
ADVICE = {
    "GatedRepoError": "its authors ask for consent first: give it on the model's page, then authenticate with token=, "
                      "HF_TOKEN or `hf auth login`",
    "RepositoryNotFoundError": "the hub knows no such model, or does not show it to you; check the spelling, or "
                               "authenticate with token=, HF_TOKEN or `hf auth login`",
    "RevisionNotFoundError": "the model has no such revision; expected the name of a branch or tag, or a commit",
    "LocalEntryNotFoundError": "it is not in the cache, or not all of it, and the hub could not be asked; check the "
                               "connection and HF_HUB_OFFLINE, or copy the folder here and give its path",
    "HFValidationError": "names on the hub look like mistralai/Mistral-7B-v0.1",
}


def is_hub_name(name):
    """Whether a name could be one on the hub, such as "mistralai/Mistral-7B-v0.1".

    >>> is_hub_name("mistralai/Mistral-7B-v0.1"), is_hub_name("mistral"), is_hub_name("./models/mine")
    (True, False, False)
    """
    return re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", str(name)) is not None


def fetch(name, revision=None, token=None, weights=True) -> Path:
    """The folder of a model of the hub, fetched unless the cache has it.

    revision: a branch, a tag or a commit; None: the newest. token: of your account, for models that need one.
    weights: False for the small files alone. Raises UnavailableCheckpoint, or UnsupportedCheckpoint
    where the weights come in other formats only.
    """
    folder = snapshot(name, revision, token, [*SMALL_FILES, HUGGING_FACE.index])
    more = [] if (folder / HUGGING_FACE.config).is_file() else [*WITHOUT_CONFIG]
    if not (folder / "tokenizer.json").is_file() and not list(folder.glob("tokenizer.model*")):
        more.append(TEKKEN)
    if more:
        folder = snapshot(name, folder.name, token, more, revision)  # the folder's name is the commit: all are of one
    if not weights:
        return folder
    layout = layout_of(folder)
    has_index = (folder / layout.index).is_file()
    files = sorted(set(read_index(folder / layout.index).values())) if has_index else [layout.several]
    folder = snapshot(name, folder.name, token, files, revision)
    if not has_index and not list(folder.glob(layout.several)):
        raise UnsupportedCheckpoint(f"{name} on the Hugging Face hub has neither {layout.index} nor {layout.single}; "
                                    "expected one of them. Weights in other formats (.bin, .pt, .pth, .gguf) are not "
                                    "fetched; take a version of this model in safetensors")
    return folder


def snapshot(name, revision, token, files, asked_for=None) -> Path:
    """The cache's folder for a revision, once these files are in it.

    name: of the model, such as "mistralai/Mistral-7B-v0.1".
    revision: a branch, a tag or a commit; None for the newest.
    token: of an account, or None for the one that the library knows.
    files: names, or patterns.
    asked_for: the revision by which messages call it, where `revision` is the commit that was found for it.
    """
    from huggingface_hub import snapshot_download  # slow to import, and seldom needed

    try:
        return Path(snapshot_download(name, revision=revision, token=token, allow_patterns=files))
    except Exception as error:  # the library's own, or one of the HTTP client that its version uses
        kinds = [kind.__name__ for kind in type(error).__mro__]
        advice = next((advice for kind, advice in ADVICE.items() if kind in kinds), "try again later")
        what = name + (f" at revision {asked_for or revision}" if asked_for or revision else "")
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UnavailableCheckpoint(f"there is no folder {name} here, and the Hugging Face hub does not give {what}: "
                                    f"{advice} ({type(error).__name__}: {reason})") from error
