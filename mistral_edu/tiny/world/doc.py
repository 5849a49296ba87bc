"""What the small world consists of: documents, each with the key that decides whether it may be trained on."""
import zlib
from typing import NamedTuple

HELD_OUT_PERCENT = 4          # of all keys; small key spaces need more, or the test split would hold almost nothing
HELD_OUT_PERCENT_SMALL = {"fact": 12, "sum": 12, "chat": 12, "out": 12, "day": 12, "month": 12, "own": 12}


class Doc(NamedTuple):
    """One document: a conversation, or plain text without instructions.

    task   what is practised, as the evaluation names it
    turns  [(user, assistant), ...]; empty for plain text
    text   the plain text, or None
    meta   what a test needs to judge the answer (the wishes of a story, the fact to recall ...)
    key    the content (a kind, then names, objects, places, numbers ...), which is hashed into training or test
    """
    task: str
    turns: list
    text: str | None = None
    meta: object = None
    key: tuple | None = None


def held_out(key: tuple) -> bool:
    """True if no document with this key may be trained on. The same in all runs and on all machines.

    Keys of the kind "always" belong only to training (things that must be known by heart).

    >>> sum(held_out(("story", name, "fox")) for name in map(str, range(1000)))
    38
    """
    if key[0] == "always":
        return False
    return zlib.crc32(repr(key).encode()) % 100 < HELD_OUT_PERCENT_SMALL.get(key[0], HELD_OUT_PERCENT)


def prompts(doc: Doc) -> list[str]:
    """Every prompt of a document, with the turns before it: training and test must not share any."""
    asked, before = [], ""
    for user, assistant in doc.turns:
        asked.append(before + user)
        before += f"{user}\n{assistant}\n"
    return asked
