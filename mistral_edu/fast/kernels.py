"""One token through all layers, as compiled loops. numba translates this file; compiled.py keeps what it makes.

The work on a token is a list of jobs: a norm, some rows of a product, one head of attention. `run` takes the next job
off the list until none is left. Any number of threads do so at once, each with its own call of `run`:

- counters[NEXT]  the number of the next job that nobody has taken
- counters[DONE]  how many jobs are finished

A job may begin when the first `needs` jobs of the list are done; until then its thread waits. Since jobs are taken in
order, those in front of it are with other threads that will finish, so nobody waits for ever. And since nobody waits
for a thread, only for jobs, a helper that comes late or never costs no time: the others do its share. (One that is
interrupted within a job does hold up what needs that job, hence many small ones.)

A job is a row of int64: what to do, how many jobs must be done before, then whole numbers and addresses of arrays. It
is a table of addresses because the arrays of all layers differ in number and kind, and a call of compiled code would
cost more per array than the smaller jobs take. decode.py writes the table, and keeps the arrays alive.
"""
import numpy as np
from numba import njit, types

from .arithmetic import BLOCK, GROUPS, POSITION_WIDTH, fast, floats, halves  # noqa: F401 (some for jobs.py)
from .arithmetic import attend, bf16_rows, float_rows, gate, group_rows, norm, rotate, shuffle, unpack
from .vectors import atomic_add, atomic_read, float_of_bits

NORM, SHUFFLE, FLOAT_ROWS, BF16_ROWS, ROTATE, ATTEND, GATE, UNPACK, GROUP_ROWS = range(9)  # from GROUP_ROWS on: GROUPS
OPERATION, NEEDS, FIRST_ARGUMENT, JOB_WIDTH = 0, 1, 2, 16
NEXT, DONE, GATEWAY, ROOM = 0, 8, 16, 24  # places in counters, a cache line apart
CLOSED = -(1 << 40)
PATIENCE = 2000                    # looks at a counter, about 10 microseconds; after that others may have the processor

give_way = types.ExternalFunction("sched_yield", types.int32())  # of the C library: let another thread run


@fast
def do(job, positions, rotation, scores):
    """One job. Its arguments are those of the function that does it, in that order."""
    operation, a = job[OPERATION], job[FIRST_ARGUMENT:]
    if operation >= GROUP_ROWS:
        group_rows(operation - GROUP_ROWS, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10])
    elif operation == BF16_ROWS:
        bf16_rows(a[0], a[1], a[2], a[3], a[4], a[5], a[6])
    elif operation == FLOAT_ROWS:
        float_rows(a[0], a[1], a[2], a[3], a[4], a[5], a[6])
    elif operation == UNPACK:
        unpack(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9])
    elif operation == NORM:
        norm(floats(a[0], a[3]), floats(a[1], a[3]), float_of_bits(np.uint32(a[4])), floats(a[2], a[3]))
    elif operation == SHUFFLE:
        shuffle(floats(a[0], a[3]), floats(a[1], a[3]), floats(a[2], a[3] // BLOCK))
    elif operation == GATE:
        gate(floats(a[0], a[3]), floats(a[1], a[3]), floats(a[2], a[3]))
    elif operation == ROTATE:
        head_dim = a[5]
        rotate(floats(a[0], a[3] * head_dim), floats(a[1], a[4] * head_dim), floats(a[2], a[4] * head_dim),
               rotation[0, :head_dim // 2], rotation[1, :head_dim // 2], head_dim, positions[a[7], 3],
               halves(a[6], 2 * a[4] * head_dim))
    elif operation == ATTEND:
        head_dim, kv_head = a[4], a[5]
        new_k = floats(a[1] + 4 * kv_head * head_dim, head_dim)
        new_v = floats(a[2] + 4 * kv_head * head_dim, head_dim)
        attend(floats(a[0], head_dim), new_k, new_v, positions[a[6]], kv_head, head_dim,
               float_of_bits(np.uint32(a[7])), scores, floats(a[3], head_dim))


@fast
def wait_for(address, least):
    waited = 0
    while atomic_read(address) < least:
        waited += 1
        if waited > PATIENCE:
            give_way()


@fast
def work(jobs, positions, rotation, scores, counters):
    next_at, done_at = counters[NEXT:].ctypes.data, counters[DONE:].ctypes.data
    while True:
        n = atomic_add(next_at, 1)
        if n >= jobs.shape[0]:
            return
        wait_for(done_at, jobs[n, NEEDS])
        do(jobs[n], positions, rotation, scores)
        atomic_add(done_at, 1)


entry = njit(types.void(types.int64[:, ::1], types.int64[:, ::1], types.float32[:, ::1], types.float32[::1],
                      types.int64[::1], types.boolean),
           fastmath=True, nogil=True, cache=True)


@entry
def run(jobs, positions, rotation, scores, counters, helps):
    """Work on a list of jobs until it is done.

    The caller opens the list, works, closes it, and comes back once everything is done and the helpers are gone. A
    helper comes in only while the list is open: one that is late finds it closed, and goes.
    positions (n_layers, POSITION_WIDTH): see attend. rotation (2, head_dim/2): cosines and sines for the token.
    scores: for this thread alone, room for as many numbers as a query sees keys: counters[ROOM].
    """
    gateway, done_at = counters[GATEWAY:].ctypes.data, counters[DONE:].ctypes.data
    if helps:
        if atomic_add(gateway, 1) >= 0 and scores.size >= counters[ROOM]:
            work(jobs, positions, rotation, scores, counters)
        atomic_add(gateway, -1)
        return
    counters[NEXT] = counters[DONE] = 0
    atomic_add(gateway, -CLOSED)
    work(jobs, positions, rotation, scores, counters)
    wait_for(done_at, jobs.shape[0])
    atomic_add(gateway, CLOSED)
    while atomic_read(gateway) != CLOSED:
        give_way()
