"""What the page reports, above all a pressed button, is handled on the thread on which cells run.

JupyterLab's reports arrive on another thread while cells run on the main one (see showing/main_thread.py). Unlike those
of sliders, presses of buttons must not be merged: each report is handled, in order.
"""
import asyncio
import inspect

from mistral_edu.lab.showing.error_line import describe
from mistral_edu.lab.showing.main_thread import MainThread

ACTS = ("ask", "edit", "regenerate", "clear", "undo", "resume", "set", "load", "export", "find_models")


class Reports:
    """For ChatPanel, whose methods are the ACTS. A report is {"do": one of ACTS, "with": its arguments}.

    In addition, "stop" only sets a flag, so it need not wait; and "hello" asks whether the kernel is there.
    """

    def listen(self):
        """To be called in a cell, whose thread does the work from then on."""
        self._tasks, self._main = set(), MainThread()
        self.on_msg(self._received)

    def _received(self, _widget, content, _buffers):
        if content.get("do") == "stop":
            self.stop()
        elif content.get("do") == "hello":
            self.send({"done": "hello"})
        else:
            self._main.post(lambda: self._take_on(content))

    def _take_on(self, content):
        if not self.soon(lambda: self._obey(content)):
            asyncio.run(self._obey(content))    # a script, a test

    def soon(self, work) -> bool:
        """Begin work(), a coroutine, where the loop that runs cells has time for it; False without a loop."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        task = loop.create_task(work())
        self._tasks.add(task)                   # the loop alone would let it go
        task.add_done_callback(self._tasks.discard)
        return True

    async def _obey(self, content):
        """Do it; what goes wrong is said in the panel."""
        act = content.get("do")
        try:
            if act not in ACTS:
                raise ValueError(f"the page asked for {act!r}; expected one of {', '.join(ACTS)}")
            done = getattr(self, act)(*content.get("with", ()))
            if inspect.isawaitable(done):
                await done
        except Exception as error:
            self.status = str(error) if isinstance(error, (ValueError, OSError)) else describe(error)
        finally:
            self.send({"done": act, "with": content.get("with", [])})
