"""Text to token ids and back, over the `tokenizers` library. Read from its tokenizer.json, or from a tokenizer.model.

Two kinds of tokenizer are read, the two that Mistral's models come with:
- SentencePiece with byte fallback (7B v0.1 to v0.3): a piece is text with ▁ for a blank; a character without a piece
  of its own is spelled in byte tokens such as <0xE2>. A blank is put before the text, and taken off by decode().
- byte-level BPE (`tiny`, and the later Tekken models): a piece is a string of bytes, written in a printable alphabet.

In both every token stands for some bytes of UTF-8, and a character may take several tokens. So decoding joins bytes;
half a character waits until its other half comes.
"""
import codecs
import json
import re
from functools import lru_cache
from pathlib import Path

import tokenizers

from .end_tokens import end_ids
from .errors import UnreadableFile, UnsupportedCheckpoint
from .sentencepiece import BLANK, read_model

BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")


class Tokenizer:
    """Text to ids and back.

    Control tokens (`<s>`, `</s>`, `[INST]`, ...) steer the model. Only `control_ids` gives their ids: text that
    happens to read `[INST]` or `</s>` stays text, so nobody can type one.

    >>> from mistral_edu.tiny import FOLDER
    >>> tokenizer = Tokenizer(FOLDER)
    >>> ids = tokenizer.encode("no [INST] here")
    >>> ids[0] == tokenizer.bos_id, tokenizer.control_ids["[INST]"] in ids, tokenizer.decode(ids)
    (True, False, 'no [INST] here')
    """

    def __init__(self, path):
        """path: a tokenizer.json, a tokenizer.model (or tokenizer.model.v3, ...), or the folder that holds one.

        Raises FileNotFoundError, UnreadableFile (cut off, or not a tokenizer), UnsupportedCheckpoint (another kind).
        """
        path = find_file(Path(path))
        is_model = ".model" in path.suffixes
        description, self._tokenizer = (_read_model if is_model else _read)(path)
        self._before_text = " " if is_model else ""  # SentencePiece's blank; a tokenizer.json says how to add it
        self.is_instruct = is_instruct(path)  # True, False, or None where the files don't tell
        self._tokenizer.no_truncation()  # a training's settings, which some files keep: they would cut a text in the
        self._tokenizer.no_padding()     # middle, or fill it up with control ids
        self._tokenizer.encode_special_tokens = True  # the library's words for: a special token in text is text
        self.control_ids = _control_ids(description)  # "[INST]" -> 3, ...
        if not {"<s>", "</s>"} <= self.control_ids.keys():
            raise UnsupportedCheckpoint(f"{path}: expected control tokens <s> and </s>, found {[*self.control_ids]}")
        self.bos_id, self.eos_id = self.control_ids["<s>"], self.control_ids["</s>"]
        self.end_ids = end_ids(path.parent, self._tokenizer.token_to_id) | {self.eos_id}
        self.vocab_size = self._tokenizer.get_vocab_size()
        self._byte_level = '"ByteLevel"' in json.dumps([description["pre_tokenizer"], description["decoder"]])
        if not self._byte_level and not description["model"].get("byte_fallback"):
            raise UnsupportedCheckpoint(f"{path}: expected byte-level BPE or SentencePiece with byte fallback, "
                                        f"found {description['model'].get('type')} without either")
        self._added = {token["id"]: token["content"] for token in description["added_tokens"]}
        self._control_set = frozenset(self.control_ids.values())
        ids = self._tokenizer.get_vocab().values()
        self.n_ids = 1 + max(ids)  # more than vocab_size where ids are left out
        self.text_ids = 1 + max(id for id in ids if id not in self._control_set)  # a text gets none from here on
        self.adds_blank = self.token_text(self._encode("a")[0]).startswith(" ")  # before a text, as SentencePiece does
        answer_follows = self.control_ids.get("[/INST]")  # where it is no control token, v1 spells it (see chat.py)
        self._answer_follows = self._encode("[/INST]") if answer_follows is None else [answer_follows]

    def encode(self, text: str, bos: bool = True) -> list[int]:
        """The ids of text, with `<s>` in front unless bos=False. Never gives a control id otherwise."""
        return [self.bos_id] * bos + self._encode(text)

    def decode(self, ids, skip_special: bool = True) -> str:
        """The text of ids. Bytes that are no UTF-8 become U+FFFD; with skip_special=False control tokens are shown."""
        stream = self.stream(skip_special)
        return "".join([stream.add(int(id)) for id in ids]) + stream.finish()

    def stream(self, skip_special: bool = True, before=()) -> "TextStream":
        """A decoder that takes one id after the other. `before`: the ids that the text continues, such as a prompt.

        A blank that starts the text is dropped where it is no part of it: the one that SentencePiece adds, and, after
        a prompt that ends in [/INST], the one that starts every answer (see chat.py).
        """
        starts_answer = [int(id) for id in before[-len(self._answer_follows):]] == self._answer_follows
        goes_on = any(id not in self._control_set for id in before)
        return TextStream(self, skip_special, drop_blank=starts_answer or (self.adds_blank and not goes_on))

    def token_text(self, id: int) -> str:
        """One token as text, for display: "[INST]", " red", or U+FFFD for a piece of a character."""
        return self.token_bytes(id).decode("utf-8", errors="replace")

    def token_bytes(self, id: int) -> bytes:
        """The bytes of UTF-8 that a token stands for; for a control token, those of its name."""
        if id in self._added:
            return self._added[id].encode()
        piece = self._tokenizer.id_to_token(id) if id >= 0 else None
        if piece is None:
            raise ValueError(f"token id {id} is not in this vocabulary of {self.vocab_size}")
        if self._byte_level:
            return bytes(byte_alphabet()[character] for character in piece)
        if byte := BYTE_TOKEN.fullmatch(piece):
            return bytes([int(byte[1], 16)])
        return piece.replace(BLANK, " ").encode()

    def _encode(self, text):
        try:
            text = self._before_text * bool(text) + text
            return self._tokenizer.encode(text, add_special_tokens=False).ids
        except (TypeError, UnicodeEncodeError) as error:
            raise ValueError(f"only text that can be written in UTF-8 has token ids; got {text!r}") from error


