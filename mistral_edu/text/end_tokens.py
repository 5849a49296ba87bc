"""Which tokens end an answer: all that a model's files name, beside the tokenizer's own `</s>`.

Mistral's own models end with `</s>`. Models that others have trained further often end with a token of their own, such
as `<|im_end|>`, and say so in one of three files, or in all of them: config.json and generation_config.json give ids, a
number or a list; tokenizer_config.json gives the token itself.
"""
from pathlib import Path

from mistral_edu.checkpoints.errors import UnsupportedCheckpoint
from mistral_edu.checkpoints.json_file import read_json

GIVE_IDS = ("config.json", "generation_config.json")
GIVES_A_TOKEN = "tokenizer_config.json"


def end_ids(folder, id_of) -> frozenset:
    """The ids that the files in a folder name as ends; an empty set where they are silent.

    id_of(token) -> its id, or None: a token that the vocabulary does not have never comes. Raises UnreadableFile, and
    UnsupportedCheckpoint for an end that is neither an id nor a list of ids.
    """
    found = set()
    for name in GIVE_IDS:
        said = read_json(Path(folder) / name, missing={}).get("eos_token_id")
        each = said if isinstance(said, list) else [] if said is None else [said]
        if not all(type(id) is int and id >= 0 for id in each):
            raise UnsupportedCheckpoint(f"{Path(folder) / name}: eos_token_id is {said!r}; expected the id of the "
                                        "token that ends an answer, or a list of such ids. Correct the file, or "
                                        "remove it")
        found.update(each)
    token = read_json(Path(folder) / GIVES_A_TOKEN, missing={}).get("eos_token")
    token = token.get("content") if isinstance(token, dict) else token      # a text, or its description
    id = id_of(token) if isinstance(token, str) else None
    return frozenset(found if id is None else found | {id})

