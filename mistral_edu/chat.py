"""The Instruct formats: a conversation as token ids. Source: mistral-common, the authors' own encoder.

v1, for 7B v0.1 and v0.2. The marks around a question are ordinary text; only <s> and </s> have ids of their own:

    <s> "[INST] question [/INST]" "answer" </s> "[INST] question [/INST]"

v3, for 7B v0.3 and `tiny`. The marks are control ids, so no text can be mistaken for one:

    <s> [INST] "question" [/INST] "answer" </s> [INST] "question" [/INST]

Each text in quotes is encoded separately and starts with a space. SentencePiece adds it by itself; for `tiny` it is
written out. A system message goes before a question, separated by two newlines: in v1 before the first question, in v3
before the *last*, so that it stays close. v3 drops spaces at the end of an answer.

Later formats change two things. v7 (Mistral Large of November 2024, and later) gives a system message marks of its own,
at the beginning: [SYSTEM_PROMPT] "system" [/SYSTEM_PROMPT]. And with the Tekken tokenizer (from Mistral Nemo on) there
is no space after a mark: v3-tekken, v7-tekken. v2 differs from v3, and v11 and v13 from v7-tekken, in how they write
tools, which are not taught here. v1 to v7 were compared with mistral-common 1.5.6, and all of them with 1.13.1.

A model that others have fine-tuned may speak a different format altogether, given by the chat template beside its
tokenizer (text/chat_template.py). `tokenizer.spoken` says which format it is (text/spoken_format.py).
"""
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mistral_edu.text.messages import check_messages

if TYPE_CHECKING:  # a real import would be circular
    from mistral_edu.tokenizer import Tokenizer

FORMAT_OF_PRESET = {"7b-v0.1": "v1", "7b-v0.2": "v1", "7b-v0.3": "v3", "tiny": "v3"}  # models that follow instructions


@dataclass(frozen=True)
class Format:
    """One of the authors' formats."""

    marks: bool = True         # [INST] and [/INST] are control ids; False: text
    space: bool = True         # a text starts with one
    system: str = "last"       # where a system text goes: before the "first" or the "last" question, or in "marks"

    def encode(self, system, turns, tokenizer):
        """system: text or None. turns: questions and answers, alternating, [text, ...]. Returns the ids."""
        ids, words = [tokenizer.bos_id], lambda text: words_of(text, tokenizer, self.space)
        mark = lambda name: [tokenizer.control_ids[name]]
        if self.system == "marks" and system is not None:
            ids += mark("[SYSTEM_PROMPT]") + words(system) + mark("[/SYSTEM_PROMPT]")
        carries = {"first": 0, "last": (len(turns) - 1) // 2 * 2}.get(self.system)  # the question with the system text
        for n, text in enumerate(turns):
            if n == carries and system:
                text = f"{system}\n\n{text}"
            if n % 2 == 1:
                ids += words(text.rstrip(" ") if self.marks else text) + [tokenizer.eos_id]
            elif self.marks:
                ids += mark("[INST]") + words(text) + mark("[/INST]")
            else:
                ids += words(f"[INST] {text} [/INST]")
        return ids


TEKKEN_7 = Format(space=False, system="marks")
FORMATS = {"v1": Format(marks=False, system="first"), "v2": Format(), "v3": Format(), "v3-tekken": Format(space=False),
           "v7": Format(system="marks"), "v7-tekken": TEKKEN_7, "v11": TEKKEN_7, "v13": TEKKEN_7}


def encode_chat(messages: list[dict], tokenizer: "Tokenizer", version: str | None = None) -> list[int]:
    """The ids of a conversation, ready for the model's answer, or complete if the last message is an answer.

    messages: [{"role": "system" | "user" | "assistant", "content": text}, ...].
    version: a name in FORMATS, or that of a preset such as "7b-v0.3"; "template" for the model's own chat template;
        None for the one that the model speaks.

    Raises ValueError for messages out of order or without content, or for a format that the tokenizer cannot write.

    mistral-common accepts some conversations that are refused here as likely mistakes: an empty question, two messages
    in a row with the same role. It refuses an empty answer; here that is </s> alone, as a model may write it.

    >>> from mistral_edu.tiny import FOLDER
    >>> from mistral_edu.tokenizer import Tokenizer
    >>> tokenizer = Tokenizer(FOLDER)
    >>> ids = encode_chat([{"role": "user", "content": "Hello!"}], tokenizer)
    >>> tokenizer.decode(ids, skip_special=False)
    '<s>[INST] Hello![/INST]'
    """
    if version is not None:
        version = checked_version(version, tokenizer)
    system, turns = check_messages(messages)
    version = version or tokenizer.spoken
    if version == "template" and (template := tokenizer.chat_template):
        return tokenizer.encode_parts(template.parts(messages, messages[-1]["role"] != "assistant"))
    return FORMATS[version].encode(system, turns, tokenizer)


def words_of(text, tokenizer, space) -> list[int]:
    """The ids of a text between marks, with a space in front if the format has one. An empty text has no ids."""
    if not text:
        return []
    return tokenizer.encode(" " + text if space and not tokenizer.adds_space else text, bos=False)


def speak(tokenizer, version):
    """Write conversations in this format from here on: a name in FORMATS, that of a preset, or "template".

    Raises ValueError for a format that does not exist, or that the tokenizer cannot write.
    """
    tokenizer.spoken = checked_version(version, tokenizer)


def native_version(tokenizer) -> str:
    """Which of the authors' formats a tokenizer is made for, judging by its file.

    v1 spells [INST] as text. Of the others, v3 is the first, and v7 adds [SYSTEM_PROMPT]; a file's own name or setting,
    such as tokenizer.model.v2, takes precedence. Raises ValueError for an unknown version.
    """
    if "[INST]" not in tokenizer.control_ids:
        return "v1"
    version = tokenizer.version or ("v7" if "[SYSTEM_PROMPT]" in tokenizer.control_ids else "v3")
    version = version.split("m")[0]  # v7m1: with pictures, which are not taught here
    version += "-tekken" * (tokenizer.is_tekken and f"{version}-tekken" in FORMATS)
    if version not in FORMATS:
        raise ValueError(f"the tokenizer is made for chat format {version}, which is not known here; name the one to "
                         f"use, for instance version={'v7-tekken' if tokenizer.is_tekken else 'v3'!r}")
    return version


def checked_version(version, tokenizer) -> str:
    """The name of a format, given by its own name or a preset's; raises ValueError if it cannot be written."""
    version = FORMAT_OF_PRESET.get(version, version)
    if version == "template":
        if tokenizer.chat_template is None:
            raise ValueError("there is no chat template beside this tokenizer; expected one in tokenizer_config.json "
                             "or chat_template.jinja")
        return version
    if version not in FORMATS:
        raise ValueError(f"there is no chat format {version!r}; choose one of {', '.join(FORMATS)}, or the format of "
                         f"{', '.join(FORMAT_OF_PRESET)}. With raw=True a prompt is sent as plain text")
    chosen = FORMATS[version]
    needed = ["[INST]", "[/INST]"] * chosen.marks + ["[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"] * (chosen.system == "marks")
    if lacking := [name for name in needed if name not in tokenizer.control_ids]:
        raise ValueError(f"chat format {version} needs the control ids {' and '.join(lacking)}, which this tokenizer "
                         f'of {tokenizer.vocab_size} ids lacks; it is made for "{native_version(tokenizer)}"')
    if not chosen.space and tokenizer.adds_space:
        raise ValueError(f"chat format {version} has no space after a mark, but this tokenizer puts one before each "
                         f'text; it is made for "{native_version(tokenizer)}"')
    return version