class TextStream:
    """Tokens in, text out as soon as whole characters are there. What add() and finish() return, joined, is decode().

    >>> from mistral_edu.tiny import FOLDER
    >>> tokenizer = Tokenizer(FOLDER)
    >>> stream = tokenizer.stream()
    >>> [stream.add(id) for id in tokenizer.encode("🙂", bos=False)], stream.finish()
    (['', '', '', '🙂'], '')
    """

    def __init__(self, tokenizer, skip_special=True, drop_blank=False):
        self._tokenizer, self._skip_special = tokenizer, skip_special
        self._drop_blank = drop_blank
        self._utf8 = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def add(self, id: int) -> str:
        """The text that this token completes: often a word, sometimes nothing yet."""
        if self._skip_special and id in self._tokenizer._control_set:
            return ""
        return self._text(self._tokenizer.token_bytes(id), final=False)

    def finish(self) -> str:
        """What is left at the end: U+FFFD if a character was never completed, else nothing."""
        return self._text(b"", final=True)

    def _text(self, new_bytes, final):
        text = self._utf8.decode(new_bytes, final)
        if self._drop_blank and text:
            self._drop_blank, text = False, text.removeprefix(" ")
        return text


@lru_cache(maxsize=None)
def byte_alphabet() -> dict[str, int]:
    """The printable character that byte-level BPE writes for each byte, as character -> byte. Source: GPT-2's encoder.

    >>> byte_alphabet()["A"], byte_alphabet()["Ġ"]
    (65, 32)
    """
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


def find_file(path) -> Path:
    """The tokenizer's file: path itself, or in a folder tokenizer.json, else tokenizer.model or tokenizer.model.v3."""
    if path.is_dir():
        here = sorted(path.glob("tokenizer.model*"))
        path = path / "tokenizer.json" if (path / "tokenizer.json").is_file() or not here else here[0]
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; a tokenizer is read from a tokenizer.json, a tokenizer.model, "
                                "or the folder that holds one")
    return path


def is_instruct(path) -> bool | None:
    """Whether a tokenizer's files belong to an Instruct model. The vocabulary can't tell: v0.3's has [INST] in both.

    True where the folder's name (or the hub's name, in its cache) says Instruct, or a chat template lies beside the
    file; False where a tokenizer_config.json says nothing of the kind; None where there is no such file.
    """
    folder = path.absolute().parent
    settings = folder / "tokenizer_config.json"
    name = folder.parent.parent.name if folder.parent.name == "snapshots" else folder.name
    if "instruct" in name.lower() or (folder / "chat_template.jinja").is_file():
        return True
    return '"chat_template"' in settings.read_text(encoding="utf-8", errors="replace") if settings.is_file() else None


def _read_model(path):
    """The same as _read, for a tokenizer.model."""
    try:
        description = read_model(path)
        return description, tokenizers.Tokenizer.from_str(json.dumps(description))
    except UnsupportedCheckpoint:
        raise
    except Exception as error:  # the library raises plain Exceptions
        raise UnreadableFile(f"{path}, of {path.stat().st_size} bytes, is no whole SentencePiece model ({error!r}); "
                             "fetch it again") from error


def _read(path):
    """What a tokenizer.json says, corrected, and the library's tokenizer made of it."""
    try:
        description = _corrected(json.loads(path.read_text(encoding="utf-8")))
        return description, tokenizers.Tokenizer.from_str(json.dumps(description))
    except Exception as error:  # the library raises plain Exceptions
        raise UnreadableFile(f"{path}: not a tokenizer.json that can be read ({error}); fetch it again") from error


def _control_ids(description):
    return {token["content"]: token["id"] for token in description["added_tokens"] if token["special"]}


def _corrected(description):
    """The file's description, where it would encode text otherwise than the authors' tokenizer does.

    Merges that spell a control token go: some converters write them, and text would become that token. And Metaspace
    swallows a blank at the start of the text, where SentencePiece puts another one before it, always.
    """
    model, before, control = description["model"], description["pre_tokenizer"] or {}, _control_ids(description)
    if "dropout" in model:  # in a training, merges are left out by chance
        model["dropout"] = None
    if "merges" in model:  # each is "le ft" or ["le", "ft"], by the age of the file
        model["merges"] = [merge for merge in model["merges"] if "".join(merge).replace(" ", "") not in control]
    if before.get("type") == "Metaspace" and before.get("prepend_scheme") == "first" and not before.get("split"):
        blanks = {"type": "Replace", "pattern": {"String": " "}, "content": BLANK}
        description["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": BLANK}, blanks]}
        description["pre_tokenizer"] = None
    return description
