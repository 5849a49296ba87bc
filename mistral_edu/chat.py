"""The Instruct formats: a conversation as token ids. Source: mistral-common, the authors' own encoder.

v3, which 7B v0.3 and `tiny` were trained on, marks each turn with control ids, written here by name:

    <s> [INST] question [/INST] answer </s> [INST] question [/INST]

Each question and each answer starts with a blank. SentencePiece puts it there by itself; for a byte-level tokenizer it
is written. A system message stands before the *last* question, two line ends between them, so that it stays close.
"""

ROLES = "one system message or none, then user, assistant, user, ... in turn"


def encode_chat(messages, tokenizer, version=None) -> list[int]:
    """The ids of a conversation, ready for the model's answer; or whole, where the last message is an answer.

    messages: [{"role": "system" | "user" | "assistant", "content": text}, ...]; version: "v3", or None for the format
    that the tokenizer is made for. Raises ValueError on messages in another order, or without a content.

    >>> from mistral_edu.tiny import FOLDER
    >>> from mistral_edu.tokenizer import Tokenizer
    >>> tokenizer = Tokenizer(FOLDER)
    >>> ids = encode_chat([{"role": "user", "content": "Hello!"}], tokenizer)
    >>> tokenizer.decode(ids, skip_special=False)
    '<s>[INST] Hello![/INST]'
    """
    version = version or native_version(tokenizer)
    if version not in FORMATS:
        raise ValueError(f"chat format {version!r} is not there; there is {', '.join(FORMATS)}. "
                         "With raw=True a prompt is sent as plain text")
    return FORMATS[version](*check_messages(messages), tokenizer)


def native_version(tokenizer) -> str:
    """The format that a tokenizer is made for: v3 has [INST] as a control id, v1 spells it as text."""
    return "v3" if {"[INST]", "[/INST]"} <= tokenizer.control_ids.keys() else "v1"


def encode_v3(system, turns, tokenizer):
    """system: text, or "" for none. turns: questions and answers in turn, [text, ...]. Returns the ids."""
    begin, end = tokenizer.control_ids["[INST]"], tokenizer.control_ids["[/INST]"]
    last_question = (len(turns) - 1) // 2 * 2
    ids = [tokenizer.bos_id]
    for n, text in enumerate(turns):
        if n % 2 == 1:
            ids += _words(text, tokenizer) + [tokenizer.eos_id]
        else:
            before = f"{system}\n\n" if system and n == last_question else ""
            ids += [begin] + _words(before + text, tokenizer) + [end]
    return ids


FORMATS = {"v3": encode_v3}


def check_messages(messages):
    """Split messages into the system text and [question, answer, question, ...]; ValueError for another order."""
    if not messages:
        raise ValueError('there are no messages; expected [{"role": "user", "content": "..."}]')
    for n, message in enumerate(messages):
        if not isinstance(message, dict) or "role" not in message or not isinstance(message.get("content"), str):
            raise ValueError(f'message {n}: expected {{"role": ..., "content": text}}, got {message!r}')
    first = int(messages[0]["role"] == "system")  # the number of the first question
    if len(messages) == first:
        raise ValueError(f"after the system message there is no user message; expected {ROLES}")
    for n, message in enumerate(messages[first:], first):
        due = ("user", "assistant")[(n - first) % 2]
        if message["role"] != due:
            raise ValueError(f"message {n} is of role {message['role']!r} where {due!r} is due; expected {ROLES}")
        if due == "user" and not message["content"].strip():
            raise ValueError(f"message {n}, of the user, is empty; expected some text")
    return messages[0]["content"] if first else "", [message["content"] for message in messages[first:]]


def _words(text, tokenizer):
    """The ids of a question or an answer, with the blank in front. An empty answer has no ids."""
    if not text:
        return []
    return tokenizer.encode(text if tokenizer.adds_blank else " " + text, bos=False)
