"""Tokens in, text out as soon as whole characters are there."""
import codecs


class TextStream:
    """Tokens in, text out as soon as whole characters are there. What add() and finish() return, joined, is decode().

    >>> from mistral_edu.tiny import FOLDER
    >>> from mistral_edu.tokenizer import Tokenizer
    >>> tokenizer = Tokenizer(FOLDER)
    >>> stream = tokenizer.stream()
    >>> [stream.add(id) for id in tokenizer.encode("🙂", bos=False)], stream.finish()
    (['', '', '', '🙂'], '')
    """

    def __init__(self, tokenizer, skip_special=True, drop_space=False):
        self._tokenizer, self._skip_special = tokenizer, skip_special
        self._drop_space = drop_space
        self._utf8 = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def add(self, id: int) -> str:
        """The text that this token completes: often a word, sometimes nothing yet."""
        hidden = self._skip_special and id in self._tokenizer._control_set
        added = id in self._tokenizer._added and not hidden
        self._drop_space = self._drop_space and not added  # an added token is shown as it is
        text = "" if hidden else self._text(self._tokenizer.token_bytes(id), final=False)
        self._drop_space = self._drop_space or id in self._tokenizer._space_after
        return text

    def finish(self) -> str:
        """What is left at the end: U+FFFD if a character was never completed, else nothing."""
        return self._text(b"", final=True)

    def _text(self, new_bytes, final):
        text = self._utf8.decode(new_bytes, final)
        if self._drop_space and text:
            self._drop_space, text = False, text.removeprefix(" ")
        return text
