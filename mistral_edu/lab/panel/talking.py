"""An answer in small steps on the kernel's main thread, so that cells run in between.

MLX's streams belong to a thread, so another thread is no way out; and one that computes would keep cells waiting all
the same. So a step is one token, or a few of the prompt, and between two steps the kernel does whatever else is due.
"""
import asyncio
import signal
import threading
import warnings
from contextlib import closing, contextmanager

import mlx.core as mx

from mistral_edu.chat import encode_chat
from mistral_edu.text.prompt import check_room

CHUNK = 32      # tokens of a prompt a step: stream_generate's 256 would keep a cell waiting for seconds on a processor
DONE = object()
_under_way = set()


def steps(chat, text, turn=None, **settings):
    """Ask `chat`, and yield None for each part of the conversation that was read, then a Piece for each token.

    turn: ask question number `turn` in these words, and drop what follows it. Where not a word comes, because of an
    error or of a stop, the conversation is left as it was before.
    """
    whole = chat.messages
    kept = until(whole, turn)
    chat.messages = latest(kept, chat)
    n_messages = len(chat.messages)
    try:
        yield from read_ahead(chat, text)
        with closing(chat.stream(text, **settings)) as pieces:
            yield from pieces
    finally:
        said, chat.messages = chat.messages[n_messages:], whole
        if said:
            whole[:] = kept + said


def until(messages, turn=None) -> list:
    """The messages before question number `turn`, counted from 0; None: all of them."""
    questions = [n for n, message in enumerate(messages) if message["role"] == "user"]
    if turn is None:
        return list(messages)
    if not 0 <= turn < len(questions):
        raise ValueError(f"questions are numbered from 0, and there are {len(questions)} so far; got {turn}")
    return messages[:questions[turn]]


def read_ahead(chat, text):
    """Read what the answer will stand on into the chat's cache, all but the last token, CHUNK by CHUNK.

    What follows would read it, too, but in one step. It finds it in the cache; so this changes nothing but the pauses.
    """
    ids = ids_to_read(chat, text)
    check_room(ids, 0, chat.model.config)
    reader = chat._reader
    for start in range(reader.resume(ids), len(ids) - 1, CHUNK):
        reader.read(mx.array(ids[start:min(start + CHUNK, len(ids) - 1)]))
        mx.eval([layer.state for layer in reader.cache])
        yield None


def ids_to_read(chat, question=None) -> list[int]:
    """The ids that the model reads: of the conversation, and of a question that is yet to be asked."""
    whole = chat.messages
    asked = [] if question is None else [{"role": "user", "content": question}]
    chat.messages = latest([*whole, *asked], chat)
    try:
        if all(message["role"] == "system" for message in chat.messages):
            return []
        return encode_chat(chat._to_read(), chat.tokenizer)
    finally:
        chat.messages = whole


def latest(messages, chat) -> list:
    """The system message, and the last turns with as many tokens as the context has: more than the model will read.

    Chat itself leaves out what does not fit, but encodes all messages anew for each turn that it leaves out.
    """
    n_tokens, start = 0, len(messages)
    for n in reversed(range(len(messages))):
        n_tokens += len(chat.tokenizer.encode(messages[n]["content"]))
        if n_tokens > chat.model.config.context_len and start < len(messages):
            break
        if messages[n]["role"] == "user":
            start = n
    return [message for message in messages[:1] if message["role"] == "system"] + messages[start:]


class Talk:
    """Takes one step after the other, until they end or somebody calls stop(), from whichever thread.

    show(step) is called after each. hints: what the library warned of, in its words.
    """

    def __init__(self, steps, show):
        self.steps, self.show, self.stopped, self.hints = steps, show, False, []

    def stop(self):
        self.stopped = True

    async def to_its_end(self):
        _under_way.add(self)
        try:
            with closing(self.steps):
                while not self.stopped and self._step() is not DONE:
                    await asyncio.sleep(0)          # here cells run, and messages of the page come in
        finally:
            _under_way.discard(self)

    def _step(self):
        with interrupts_stop(), warnings.catch_warnings():
            warnings.showwarning = lambda message, *where: self.hints.append(str(message))
            step = next(self.steps, DONE)
            if step is not DONE:
                self.show(step)
            return step


def stop_all(*_signal):
    for talk in _under_way:
        talk.stop()


@contextmanager
def interrupts_stop():
    """Let the kernel's interrupt button end the talk after this step.

    A KeyboardInterrupt outside of a cell would end the event loop, and the kernel with it. A kernel at rest ignores the
    signal (SIG_IGN); there stop_all stays, else a press in the pause between two steps would be lost.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, stop_all)
    try:
        yield
    finally:
        if before not in (signal.SIG_IGN, stop_all, None):
            signal.signal(signal.SIGINT, before)
