"""What a panel may be given, and what is said about a value that it cannot."""
from pathlib import Path

from mistral_edu.checkpoints.window import window
from mistral_edu.sampling import Sampling
from mistral_edu.text import saved_chat
from mistral_edu.text.messages import check_messages

NUMBERS = {"temperature": float, "top_p": float, "seed": int, "max_tokens": int}    # as stream_generate names them
BITS = (None, 8, 4)


def number(name: str, value):
    """The value of one of NUMBERS, from a number or from what was typed. Raises ValueError for what cannot be.

    >>> number("temperature", "0.8"), number("seed", 3)
    (0.8, 3)
    """
    kind = NUMBERS[name]
    try:
        if kind is int and isinstance(value, float):
            raise ValueError
        found = kind(value)
    except (TypeError, ValueError):
        words = "a whole number" if kind is int else "a number"
        raise ValueError(f"{name} is {words}; got {value!r}") from None
    if name in ("temperature", "top_p"):
        Sampling(**{name: found})
    elif name == "max_tokens" and found < 1:
        raise ValueError(f"max_tokens should be at least 1; got {found}")
    return found


def width(value):
    """A window, as `window` reads it; an empty field is "config".

    >>> width("64"), width("none"), width("")
    (64, 'none', 'config')
    """
    return "config" if value in ("", None) else window(value)


def weight_bits(value):
    """8 or 4, or None for the weights as stored.

    >>> weight_bits("8"), weight_bits("")
    (8, None)
    """
    found = {"": None, "8": 8, "4": 4}.get(value, value)
    if found not in BITS:
        raise ValueError(f"bits should be 8 or 4, or None for the weights as stored; got {value!r}")
    return found


def conversation(messages) -> list:
    """A conversation to begin with: copied from messages, or read from a file."""
    if isinstance(messages, (str, Path)):
        return saved_chat.load(messages)
    messages = [dict(message) if isinstance(message, dict) else message for message in messages]
    if messages:
        check_messages(messages)
        if messages[-1]["role"] != "assistant":
            raise ValueError("messages end in a question; add its answer, or leave it out and ask it")
    return messages
