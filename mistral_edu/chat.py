"""The Instruct formats: a conversation as token ids. Source: mistral-common, the authors' own encoder.

v1, of 7B v0.1 and v0.2. The marks around a question are ordinary text; only <s> and </s> are ids of their own:

    <s> "[INST] question [/INST]" "answer" </s> "[INST] question [/INST]"

v3, of 7B v0.3 and `tiny`. The marks are control ids, so no text can be mistaken for one:

    <s> [INST] "question" [/INST] "answer" </s> [INST] "question" [/INST]

Each text in quotes is encoded for itself, and starts with a blank. SentencePiece puts it there by itself; for a
byte-level tokenizer it is written. A system message goes before a question, two line ends between them: in v1 before
the first, in v3 before the *last*, so that it stays close. v3 drops blanks at the end of an answer.

v2 differs from v3 in how it writes tools, which are not taught here: without tools its ids are the same. And no
vocabulary tells them apart: the file that mistral-common calls v2 is, byte by byte, tokenizer.model.v3 of 7B v0.3.
"""

PRESETS = {"7b-v0.1": "v1", "7b-v0.2": "v1", "7b-v0.3": "v3", "tiny": "v3"}  # of the models that follow instructions
ROLES = "one system message or none, then user, assistant, user, ... in turn"


def encode_chat(messages, tokenizer, version=None) -> list[int]:
    """The ids of a conversation, ready for the model's answer; or whole, where the last message is an answer.

    messages: [{"role": "system" | "user" | "assistant", "content": text}, ...]. version: "v1", "v2", "v3", the name of
    a preset such as "7b-v0.3", or None for the format that the tokenizer is made for. Raises ValueError on messages in
    another order, without a content, or for a format that the tokenizer cannot write.

    mistral-common takes some conversations that are refused here, as likely slips: an empty question, two messages of
    a role in a row, a system message in between. It refuses an empty answer; here that is </s> alone, as a model may
    write it.

    >>> from mistral_edu.tiny import FOLDER
    >>> from mistral_edu.tokenizer import Tokenizer
    >>> tokenizer = Tokenizer(FOLDER)
    >>> ids = encode_chat([{"role": "user", "content": "Hello!"}], tokenizer)
    >>> tokenizer.decode(ids, skip_special=False)
    '<s>[INST] Hello![/INST]'
    """
    version = PRESETS.get(version, version) or native_version(tokenizer)
    if version not in FORMATS:
        raise ValueError(f"chat format {version!r} is not there; there is {', '.join(FORMATS)}, or the format of "
                         f"{', '.join(PRESETS)}. With raw=True a prompt is sent as plain text")
    if version != "v1" and native_version(tokenizer) == "v1":
        raise ValueError(f"chat format {version} needs the control ids [INST] and [/INST], which this tokenizer of "
                         f'{tokenizer.vocab_size} ids lacks; it is made for "v1"')
    return FORMATS[version](*check_messages(messages), tokenizer)


def native_version(tokenizer) -> str:
    """The format that a tokenizer is made for: v3 has [INST] as a control id, v1 spells it as text."""
    return "v3" if {"[INST]", "[/INST]"} <= tokenizer.control_ids.keys() else "v1"


def encode_v1(system, turns, tokenizer):
    """system: text, or "" for none. turns: questions and answers in turn, [text, ...]. Returns the ids."""
    ids = [tokenizer.bos_id]
    for n, text in enumerate(turns):
        if n % 2 == 1:
            ids += words(text, tokenizer) + [tokenizer.eos_id]
        else:
            question = with_system(system if n == 0 else "", text)
            ids += words(f"[INST] {question} [/INST]", tokenizer)
    return ids


def encode_v3(system, turns, tokenizer):
    """The same in v3 (and v2)."""
    begin, end = tokenizer.control_ids["[INST]"], tokenizer.control_ids["[/INST]"]
    last_question = (len(turns) - 1) // 2 * 2
    ids = [tokenizer.bos_id]
    for n, text in enumerate(turns):
        if n % 2 == 1:
            ids += words(text.rstrip(" "), tokenizer) + [tokenizer.eos_id]
        else:
            question = with_system(system if n == last_question else "", text)
            ids += [begin] + words(question, tokenizer) + [end]
    return ids


FORMATS = {"v1": encode_v1, "v2": encode_v3, "v3": encode_v3}


def with_system(system, question) -> str:
    """The question, after the system text if there is one."""
    return f"{system}\n\n{question}" if system else question


def words(text, tokenizer) -> list[int]:
    """The ids of a text, with the blank in front. An empty one has no ids."""
    if not text:
        return []
    return tokenizer.encode(text if tokenizer.adds_blank else " " + text, bos=False)


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
        if due == "user" and not message["content"]:
            raise ValueError(f"message {n}, of the user, is empty; expected some text")
    return messages[0]["content"] if first else "", [message["content"] for message in messages[first:]]
