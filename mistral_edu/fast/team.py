"""The threads that share out work: the caller, and helpers that sleep in between.

A helper is a Python thread that spends its time in compiled code, which holds no interpreter lock. There is one team
per process, however many models there are: threads beyond the number of processors only take turns.

Jobs are shared out inside compiled code: see kernels.py. No thread gets a part of its own beforehand, so one that is
held up by another program takes fewer.
"""
import os
import threading

import numpy as np

from . import machine


class JobList:
    """A table of jobs, and the counters with which the threads share it out. See kernels.py."""

    def __init__(self, kernels, rows, positions=None, rotation=None):
        self.kernels = kernels
        self.jobs = np.array(rows, np.int64).reshape(len(rows), kernels.JOB_WIDTH)
        self.positions = np.zeros((1, kernels.POSITION_WIDTH), np.int64) if positions is None else positions
        self.rotation = np.zeros((1, 2, 1), np.float32) if rotation is None else rotation
        self.counters = np.zeros(kernels.ROOM + 8, np.int64)
        self.counters[kernels.GATEWAY] = kernels.CLOSED

    def run(self, own):
        self.kernels.run(self.jobs, self.positions, self.rotation, own, self.counters, False)

    def help(self, own):
        """For a helper. The list may have gone on by now: the kernel looks whether its memory suffices."""
        self.kernels.run(self.jobs, self.positions, self.rotation, own, self.counters, True)


class Team:
    """n_threads threads, the caller's included."""

    def __init__(self, n_threads):
        # One list at a time, whichever thread of a notebook brings it: `with team.lock`. The lock's own `with` takes it
        # in one instruction, so Ctrl-C cannot strike between taking it and the block that gives it back.
        self.lock = threading.Lock()
        self.process = os.getpid()
        self.own = np.empty(256, np.float32)
        self.now = None                  # the jobs that a helper which wakes up takes part in, and the room they need
        self.beds = []                   # a lock per helper: it sleeps until someone opens it
        for n in range(1, n_threads):
            bed = threading.Lock()
            bed.acquire()
            self.beds.append(bed)
            threading.Thread(target=self.help, args=(bed,), name=f"mistral_edu helper {n}", daemon=True).start()

    def help(self, bed):
        own = np.empty(256, np.float32)
        while True:
            bed.acquire()
            jobs, room = self.now
            if own.size < room:
                own = np.empty(room, np.float32)
            jobs.help(own)

    def run(self, jobs, room=1):
        """Do all jobs of a JobList, inside a `with` of its lock. room: how many numbers a job may need to note down."""
        if self.own.size < room:
            self.own = np.empty(room + room // 4, np.float32)
        jobs.counters[jobs.kernels.ROOM] = room
        self.now = jobs, self.own.size
        for bed in self.beds:
            if bed.locked():
                bed.release()
        jobs.run(self.own)


_team = None
_making = threading.Lock()


def team():
    """The team of this process; after a fork, whose child has one thread alone, a new one."""
    global _team, _making
    if _team is not None and _team.process != os.getpid():
        _team, _making = None, threading.Lock()  # the old lock may have been held by a thread that is not here
    with _making:
        if _team is None:
            _team = Team(n_threads())
        return _team


def n_threads():
    """As many threads as OMP_NUM_THREADS says, else as there are processors that this process may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return max(1, min(int(asked), machine.processors())) if asked.isdigit() else machine.processors()
