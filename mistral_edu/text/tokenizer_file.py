"""The file of a tokenizer: which one is read, what it says, and the tokenizers library's object made of it.

Three kinds are read: tokenizer.json, and the authors' own tokenizer.model (tokenizer_model.py) and tekken.json
(tekken.py). Whatever is wrong with one is an error of this project.
"""
import json
import re
from pathlib import Path

import tokenizers

from mistral_edu.checkpoints.errors import UnreadableFile, UnsupportedCheckpoint
from mistral_edu.checkpoints.json_file import read_json
from mistral_edu.text.added_tokens import added_tokens_beside, check_ids, control_ids
from mistral_edu.text.tekken import FILE as TEKKEN
from mistral_edu.text.tekken import is_tekken, read_tekken
from mistral_edu.text.tokenizer_model import read_model

VERSION = re.compile(r"v(\d+)(m\d+)?")  # how a tokenizer.model.v3 ends, and what a tekken.json says


def is_sentencepiece(path) -> bool:
    """Whether a file's name says that it is one: tokenizer.model, tokenizer.model.v3."""
    return ".model" in path.suffixes


def read_file(path):
    """(what the file says, in the words of a tokenizer.json; the library's tokenizer)."""
    return (_read_tekken if is_tekken(path) else _read_model if is_sentencepiece(path) else _read)(path)


def version_of(path, description) -> str | None:
    """The version of the chat format that the file, or its name, states: "v3", or None."""
    version = str(description["version"]) if is_tekken(path) else path.suffix[1:]
    return version if VERSION.fullmatch(version) else None


def find_file(path) -> Path:
    """The tokenizer's file: path itself, or in a folder tokenizer.json, else tekken.json, else tokenizer.model.

    Of several such as tokenizer.model and tokenizer.model.v3, the one of the last version is read.
    """
    if path.is_dir():
        models = sorted(path.glob("tokenizer.model*"), key=_number_of_version)
        here = [file for file in (path / "tokenizer.json", path / TEKKEN, *models[-1:]) if file.is_file()]
        path = here[0] if here else path / "tokenizer.json"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; a tokenizer is read from a tokenizer.json, a {TEKKEN}, a "
                                "tokenizer.model, or the folder that holds one")
    return path


def _number_of_version(path):
    """3 for tokenizer.model.v3, 0 for tokenizer.model."""
    version = VERSION.fullmatch(path.suffix[1:])
    return int(version[1]) if version else 0


def is_instruct(path, template) -> bool | None:
    """Whether a tokenizer's files belong to an Instruct model. The vocabulary can't tell: v0.3's has [INST] in both.

    True where the folder's name (or the hub's name, in its cache) says Instruct, or a chat template lies beside the
    file; False where a tokenizer_config.json says nothing of the kind; None where there is no such file.
    """
    folder = path.absolute().parent
    name = folder.parent.parent.name if folder.parent.name == "snapshots" else folder.name
    if "instruct" in name.lower() or template:
        return True
    return False if (folder / "tokenizer_config.json").is_file() else None


def _read_model(path):
    """The same as _read, for a tokenizer.model and what has been added to it."""
    try:
        description = read_model(path)
    except UnsupportedCheckpoint:
        raise
    except Exception as error:  # whatever bytes that are no such file lead to
        raise UnreadableFile(f"{path}, of {path.stat().st_size} bytes, is not a complete SentencePiece model "
                             f"({error!r}); fetch it again") from error
    description["added_tokens"] += added_tokens_beside(path.parent, description["model"]["vocab"])
    return description, _built(description, path)


def _read_tekken(path):
    """The same as _read, for a tekken.json."""
    try:
        description, tokenizer = read_tekken(path)
    except Exception as error:  # whatever another JSON file leads to
        raise UnreadableFile(f"{path}, of {path.stat().st_size} bytes, is not a complete tekken.json ({error!r}); "
                             "fetch it again") from error
    check_ids(description, path)
    return description, tokenizer


def _read(path):
    """What a tokenizer.json says, corrected, and the library's tokenizer made of it."""
    try:
        description = _corrected(read_json(path))
    except (UnreadableFile, AttributeError, KeyError, TypeError) as error:  # cut off, or another JSON file
        raise UnreadableFile(f"{path}: not a tokenizer.json that can be read ({error!r}); fetch it again") from error
    return description, _built(description, path)


def _built(description, path):
    """The library's tokenizer, or an error of this project; the library raises plain Exceptions, and Rust panics."""
    try:
        check_ids(description, path)
        for setting in ("continuing_subword_prefix", "end_of_word_suffix"):
            if description["model"].get(setting):
                raise UnsupportedCheckpoint(f"{path}: {setting} is {description['model'][setting]!r}; no tokenizer of "
                                            "Mistral's has one, and it is not read. Take the tokenizer of a Mistral-7B")
        return tokenizers.Tokenizer.from_str(json.dumps(description))
    except UnsupportedCheckpoint:
        raise
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        raise UnreadableFile(f"{path}: not a tokenizer.json that can be read ({error!r}); fetch it again") from error


def _corrected(description):
    """The file's description, where it would encode text otherwise than the authors' tokenizer does.

    Merges that spell a control token go: some converters write them, and text would become that token.
    """
    model, control = description["model"], control_ids(description)
    description = {"decoder": None, "pre_tokenizer": None, **description}  # a part that is not there is none
    description["post_processor"] = None  # it would put <s> in front, and whatever else: encode() does that itself
    if "dropout" in model:  # in a training, merges are left out by chance
        model["dropout"] = None
    if "merges" in model:  # each is "le ft" or ["le", "ft"], by the age of the file
        model["merges"] = [merge for merge in model["merges"] if "".join(merge).replace(" ", "") not in control]
    return description
