"""A rank's reports to whoever started it: what its main thread is doing, once or twice a second, if that has changed.

MLX computes and waits without holding Python's lock, so another thread can look: at the line of Python that the main
thread is in, at the bytes that came over the network, and at the processor time used by all threads except those that
carry bytes (a ring's threads poll their sockets while they wait, which looks like work). If none of these moves on any
rank, no rank is computing: each waits for another.
"""
import json
import os
import sys
import threading
import time
import traceback

import mlx

from mistral_edu.parallel.counted import bytes_received
from mistral_edu.parallel.process import MARK

EVERY = 0.5      # seconds
STEP = 0.05      # seconds of processor time that count as progress
LONGEST = 200    # characters of a line of code
TASKS = "/proc/self/task"
PYTHON = os.path.dirname(os.__file__)
MLX = os.path.dirname(next(iter(mlx.__path__)))


class Reporter(threading.Thread):
    """Started once in a rank, before it joins the group. `state` is "runs", or "reads" while it waits for a person."""

    def __init__(self):
        super().__init__(daemon=True, name="mistral_edu reporter")
        self.state, self.carriers, self._sent, self._lock = "runs", set(), {}, threading.Lock()
        self._parent, self._main = os.getppid(), threading.main_thread().ident

    def run(self):
        try:
            while os.getppid() == self._parent:
                self.report()
                time.sleep(EVERY)
        finally:
            os._exit(1)  # whoever started this rank is gone, and nothing else would ever end it

    def report(self, **more):
        """Send what changed since the last time."""
        with self._lock:
            now = {"state": self.state, "received": bytes_received(),
                   "busy": round(busy_seconds(self.carriers | {str(self.native_id)}) / STEP)}
            if threading.current_thread() is self:  # else the line would be one of this file
                now["at"] = place(traceback.extract_stack(sys._current_frames().get(self._main)))
            now |= more
            changed = {name: value for name, value in now.items() if self._sent.get(name) != value}
            if changed:
                self._sent |= changed
                os.write(2, f"{MARK}{json.dumps(changed)}\n".encode())


def place(frames):
    """Where a thread is, without the insides of MLX and of Python: "page.py, line 3, in f: mx.eval(x)".

    frames: as from traceback.extract_stack or extract_tb, the innermost last.
    """
    for frame in reversed(frames):
        if not (frame.filename.startswith((MLX, PYTHON, "<frozen")) and "mistral_edu" not in frame.filename):
            function = f", in {frame.name}" if frame.name != "<module>" else ""
            return f"{os.path.basename(frame.filename)}, line {frame.lineno}{function}: {(frame.line or '')[:LONGEST]}"
    return ""


def threads() -> set:
    """The ids of this process's threads, including those of C++; empty if the system does not tell."""
    try:
        return set(os.listdir(TASKS))
    except OSError:
        return set()


def busy_seconds(carriers):
    """Processor time of all threads but these; always 0 if the system does not tell threads apart."""
    ticks = 0
    for thread in threads() - carriers:
        try:
            with open(f"{TASKS}/{thread}/stat") as opened:
                fields = opened.read().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])  # utime, stime
        except OSError:
            pass  # it has ended
    return ticks / os.sysconf("SC_CLK_TCK")
