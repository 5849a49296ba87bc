"""A server's answer as it arrives: server-sent events, each a JSON object with some text in it.

Source: the HTML standard, "Server-sent events"; OpenAI's API reference, "Chat completions", streaming.
"""
import json
import re
import time
from dataclasses import dataclass, replace

from mistral_edu.served.words import complaint, excerpt

LONGEST = 2**20  # bytes of one line; a piece of an answer has a few hundred
HALF = re.compile("[\ud800-\udfff]")  # JSON may name half a character; no text has one


class BadAnswer(ValueError):
    """What arrived does not follow the protocol."""


class BrokenOff(ValueError):
    """The answer has no end."""


@dataclass(frozen=True)
class ServedPiece:
    """Some text of an answer, and what is known of the answer so far. The last piece has no text."""

    text: str
    n_pieces: int = 0                 # pieces with text, this one included
    first: float = 0.0                # seconds from the question to the first text
    writing: float = 0.0              # seconds from there to the latest text
    usage: dict | None = None         # the server's own count, under its names; None: it has not counted
    finish_reason: str | None = None  # "stop", "length", ...; None: more to come


def pieces_of(response, began):
    """Yield a ServedPiece for each text in a response, and one at the end. began: when the question was sent.

    A server that sends the whole answer at once is understood, too. Raises BadAnswer or BrokenOff.
    """
    latest, ending = ServedPiece(""), None
    for data in data_in(response):
        if data.strip() == "[DONE]":
            ending = ending or "stop"
            break
        text, finish_reason, usage = content_of(parsed(data))
        latest, ending = replace(latest, text=text, usage=usage or latest.usage), finish_reason or ending
        if text:
            now = time.monotonic() - began
            first = latest.first if latest.n_pieces else now
            latest = replace(latest, n_pieces=latest.n_pieces + 1, first=first, writing=now - first)
            yield latest
    if ending is None:
        raise BrokenOff
    yield replace(latest, text="", finish_reason=ending)


def data_in(response):
    """The JSON texts in a response, as they arrive."""
    kind = response.headers.get_content_type()
    if kind == "application/json":
        yield response.read().decode("utf-8", errors="replace")
    elif kind == "text/event-stream":
        yield from data_of(lines_of(response))
    else:
        raise BadAnswer(f"it answers with {excerpt(kind)}, but text/event-stream was expected; is this the address "
                        "of an API? Most end in /v1")


def lines_of(response):
    while line := response.readline(LONGEST):
        if len(line) == LONGEST:
            raise BadAnswer(f"it sends a line of more than {LONGEST:,} bytes")
        yield line


def data_of(lines):
    """The data of each event in lines (bytes). Other fields are skipped, and so are comments, which only show life.

    >>> list(data_of([b": wait\\n", b"data: one\\n", b"data: two\\n", b"\\n", b"event: x\\n", b"data:three\\r\\n"]))
    ['one\\ntwo', 'three']
    """
    data = []
    for line in lines:
        line = line.rstrip(b"\r\n")
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" ").decode("utf-8", errors="replace"))
        elif not line and data:
            yield "\n".join(data)
            data = []
    if data:
        yield "\n".join(data)


def parsed(text) -> dict:
    """The JSON object that a text is. Raises BadAnswer if it is not one."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise BadAnswer(f"it sends something other than JSON: {excerpt(text)}") from None
    if not isinstance(found, dict):
        raise BadAnswer(f"it sends JSON that is not an object: {excerpt(text)}")
    return found


def content_of(chunk):
    """(text, finish_reason or None, usage or None) of a chunk of an answer, or of a whole one."""
    if chunk.get("error"):
        raise BadAnswer(f"it says: {complaint(json.dumps(chunk))}")
    choices, usage = chunk.get("choices"), chunk.get("usage")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise BadAnswer(f"what it sends has no choices: {excerpt(json.dumps(chunk))}")
    choice = choices[0] if choices else {}
    message = choice.get("delta") or choice.get("message") or {}
    text = message.get("content") if isinstance(message, dict) else message
    if not isinstance(text, str | None):
        raise BadAnswer(f"its answer is not text: {excerpt(json.dumps(choice))}")
    return HALF.sub("\ufffd", text or ""), choice.get("finish_reason"), usage if isinstance(usage, dict) else None
