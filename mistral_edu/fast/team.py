"""The threads that share out work: the caller, and helpers that sleep in between.

A helper is a Python thread that spends its time in compiled code, which holds no interpreter lock. There is one team
per process, however many models there are: threads beyond the number of processors only take turns.

Work comes in two sizes. Jobs of a few microseconds are shared out inside compiled code (run). Pieces of milliseconds,
such as the products of a prompt, are taken one by one in Python (share). In both no thread gets a part of its own
beforehand: one that is held up by another program takes fewer.
"""
import os
import threading

import numpy as np

from . import machine


class JobList:
    """A table of jobs, and the counters with which the threads share it out. See kernels.py."""

    def __init__(self, kernels, rows, n_layers=1, half_head=1):
        self.kernels = kernels
        self.jobs = np.array(rows, np.int64).reshape(len(rows), kernels.JOB_WIDTH)
        self.positions = np.zeros((n_layers, kernels.POSITION_WIDTH), np.int64)
        self.rotation = np.zeros((2, half_head), np.float32)
        self.counters = np.zeros(kernels.ROOM + 8, np.int64)
        self.counters[kernels.GATEWAY] = kernels.CLOSED

    def run(self, scores):
        self.kernels.run(self.jobs, self.positions, self.rotation, scores, self.counters, False)

    def help(self, scores):
        """For a helper. The list may have gone on to a later token by now: the kernel looks whether scores suffice."""
        self.kernels.run(self.jobs, self.positions, self.rotation, scores, self.counters, True)


class Team:
    """n_threads threads, the caller's included."""

    def __init__(self, n_threads):
        self.lock = threading.Lock()     # one list at a time, whichever thread of a notebook brings it
        self.process = os.getpid()
        self.scores = np.empty(256, np.float32)
        self.now = None                  # what a helper that wakes up calls
        self.beds = []                   # a lock per helper: it sleeps until someone opens it
        for n in range(1, n_threads):
            bed = threading.Lock()
            bed.acquire()
            self.beds.append(bed)
            threading.Thread(target=self.help, args=(bed,), name=f"mistral_edu helper {n}", daemon=True).start()

    def help(self, bed):
        scores = np.empty(256, np.float32)
        while True:
            bed.acquire()
            work, room = self.now
            if scores.size < room:
                scores = np.empty(room, np.float32)
            work(scores)

    def wake(self, work, room=1):
        self.now = work, room
        for bed in self.beds:
            if bed.locked():
                bed.release()

    def __enter__(self):
        self.lock.acquire()
        return self

    def __exit__(self, *error):
        self.lock.release()

    def run(self, jobs, room=1):
        """Do all jobs of a JobList, inside a `with` of this team. room: how many keys a query may see."""
        if self.scores.size < room:
            self.scores = np.empty(2 * room, np.float32)
        jobs.counters[jobs.kernels.ROOM] = room
        self.wake(jobs.help, self.scores.size)
        jobs.run(self.scores)

    def share(self, work, n):
        """Call work(0) .. work(n-1), each once, from all threads of the team; inside a `with`, too."""
        numbers, done, errors = iter(range(n)), threading.Semaphore(0), []

        def take_part(_=None):
            for i in numbers:
                try:
                    work(i)
                except BaseException as error:  # of a helper, too, it belongs to the caller
                    errors.append(error)
                done.release()

        if n > 1:
            self.wake(take_part)
        take_part()
        for _ in range(n):
            done.acquire()
        if errors:
            raise errors[0]


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
