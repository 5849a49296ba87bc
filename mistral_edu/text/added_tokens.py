"""Added tokens: those that are found in a text as a whole, before anything is merged, or that no text gives at all.

A tokenizer.json lists them itself. Beside a tokenizer.model, those that a training has added stand in files of their
own. A control token is an added token that is marked "special".
"""
from pathlib import Path

from mistral_edu.checkpoints.errors import UnsupportedCheckpoint
from mistral_edu.checkpoints.json_file import read_json

PAIRS = {"[INST]": "[/INST]", "[SYSTEM_PROMPT]": "[/SYSTEM_PROMPT]"}


def control_ids(description) -> dict:
    """Control token -> id, of a tokenizer.json's description."""
    return {token["content"]: token["id"] for token in description["added_tokens"] if token["special"]}


def added_tokens_beside(folder, vocab) -> list:
    """What has been added to a tokenizer.model, as a tokenizer.json would list it. vocab: its own, piece -> id.

    tokenizer_config.json tells in full (added_tokens_decoder); the older added_tokens.json gives ids only, all of them
    taken for control tokens, as they were used.
    """
    folder = Path(folder)
    told = read_json(folder / "tokenizer_config.json", missing={}).get("added_tokens_decoder") or {}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    found = {token["content"]: {**flags, **token, "id": int(id)} for id, token in told.items()}
    for content, id in read_json(folder / "added_tokens.json", missing={}).items():
        found.setdefault(content, {**flags, "content": content, "id": id})
    return sorted((token for token in found.values() if token["content"] not in vocab), key=lambda token: token["id"])


def check_ids(description, path):
    """Raise UnsupportedCheckpoint where one id stands for two things, or half of a pair of marks is missing.

    Such a file can be loaded, and would be found out in the middle of a prompt: text that becomes a control token, or
    a control token that becomes text.
    """
    vocab, control, owner = description["model"].get("vocab"), control_ids(description), {}
    if not isinstance(vocab, dict):
        return  # of another kind, which is refused with its name
    for content, id in [*vocab.items(), *((token["content"], token["id"]) for token in description["added_tokens"])]:
        if vocab.get(content, id) != id:
            raise UnsupportedCheckpoint(f"{path}: the added token {content!r} has id {id}, and in the vocabulary it "
                                        f"has id {vocab[content]}; {FETCH}")
        if owner.setdefault(id, content) != content:
            raise UnsupportedCheckpoint(f"{path}: id {id} stands for {owner[id]!r} and for {content!r}; {FETCH}")
    for begin, end in PAIRS.items():
        if (begin in control) != (end in control):
            there, gone = (begin, end) if begin in control else (end, begin)
            raise UnsupportedCheckpoint(f"{path}: of the two marks {begin} and {end} only {there} is a control token, "
                                        f"{gone} is none; {FETCH}")


FETCH = "fetch the tokenizer again, or take that of the model it was trained from"
