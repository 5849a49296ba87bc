"""An answer in small steps on the kernel's main thread, so that cells run in between.

MLX's streams belong to a thread, so another thread would not help; and one that computes would keep cells waiting just
the same. So a step is one token, or a few of the prompt, and between two steps the kernel does whatever else is due.
"""
import asyncio
import signal
import threading
import warnings
from contextlib import closing, contextmanager, suppress

from mistral_edu.conversation import Chat
from mistral_edu.fast import compiled
from mistral_edu.lab.panel import drawing

CHUNK = 16      # tokens of a prompt per step: prefill's 256 would keep a cell waiting for seconds on a processor
SMALL = 100_000_000      # parameters
DONE = object()
_under_way = set()


def steps(chat, text, turn=None, **settings):
    """Ask `chat`, and yield None for each part of the conversation that was read, then a Piece for each token.

    turn: ask question number `turn` in these words, and drop what follows it. If not a single word comes, because of an
    error or a stop, the conversation is left as it was before.
    """
    before = list(chat.messages)
    kept = chat.messages[:] = until(before, turn)
    try:
        with closing(chat.steps(text, CHUNK, **settings)) as steps:
            yield from steps
    finally:
        if chat.messages == kept:
            chat.messages[:] = before


async def warm_up(chat):
    """Prepare what is made at first use, before the first message: the model's fast path, and all that a few hidden
    steps of an answer need. A large model takes no such steps: they would keep cells waiting for seconds.
    """
    model = chat.model
    with suppress(Exception):                   # the first message meets the same trouble, and says so
        while compiled.is_coming():
            await asyncio.sleep(0.05)
        if engine := getattr(model, "engine", None):
            await asyncio.to_thread(engine.fits, model)     # one that stood in for another gives way to it
        if model.config.n_parameters > SMALL:
            return
        unseen = Chat(model, chat.tokenizer, max_tokens=2, seed=0)
        await Talk(unseen.steps("Hello! " * CHUNK, CHUNK), lambda step: None).to_its_end()
        drawing.as_html("**Hello!**")


def until(messages, turn=None) -> list:
    """The messages before question number `turn`, counted from 0; None: all of them."""
    questions = [n for n, message in enumerate(messages) if message["role"] == "user"]
    if turn is None:
        return list(messages)
    if not 0 <= turn < len(questions):
        raise ValueError(f"questions are numbered from 0, and there are {len(questions)} so far; got {turn}")
    return messages[:questions[turn]]


class Talk:
    """Takes one step after another, until they end or stop() is called, from any thread.

    show(step) is called after each. hints: what the library warned about, in its words.
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
                    await asyncio.sleep(0)          # here cells run, and messages from the page arrive
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

    A KeyboardInterrupt outside a cell would end the event loop, and the kernel with it. A kernel at rest ignores the
    signal (SIG_IGN); stop_all stays there, since a press in the pause between two steps would otherwise be lost.
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
