"""Bring work back to the thread on which cells run.

A kernel answers sliders from another thread while cells run on the main one (ipykernel 7: from the second event on).
MLX streams belong to a thread, so an array that a cell left unevaluated cannot be evaluated there: "There is no
Stream(cpu, 0) in current thread". A MainThread keeps the event loop of the thread it was made on, and posts work to it.
"""
import asyncio
import threading


class MainThread:
    """Made in a cell; `run_soon(work)` and `post(work)` may then be called from any thread, any number of times.

    Calls of run_soon that come within `delay` seconds become one: a slider dragged over fifty values draws a few times.
    Without a running event loop (a script, a test) the work runs at once.
    """

    def __init__(self, delay: float = 0.03):
        self.delay = delay
        self._waiting = threading.Event()       # set from the first call until its work begins
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def post(self, work) -> None:
        """Call work() on the main thread; each call is carried out, in order: no click must be lost."""
        if self._loop is None or self._loop.is_closed():
            work()
        else:
            self._loop.call_soon_threadsafe(work)

    def run_soon(self, work) -> None:
        """Call work() on the main thread, after the cell that may be running there."""
        if self._loop is None:
            work()
        elif not self._waiting.is_set():
            self._waiting.set()
            self._loop.call_soon_threadsafe(self._loop.call_later, self.delay, self._begin, work)

    def _begin(self, work):
        self._waiting.clear()                   # a change from here on is drawn by the next call
        work()
