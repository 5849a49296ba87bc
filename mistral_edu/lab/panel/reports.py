"""What the page reports, a pressed button above all, is done on the thread on which cells run.

JupyterLab's reports come on another thread while cells run on the main one (see showing/threads.py). Unlike sliders,
buttons are not to be taken together: each report is done, in its order.
"""
import asyncio
import inspect

from mistral_edu.lab.showing.error_line import describe
from mistral_edu.lab.showing.threads import MainThread

ACTS = ("ask", "edit", "regenerate", "clear", "undo", "set", "load", "export", "find_models")


class Reports:
    """For ChatPanel, whose methods are the ACTS. A report is {"do": one of ACTS, "with": its arguments}.

    Besides, "stop" only sets a flag, so it need not wait; and "hello" asks whether the kernel is there.
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
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:                    # a script, a test
            return asyncio.run(self._obey(content))
        task = loop.create_task(self._obey(content))
        self._tasks.add(task)                   # the loop alone would let it go
        task.add_done_callback(self._tasks.discard)

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
            self.send({"done": act})
