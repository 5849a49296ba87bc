"""Text to token ids and back, with the `tokenizers` library. Read from a tokenizer.json, or from the authors' own file.

Two kinds of tokenizer are supported, the two that come with Mistral's models:
- SentencePiece with byte fallback (7B v0.1 to v0.3): a piece is text with ▁ for a space; a character without a piece
  of its own is spelled in byte tokens such as <0xE2>. A space is added before the text, and removed by decode(). Some
  files add one after every added token, too.
- byte-level BPE (`tiny`, and the later Tekken models): a piece is a string of bytes, written in a printable alphabet.

In both, every token stands for some bytes of UTF-8, and a character may take several tokens. So decoding joins bytes;
half a character waits until its other half arrives.
"""
import json
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from uuid import uuid4

import tokenizers

from mistral_edu.checkpoints.errors import UnsupportedCheckpoint
from mistral_edu.text.added_tokens import control_ids
from mistral_edu.text.chat_template import ChatTemplate, find_template, special_texts
from mistral_edu.text.end_tokens import end_ids
from mistral_edu.text.spaces import keep_first_space
from mistral_edu.text.spoken_format import spoken_format
from mistral_edu.text.stream import TextStream
from mistral_edu.text.tekken import byte_alphabet
from mistral_edu.text.tokenizer_file import find_file, is_instruct, is_sentencepiece, read_file, version_of
from mistral_edu.text.tokenizer_model import SPACE

BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")


