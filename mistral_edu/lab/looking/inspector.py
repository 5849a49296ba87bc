"""An answer in a live notebook: choose a token, take one of its alternatives, read on from there, and go back."""
import asyncio
import time
from contextlib import closing
from pathlib import Path

import anywidget
from traitlets import Bool, Dict, Unicode

from mistral_edu.lab.looking.answer_as_html import STYLE, live_page
from mistral_edu.lab.showing.error_line import describe
from mistral_edu.lab.showing.main_thread import MainThread
from mistral_edu.lab.showing.reruns import takes_the_place_of_earlier
from mistral_edu.language import N_, _, translations_in

BETWEEN_UPDATES = 0.2       # seconds: each update sends the whole page again
SCRIPT = Path(__file__).with_name("inspector.js")
INSTEAD = N_("[Once this cell is run, alternatives can be taken here. The answer above shows them without a kernel.]")


class Inspector(anywidget.AnyWidget):
    """Shows one of the answers to a prompt, `answer`, and goes on from an alternative that the reader takes.

    The front end draws `page` and `state`. It sends {"step", "row"} for an alternative that is taken, {"answer"} for an
    answer that should be shown, and {"stop"}. While an answer is written, cells run and clicks are handled.
    """

    _esm = SCRIPT
    _css = STYLE + Path(__file__).with_name("inspector.css").read_text(encoding="utf-8")
    page = Unicode().tag(sync=True)
    state = Unicode().tag(sync=True)
    writing = Bool(False).tag(sync=True)
    words = Dict().tag(sync=True)               # {English: translation} of what inspector.js writes itself

    def __init__(self, answer):
        super().__init__(words=translations_in(SCRIPT.read_text(encoding="utf-8")))
        self.main, self.answer, self.task = MainThread(), answer, None
        self.page = live_page(answer)
        self.on_msg(lambda _widget, message, _buffers: self.main.post(lambda: self.do(message)))
        takes_the_place_of_earlier(self)

    def do(self, message: dict) -> None:
        """Do what the front end has sent, on the thread on which cells run."""
        self.stop()
        if "answer" in message:
            self.show(self.answer.branches[int(message["answer"])])
        elif "step" in message:
            self.take(int(message["step"]), int(message["row"]))

    def show(self, answer) -> None:
        self.answer = answer
        self.page = live_page(answer)
        self.state = _("Answer {number}: {facts}.", number=answer.number, facts=answer.facts)

    def take(self, step: int, row: int) -> None:
        """Take an alternative of the answer that is shown, and go on from there."""
        self.show(self.answer.begin_branch(step, row))
        if self.answer.finish_reason is None:
            try:
                self.task = asyncio.get_running_loop().create_task(self._write(self.answer))
            except RuntimeError:                        # a script has no loop, and nobody to wait for
                asyncio.run(self._write(self.answer))

    def stop(self) -> None:
        """Stop writing; what was written stays, and is continued when the same alternative is taken again."""
        if self.task is not None:
            self.task.cancel()
            self.task, self.writing = None, False
            self.show(self.answer)

    def let_go(self) -> None:
        """Leave the kernel."""
        self.stop()
        self.close()

    async def _write(self, answer):
        self.writing, drawn, trouble = True, 0.0, ""
        try:
            with closing(answer.write()) as steps:
                for _step in steps:
                    if time.monotonic() - drawn > BETWEEN_UPDATES:
                        self.page, drawn = live_page(answer), time.monotonic()
                        self.state = _("Answer {number}: {n} tokens so far.", number=answer.number,
                                       n=len(answer.steps))
                    await asyncio.sleep(0)              # cells and clicks come in between
        except Exception as error:
            trouble = " " + _("The model stopped with {error}.", error=describe(error))
        self.task, self.writing = None, False
        self.show(answer)
        self.state += trouble

    def _repr_mimebundle_(self, **kwargs):
        """The stored output says in words what a live kernel would show."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/plain": _(INSTEAD)}, metadata
