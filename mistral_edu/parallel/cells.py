"""Ranks from a cell: `ranks(2, work)` starts processes, shows what each of them says, and returns their results.

    def work(group):
        mine = mx.array([group.rank() + 1.0])
        return mx.distributed.all_sum(mine, group=group).item()

    ranks(2, work)                                       # [3.0, 3.0]
"""
import pickle
import signal
import sys
import threading
from collections import Counter
from contextlib import contextmanager

from mistral_edu.parallel.hosts import place_ranks
from mistral_edu.parallel.process import CALL, RESULT
from mistral_edu.parallel.shipping import dumps, run_source
from mistral_edu.parallel.verdict import GroupFailed
from mistral_edu.parallel.watch import LIMIT, Group

_under_way = set()  # an Event for each call of ranks() that runs


class Stopped(RuntimeError):
    """Ranks were stopped where no KeyboardInterrupt may be raised: outside of a cell, in a widget's callback."""


def ranks(n, work, *arguments, show=True, limit=LIMIT) -> list:
    """Call work(group, *arguments) in n new processes that form a group; return their results in the order of ranks.

    work: a function from a cell or a module, which may use what the notebook has imported and defined (shipping.py); or
        source as a string, run with the names group, rank, size and mx, whose last line is the result.
    show: True shows what the ranks print in one output area, with a part for each; a function is called with all of it
        at each change, for instance from a widget's callback; False shows nothing.
    limit: seconds without any progress after which a deadlock is assumed.

    The stop button ends all of them, and so does stop() from another thread. Raises GroupFailed, which names the rank
    that died or says in which line each of them was, and ValueError for what cannot be sent to another process.
    """
    if isinstance(work, str):
        work, arguments = run_source, (work,)
    call = dumps((work, arguments))
    says = Said(n)
    screen = Screen() if show is True else show or (lambda text: None)
    with stoppable() as stopped, Group(place_ranks(n), ["call", "FOLDER"], {CALL: call}, limit) as group:
        try:
            for event in group.events():
                if event:
                    says.add(*event)
                elif says.changed:
                    screen(says.text())
                if stopped.is_set():
                    raise Stopped("the ranks were stopped")
        except GroupFailed:
            if stopped.is_set():  # the button's signal may reach ranks that are just starting
                raise Stopped("the ranks were stopped") from None
            raise
        finally:
            if says.changed:
                screen(says.text())
        return [pickle.loads((group.folder / RESULT.format(rank)).read_bytes()) for rank in range(n)]


def stop():
    """End the ranks of all running calls; any thread may call it."""
    for event in list(_under_way):
        event.set()


@contextmanager
def stoppable():
    """An Event that stop() and the kernel's interrupt button set. Ranks are then ended before an error is raised.

    While a cell runs, the error is a KeyboardInterrupt, as everywhere. A kernel at rest ignores the signal (SIG_IGN);
    then we are in a callback, where a KeyboardInterrupt would end the kernel.
    """
    stopped, interrupted, before = threading.Event(), [], None
    if is_main := threading.current_thread() is threading.main_thread():
        before = signal.signal(signal.SIGINT, lambda *_: (interrupted.append(True), stopped.set()))
    _under_way.add(stopped)
    try:
        yield stopped
    except Stopped:
        if interrupted and before is not signal.SIG_IGN:
            raise KeyboardInterrupt("the ranks were stopped") from None
        raise
    finally:
        _under_way.discard(stopped)
        if is_main:
            signal.signal(signal.SIGINT, before)


class Said:
    """What each rank has printed, as one text: a part for each, lines in their order."""

    def __init__(self, n):
        self.texts, self.changed = [""] * n, False

    def add(self, rank, kind, text):
        self.texts[rank] += text
        self.changed = True

    def text(self):
        self.changed = False
        parts = [labelled(f"rank {rank}: ", text) for rank, text in enumerate(self.texts) if text.strip()]
        return "\n".join(parts)


def labelled(name, text):
    """Each line after a name; of a line that was written over, a progress bar say, the last state.

    >>> print(labelled("rank 0: ", "read 1\\rread 2\\ndone\\n"))
    rank 0: read 2
    rank 0: done
    """
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.rstrip("\n").split("\n")]
    return "\n".join(name + line for line in lines)


class Screen:
    """One output area of the running cell; in a plain Python session, only the new lines are printed."""

    def __init__(self):
        self.handle, self.shown = None, Counter()
        interactive = sys.modules.get("IPython")  # a notebook has it; other installations need not
        self.display = interactive.display.display if interactive and interactive.get_ipython() else None

    def __call__(self, text):
        if self.display is None:
            new = Counter(text.splitlines()) - self.shown
            print(*new.elements(), sep="\n", flush=True)
            self.shown += new
        elif self.handle is None:
            self.handle = self.display({"text/plain": text}, raw=True, display_id=True)
        else:
            self.handle.update({"text/plain": text}, raw=True)