class Tokenizer:
    """Text to ids and back.

    Control tokens (`<s>`, `</s>`, `[INST]`, ...) steer the model. Only `control_ids` gives their ids: text that
    happens to contain `[INST]` or `</s>` stays text, so nobody can type one.

    >>> from mistral_edu.tiny import FOLDER
    >>> tokenizer = Tokenizer(FOLDER)
    >>> ids = tokenizer.encode("no [INST] here")
    >>> ids[0] == tokenizer.bos_id, tokenizer.control_ids["[INST]"] in ids, tokenizer.decode(ids)
    (True, False, 'no [INST] here')
    """

    def __init__(self, path: str | Path):
        """path: a tokenizer.json, a tekken.json, a tokenizer.model (or tokenizer.model.v3, ...), or a folder with one.

        Raises FileNotFoundError, UnreadableFile (truncated, or not a tokenizer), UnsupportedCheckpoint (another kind).
        """
        self.path = path = find_file(Path(path))
        description, self._tokenizer = read_file(path)
        self.version = version_of(path, description)  # of the chat format; None if no file says it
        self._template = find_template(path.parent)  # (source, file), or None
        self.is_instruct = is_instruct(path, self._template)  # True, False, or None if the files don't say
        self._tokenizer.no_truncation()  # training settings, which some files keep: they would cut a text short,
        self._tokenizer.no_padding()     # or pad it with control ids
        self._tokenizer.encode_special_tokens = True  # the library's way of saying: a special token in text is text
        self.control_ids = control_ids(description)  # "[INST]" -> 3, ...
        if not {"<s>", "</s>"} <= self.control_ids.keys():
            raise UnsupportedCheckpoint(f"{path}: expected control tokens <s> and </s>, found "
                                        f"{[*self.control_ids][:20]}")
        self.bos_id, self.eos_id = self.control_ids["<s>"], self.control_ids["</s>"]
        self.end_ids = end_ids(path.parent, self._tokenizer.token_to_id) | {self.eos_id}
        self.vocab_size = self._tokenizer.get_vocab_size()
        self.folder = path.parent
        kinds = json.dumps([description["pre_tokenizer"], description["decoder"]])
        self._byte_level = '"ByteLevel"' in kinds
        self.is_tekken = self._byte_level and '"Split"' in kinds  # Tekken splits text by a pattern of its own
        if not self._byte_level and not description["model"].get("byte_fallback"):
            raise UnsupportedCheckpoint(f"{path}: expected byte-level BPE or SentencePiece with byte fallback, "
                                        f"found {description['model'].get('type')} without either")
        self._added = {token["id"]: token["content"] for token in description["added_tokens"]}
        self._control_set = frozenset(self.control_ids.values())
        ids = self._tokenizer.get_vocab().values()
        self.n_ids = 1 + max(ids)  # more than vocab_size if some ids are unused
        self.text_ids = 1 + max(id for id in ids if id not in self._control_set)  # text gets no id from here on
        self._set_up_spaces(description, is_sentencepiece(path))
        answer_follows = self.control_ids.get("[/INST]")  # if it is not a control token, v1 spells it (see chat.py)
        self._answer_follows = self._encode("[/INST]") if answer_follows is None else [answer_follows]

    def _set_up_spaces(self, description, is_model):
        """Find out by trial where this tokenizer adds spaces of its own (see text/spaces.py)."""
        self._before_text = " " if is_model else ""  # SentencePiece's space; a tokenizer.json says how to add it
        self._before_space = " " if keep_first_space(self._tokenizer, description["pre_tokenizer"]) else ""
        # A token that no text can contain. What is encoded after it does not count as the beginning of a text.
        self._anchor = f"\ue000{uuid4().hex}\ue000"
        self._tokenizer.add_tokens([tokenizers.AddedToken(self._anchor, normalized=False)])
        begins = lambda ids: bool(ids) and self.token_text(ids[0]).startswith(" ")
        self.adds_space = begins(self._encode("a"))  # before a text, as SentencePiece does
        inside = begins(self._encode("-", first=False))  # and after an added token
        self._before_answer = self._control_set if inside else frozenset()
        # Ids after which the space is not part of the text. After the authors' own marks it is shown, as in chat.py.
        self._space_after = {id for id in self._before_answer if self._added[id] not in description["model"]["vocab"]}
        for id in self._added.keys() - self._control_set:
            tried = self._encode(self._added[id] + "-")
            if id in tried and begins(tried[tried.index(id) + 1:]):
                self._space_after.add(id)

    @cached_property
    def longest_token(self) -> int:
        """The most bytes that one token stands for."""
        return max(len(piece.encode()) for piece, id in self._tokenizer.get_vocab().items() if id < self.n_ids)

    def encode(self, text: str, bos: bool = True) -> list[int]:
        """The ids of text, with `<s>` in front unless bos=False. Never gives any other control id."""
        return [self.bos_id] * bos + self._encode(text)

    def encode_parts(self, parts: list[tuple[str, bool]]) -> list[int]:
        """The ids of a text in parts [(text, is_the_users), ...]. Control tokens are found only in the other parts.

        Everything between two control tokens is encoded as one stretch, whoever wrote it, as the tokenizers library
        does.
        """
        names = sorted(self.control_ids, key=len, reverse=True)
        mark = re.compile("(" + "|".join(map(re.escape, names)) + ")")
        stretches = [""]
        found: list[str] = []
        for text, is_the_users in parts:
            own, *others = [text] if is_the_users else mark.split(text)
            stretches[-1] += own
            found += others[::2]
            stretches += others[1::2]
        ids = self._encode(stretches[0])
        for name, stretch in zip(found, stretches[1:]):
            ids += [self.control_ids[name]] + self._encode(stretch, first=False)
        return ids

    @cached_property
    def chat_template(self) -> ChatTemplate | None:
        """The ChatTemplate beside the tokenizer, or None."""
        if self._template is None:
            return None
        source, file = self._template
        return ChatTemplate(source, file, special_texts(self.folder))

    @cached_property
    def spoken(self) -> str:
        """The chat format that its model speaks: a name in chat.FORMATS, or "template". chat.speak() sets another."""
        return spoken_format(self)

    def decode(self, ids: Iterable[int], skip_special: bool = True) -> str:
        """The text of ids. Bytes that are not UTF-8 become U+FFFD; skip_special=False shows control tokens."""
        stream = self.stream(skip_special)
        return "".join([stream.add(int(id)) for id in ids]) + stream.finish()

    def stream(self, skip_special: bool = True, before: Sequence[int] = ()) -> TextStream:
        """A decoder that takes one id after another. `before`: the ids that the text continues, such as a prompt.

        A leading space is dropped where it is not part of the text: the one that SentencePiece adds, and, after a
        prompt that ends in [/INST], the one that starts every answer (see chat.py).
        """
        starts_answer = [int(id) for id in before[-len(self._answer_follows):]] == self._answer_follows
        starts_answer = starts_answer and not self.is_tekken  # whose answers follow without a space
        goes_on = any(id not in self._control_set for id in before)
        after_mark = len(before) > 0 and int(before[-1]) in self._space_after | self._before_answer
        drop_space = starts_answer or after_mark or (self.adds_space and not goes_on)
        return TextStream(self, skip_special, drop_space)

    def token_text(self, id: int) -> str:
        """One token as text, for display: "[INST]", " red", or U+FFFD for part of a character."""
        return self.token_bytes(id).decode("utf-8", errors="replace")

    def token_bytes(self, id: int) -> bytes:
        """The UTF-8 bytes that a token stands for; for a control token, those of its name."""
        if id in self._added:
            return self._added[id].encode()
        piece = self._tokenizer.id_to_token(id) if 0 <= id < self.n_ids else None  # after them comes the anchor
        if piece is None:
            raise ValueError(f"token id {id} is not in this vocabulary of {self.vocab_size}")
        if self._byte_level:
            return bytes(byte_alphabet()[character] for character in piece)
        if byte := BYTE_TOKEN.fullmatch(piece):
            return bytes([int(byte[1], 16)])
        return piece.replace(SPACE, " ").encode()

    def _encode(self, text, first=True):
        """The ids of a text, or of a stretch that follows a control token (first=False)."""
        try:
            if self._before_text:
                text = self._before_text * bool(text) + text
            elif not first:
                return self._tokenizer.encode(self._anchor + text, add_special_tokens=False).ids[1:] if text else []
            elif text.startswith((" ", SPACE)):
                text = self._before_space + text
            return self._tokenizer.encode(text, add_special_tokens=False).ids
        except (AttributeError, TypeError, UnicodeEncodeError) as error:
            raise ValueError(f"only text that can be encoded as UTF-8 has token ids; got {text!r}") from error
