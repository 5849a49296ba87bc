"""A conversation over several turns. What was read stays in the cache, so each turn reads only what is new."""
from collections.abc import Generator
from contextlib import closing
from typing import Any

from mistral_edu.chat import encode_chat
from mistral_edu.generate import Piece, stream_generate
from mistral_edu.prefill import Reader
from mistral_edu.text.kept_turns import first_kept
from mistral_edu.text.prompt import check_length, check_room
from mistral_edu.tokenizer import Tokenizer
from mistral_edu.transformer import Model


class Conversation:
    """Messages in turns of a question and its answer; `_pieces` decides who answers. See Chat.

    `messages` is the conversation, a plain list that you may also change. When interrupted (Ctrl-C, stop(), closing the
    stream), a conversation keeps the part of the answer already given, and can go on.
    """

    def __init__(self, system: str | None, settings: dict):
        self.messages = [{"role": "system", "content": system}] if system else []
        self.settings = settings
        self._stream: Generator | None = None
        self._stopped = False

    def _pieces(self, settings):
        """Yield the pieces of an answer to the messages; each has a text, the last one a finish_reason."""
        raise NotImplementedError

    def __call__(self, text: str, **settings: Any) -> str:
        """The answer to text. settings override the chat's own for this answer."""
        return "".join(piece.text for piece in self.stream(text, **settings))

    def stream(self, text: str, **settings: Any) -> Generator[Piece]:
        """The same, as a generator of Pieces. An earlier stream that is still open ends where it is."""
        self._end_stream()
        self._stream = stream = self._answer(text, {**self.settings, **settings})
        return stream

    def stop(self) -> None:
        """End the running stream before its next piece. Only sets a flag, so any thread may call it."""
        self._stopped = True

    @property
    def system(self) -> str | None:
        """The instructions before the last question, or None. Set them at any time; "" removes them."""
        return self.messages[0]["content"] if self.messages and self.messages[0]["role"] == "system" else None

    @system.setter
    def system(self, text: str | None) -> None:
        self._end_stream()
        self.messages[:self.system is not None] = [{"role": "system", "content": text}] if text else []

    def undo(self, turns: int = 1) -> str:
        """Take back the last turns, questions and answers; return the earliest of these questions."""
        self._end_stream()
        questions = self._questions()
        if not 1 <= turns <= len(questions):
            raise ValueError(f"undo can take back 1 to {len(questions)} turns; got {turns}")
        start = questions[-turns]
        text = self.messages[start]["content"]
        del self.messages[start:]
        return text

    def edit(self, turn: int, text: str, **settings: Any) -> str:
        """Reword question number `turn` (0 is the first, -1 the last) and ask it; later turns are dropped."""
        n = len(self._questions())
        if not -n <= turn < n:
            raise ValueError(f"there are {n} turns, numbered from 0; got {turn}")
        before = list(self.messages)
        self.undo(n - turn % n)
        try:
            return self(text, **settings)
        except ValueError:
            self.messages[:] = before
            raise

    def _answer(self, text, settings, *how):
        self._stopped = False
        self.messages.append({"role": "user", "content": text})
        answer, finished = "", False
        try:
            with closing(self._pieces(settings, *how)) as pieces:
                for piece in pieces:
                    if piece is not None:  # None: a part of the prompt was read
                        answer, finished = answer + piece.text, piece.finish_reason is not None
                    yield piece
                    if self._stopped:
                        break
        finally:
            if answer or finished:
                self.messages.append({"role": "assistant", "content": answer})
            else:  # an error, or stopped before the first word: as if never asked
                self.messages.pop()

    def _questions(self):
        return [n for n, message in enumerate(self.messages) if message["role"] == "user"]

    def _end_stream(self):
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class Chat(Conversation):
    """A conversation with a model.

    `messages` is the conversation, a plain list that you may also change: every answer is computed as if these messages
    were read from scratch. The cache saves what it can: it keeps the longest common prefix of the old and the new ids.
    When interrupted (Ctrl-C, stop(), closing the stream), the chat keeps the part of the answer already given, and can
    go on.

    model, tokenizer: from load().
    system: instructions before the last question, or None.
    keep: "all" raises ValueError once the conversation has outgrown the model's context; "latest" then leaves the
        oldest turns out of what the model reads, several at a time (see first_kept).
    cache_bits: 8 or 4 for a quantized cache.
    settings: max_tokens, temperature and whatever else stream_generate takes, for every answer.

    >>> from mistral_edu import load
    >>> chat = Chat(*load(), max_tokens=20)
    >>> answer = chat("Hello!")
    >>> [message["role"] for message in chat.messages], chat.messages[1]["content"] == answer
    (['user', 'assistant'], True)
    """

    def __init__(self, model: Model, tokenizer: Tokenizer, system: str | None = None, keep: str = "all",
                 cache_bits: int | None = None, **settings: Any):
        if keep not in ("all", "latest"):
            raise ValueError(f'keep is "all" or "latest"; got {keep!r}')
        super().__init__(system, settings)
        self.model, self.tokenizer, self.keep = model, tokenizer, keep
        self._reader = Reader(model, bits=cache_bits)

    def steps(self, text: str, chunk: int = 32, **settings: Any) -> Generator[Piece | None]:
        """Like stream, in small steps, for a program that has other things to do: yields None for each chunk of the
        prompt that was read, then a Piece for each token of the answer."""
        self._end_stream()
        self._stream = stream = self._answer(text, {**self.settings, **settings}, chunk)
        return stream

    def to_read(self) -> list[dict]:
        """The messages that the model reads: all, or the latest that leave a quarter of the context for the answer."""
        room, starts = self.model.config.context_len * 3 // 4, self._questions()
        if self.keep == "all" or not starts or self._n_tokens(self.messages) <= room:
            return self.messages
        system = self.messages[:self.system is not None]
        turns = [self.messages[start:end] for start, end in zip(starts, [*starts[1:], None])]
        lengths = [self._n_tokens(turn) for turn in [*turns[:-1], system + turns[-1]]]
        return system + self.messages[starts[first_kept(lengths, room)]:]

    def _pieces(self, settings, chunk=None):
        check_length(self.messages[-1:], self.tokenizer, self.model.config)
        messages = self.to_read()
        if chunk:
            ids = encode_chat(messages, self.tokenizer)
            check_room(ids, 0, self.model.config)
            for _ in self._reader.read_ahead(ids, chunk):
                yield None
        yield from stream_generate(self.model, self.tokenizer, messages, cache=self._reader, **settings)

    def _n_tokens(self, messages):
        return len(encode_chat(messages, self.tokenizer))
