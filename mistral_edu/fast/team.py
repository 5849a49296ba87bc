"""The threads that share out work: the caller, and helpers that sleep in between.

A helper is a Python thread that stays in compiled code for good. There it holds no interpreter lock, and needs none to
wake up. There is one team per process, however many models there are: threads beyond the number of processors only
take turns.

Jobs are shared out inside compiled code: see kernels.py. No thread gets a part of its own beforehand, so one that is
held up by another program takes fewer.
"""
import os
import signal
import threading

import numpy as np

from mistral_edu.machine import processors


class JobList:
    """A table of jobs, and what else they need. See kernels.py."""

    def __init__(self, kernels, rows, positions=None, rotation=None):
        self.jobs = np.array(rows, np.int64).reshape(len(rows), kernels.JOB_WIDTH)
        self.positions = np.zeros((1, kernels.POSITION_WIDTH), np.int64) if positions is None else positions
        self.rotation = np.zeros((1, 2, 1), np.float32) if rotation is None else rotation
        self.place = (self.jobs.ctypes.data, len(rows), self.positions.ctypes.data, len(self.positions),
                      self.rotation.ctypes.data, len(self.rotation), self.rotation.shape[2])


class Team:
    """n_threads threads, the caller's included."""

    def __init__(self, kernels, n_threads):
        # One list at a time, whichever thread of a notebook brings it: `with team.lock`. The lock's own `with` takes it
        # in one instruction, so Ctrl-C cannot strike between taking it and the block that gives it back.
        self.lock = threading.RLock()
        self.process, self.kernels, self.n_threads = os.getpid(), kernels, n_threads
        self.shared = np.zeros(kernels.SHARED_WIDTH, np.int64)
        self.shared[kernels.GATEWAY] = kernels.CLOSED
        self.pipe = os.pipe()
        self.shared[[kernels.BED, kernels.WAKE]] = self.pipe
        self.make_rooms(256)
        for n in range(1, n_threads):
            threading.Thread(target=self.help, args=(n,), name=f"mistral_edu helper {n}", daemon=True).start()

    def is_busy_here(self):
        """Whether this very thread is in the middle of a list, as when a signal handler asks a model."""
        return self.lock._is_owned()  # a Condition asks a lock so, too

    def help(self, n):
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # they are for threads that Python sees
        self.kernels.run(self.shared, n)

    def run(self, jobs, room=1, meanwhile=None):
        """Do all jobs of a JobList, inside a `with` of its lock. room: how many numbers of scratch memory a job needs.

        meanwhile: a function that this thread calls first, while helpers begin. Returns what it returns.
        """
        k = self.kernels
        if self.rooms.shape[1] < room:
            self.make_rooms(room + room // 4)
        self.shared[k.JOBS:k.ROOMS] = jobs.place
        try:
            if meanwhile:
                k.open_list(self.shared)
                return meanwhile()
        finally:
            k.run(self.shared, 0)

    def make_rooms(self, size):
        """Memory for each thread alone, in whole cache lines. While there is no list, no thread uses the old one."""
        k = self.kernels
        self.rooms = np.empty((self.n_threads, size + -size % 16), np.float32)
        self.shared[[k.ROOMS, k.ROOM]] = self.rooms.ctypes.data, self.rooms.shape[1]


_team = None
_making = threading.Lock()


def team(kernels):
    """The team of this process; a new one after a fork, whose child has a single thread."""
    global _team, _making
    if _team is not None and _team.process != os.getpid():
        _team, _making = None, threading.Lock()  # the old lock may have been held by a thread that is not here
    with _making:
        if _team is None:
            _team = Team(kernels, n_threads())
        return _team


def n_threads():
    """As many threads as OMP_NUM_THREADS says, otherwise one per processor that this process may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return max(1, min(int(asked), processors.processors())) if asked.isdigit() else processors.processors()
