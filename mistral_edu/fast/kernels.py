"""Tokens through all layers, as compiled loops. numba translates this file; compiled.py keeps the result.

The work is a list of jobs: a norm, some rows of a product, some heads of attention. Threads take the next job off the
list until none is left. What they share is one array of integers, `shared`:

- NEXT  the number of the next job that no thread has taken
- DONE  how many jobs are finished
- GATEWAY  how many helpers are at work; far below zero while there is no list for them
- ASLEEP  how many helpers wait for a byte to come out of a pipe, which wakes one of them
- from LIST on: where the jobs lie, and what else they need

A job may begin when the first `needs` jobs of the list are done; until then its thread waits. Since jobs are taken in
order, those before it are with other threads that will finish, so no thread waits for ever. And since threads wait
only for jobs, never for other threads, a helper that comes late or never costs no time: the others do its share. (One
that is interrupted within a job does hold up what needs that job, hence many small ones.)

A job is a row of int64: what to do, how many jobs must be done before it, then integers and addresses of arrays. It is
a table of addresses because the arrays of all layers differ in number and kind, and a call of compiled code would cost
more per array than the smaller jobs take. step.py writes the table, and keeps the arrays alive.
"""
import numpy as np
from numba import carray, njit, types

from mistral_edu.fast.arithmetic import fast, floats, gate, halves, narrow_all, norm, rotate
from mistral_edu.fast.dots import STREAMS, UNIT  # noqa: F401 (STREAMS for jobs.py)
from mistral_edu.fast.heads import (  # noqa: F401 (for step.py)
    ALL_KEYS,
    ALL_VALUES,
    END_1,
    END_2,
    KEYS,
    N_SLOTS,
    NARROW,
    POSITION_WIDTH,
    START_1,
    START_2,
    VALUES,
    attend,
    attend_block,
    gather,
)
from mistral_edu.fast.instructions import atomic_add, atomic_read, float_of_bits, pause, pointer
from mistral_edu.fast.many_rows import DEPTH, TILE_ROWS, TILE_TOKENS, multiply, multiply_bf16, pack  # noqa: F401
from mistral_edu.fast.rows import BF16, FLOAT, FORMS, look_up, packed_rows, plain_rows, shuffle  # noqa: F401

(NORM, NARROW_ROWS, SHUFFLE, PACK, PACKED_ROWS, PLAIN_ROWS, MULTIPLY, MULTIPLY_BF16, ROTATE, ATTEND, GATHER,
 ATTEND_BLOCK, GATE, LOOK_UP, N_OPERATIONS) = range(15)
OPERATION, NEEDS, FIRST_ARGUMENT, JOB_WIDTH = 0, 1, 2, 16
NEXT, DONE, GATEWAY, ASLEEP, LIST, SHARED_WIDTH = 0, 8, 16, 24, 32, 48  # a cache line apart
JOBS, N_JOBS, POSITIONS, N_LAYERS, ROTATION, N_TOKENS, HALF, ROOMS, ROOM, WAKE, BED = range(LIST, LIST + 11)
CLOSED = -(1 << 40)
# Looks at a counter before others may have the processor. A program that never rests gives it back milliseconds later,
# so most waits should end before that; but of two programs that share out work like this one, only one can go on.
PATIENCE = 1500

capsule_pointer = types.ExternalFunction("PyCapsule_GetPointer", types.intp(types.intp, types.intp))  # of Python
give_way = types.ExternalFunction("sched_yield", types.int32())  # of the C library: let another thread run
read = types.ExternalFunction("read", types.intp(types.int32, types.intp, types.intp))
write = types.ExternalFunction("write", types.intp(types.int32, types.intp, types.intp))


@fast
def do(job, positions, rotation, own):
    """One job. Its arguments are those of the function that does it, in that order."""
    operation, a = job[OPERATION], job[FIRST_ARGUMENT:]
    if operation == PACKED_ROWS:
        packed_rows(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13])
    elif operation == PLAIN_ROWS:
        plain_rows(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9])
    elif operation == MULTIPLY:
        multiply(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], own.ctypes.data)
    elif operation == MULTIPLY_BF16:
        multiply_bf16(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], own.ctypes.data)
    elif operation == NORM:
        for m in range(a[5]):
            norm(floats(a[0] + 4 * m * a[3], a[3]), floats(a[1], a[3]), float_of_bits(np.uint32(a[4])),
                 floats(a[2] + 4 * m * a[3], a[3]))
    elif operation == NARROW_ROWS:
        narrow_all(floats(a[0], a[2]), halves(a[1], a[2]))
    elif operation == SHUFFLE:
        n_units = a[4] // UNIT
        shuffle(floats(a[0], a[4]), a[1], halves(a[2], a[4]).view(np.int16), floats(a[3], n_units),
                floats(a[3] + 4 * n_units, n_units), floats(a[3] + 8 * n_units, n_units))
    elif operation == PACK:
        pack(a[0], a[1], a[2], a[3], a[4])
    elif operation == GATE:
        gate(floats(a[0], a[2]), floats(a[1], a[2]))
    elif operation == ROTATE:
        rotate_rows(a, positions, rotation)
    elif operation == ATTEND:
        attend(a[0], a[1], a[2], positions[a[3]], a[4], a[5], a[6], float_of_bits(np.uint32(a[7])), own.ctypes.data,
               a[8])
    elif operation == GATHER:
        position = positions[a[6]]
        gather(a[0], a[2], a[3], position[KEYS], position, a[4], a[5], position[ALL_KEYS])
        gather(a[1], a[2], a[3], position[VALUES], position, a[4], a[5], position[ALL_VALUES])
    elif operation == ATTEND_BLOCK:
        attend_block(a[0], a[1], a[2], a[3], a[4], positions[a[5]], a[6], a[7], a[8], float_of_bits(np.uint32(a[9])),
                     a[10], own.ctypes.data, a[11])
    elif operation == LOOK_UP:
        ids = carray(pointer(a[5]), a[6], np.int64)
        for m in range(a[6]):
            look_up(a[0], a[1], a[2], a[3], ids[m], a[4], a[7] + 4 * m * a[4])


@fast
def rotate_rows(a, positions, rotation):
    """RoPE for rows a[8] .. a[9] of q, k and v; row m stands at the place m % L of its sequence."""
    n_heads, n_kv_heads, head_dim, L = a[3], a[4], a[5], a[10]
    q_size, kv_size, half = n_heads * head_dim, n_kv_heads * head_dim, head_dim // 2
    for m in range(a[8], a[9]):
        stored = halves(a[6] + 4 * m * kv_size, 2 * kv_size).reshape(2, kv_size)
        rotate(floats(a[0] + 4 * m * q_size, q_size), floats(a[1] + 4 * m * kv_size, kv_size),
               floats(a[2] + 4 * m * kv_size, kv_size), rotation[m % L, 0, :half], rotation[m % L, 1, :half], head_dim,
               positions[a[7], NARROW], stored)


@fast
def wait(waited):
    """A moment between two looks at a counter. Returns how many there have been; at first `waited` is 0."""
    if waited < PATIENCE:
        pause()
    else:
        give_way()
    return waited + 1


@fast
def wait_for(address, least):
    waited = 0
    while atomic_read(address) < least:
        waited = wait(waited)


@fast
def work(shared, thread):
    """Do jobs until all are taken."""
    next_at, done_at = shared[NEXT:].ctypes.data, shared[DONE:].ctypes.data
    jobs = carray(pointer(shared[JOBS]), (shared[N_JOBS], JOB_WIDTH), np.int64)
    positions = carray(pointer(shared[POSITIONS]), (shared[N_LAYERS], POSITION_WIDTH), np.int64)
    rotation = carray(pointer(shared[ROTATION]), (shared[N_TOKENS], 2, shared[HALF]), np.float32)
    own = floats(shared[ROOMS] + 4 * thread * shared[ROOM], shared[ROOM])
    while True:
        n = atomic_add(next_at, 1)
        if n >= jobs.shape[0]:
            return
        wait_for(done_at, jobs[n, NEEDS])
        do(jobs[n], positions, rotation, own)
        atomic_add(done_at, 1)


@njit(types.void(types.int64[::1]), nogil=True, cache=True)
def open_list(shared):
    """Let helpers begin the list that `shared` describes, and wake those that sleep. `run` must follow."""
    asleep = shared[ASLEEP:].ctypes.data
    shared[NEXT] = shared[DONE] = 0
    atomic_add(shared[GATEWAY:].ctypes.data, -CLOSED)
    n = atomic_read(asleep)
    if n > 0:
        atomic_add(asleep, -n)
        write(shared[WAKE], np.zeros(512, np.int64).ctypes.data, min(n, 4096))  # one byte each, whatever it says


@njit(types.void(types.int64[::1], types.int64), fastmath=True, nogil=True, cache=True)
def run(shared, thread):
    """Thread 0, the caller: work on the list that `shared` describes until it is done. Other threads: help, for ever.

    The caller opens the list, unless it has already done so, works, closes it, and returns once everything is done and
    the helpers are gone. A helper joins only while a list is open: one that is late finds it closed, and sleeps again.
    positions (n_layers, POSITION_WIDTH): see heads.py. rotation (L, 2, head_dim / 2): cosines and sines of each token.
    own: memory for each thread alone, ROOM numbers.
    """
    gateway, asleep, done_at = shared[GATEWAY:].ctypes.data, shared[ASLEEP:].ctypes.data, shared[DONE:].ctypes.data
    if thread == 0:
        if atomic_read(gateway) < 0:
            open_list(shared)
        work(shared, 0)
        wait_for(done_at, shared[N_JOBS])
        atomic_add(gateway, CLOSED)
        waited = 0
        while atomic_read(gateway) != CLOSED:
            waited = wait(waited)
        return
    waited, wake_up = 0, np.zeros(1, np.int64)
    while True:
        if atomic_add(gateway, 1) >= 0:
            work(shared, thread)
        atomic_add(gateway, -1)
        atomic_add(asleep, 1)
        if atomic_read(gateway) >= 0:        # a list was opened in between, perhaps by a caller that saw nobody asleep
            atomic_add(asleep, -1)
            waited = wait(waited)
        elif read(shared[BED], wake_up.ctypes.data, 1) < 1:    # nobody holds the other end any longer
            return
        else:
            waited = 0


@fast
def is_whole(sizes, steps, n_axes):
    """Whether each step of an axis, in numbers, is as large as all axes after it. No steps mean so, too."""
    if steps == 0:
        return True
    size, step = carray(pointer(sizes), n_axes, np.int64), carray(pointer(steps), n_axes, np.int64)
    expected = 1
    for axis in range(n_axes - 1, -1, -1):
        if size[axis] > 1 and step[axis] != expected:
            return False
        expected *= size[axis]
    return True


@njit(types.void(types.int64[::1], types.intp, types.boolean), cache=True)  # with the interpreter's lock: C wants it
def follow(capsules, name, whole):
    """Replace the addresses of DLPack capsules by those of the numbers that they describe, as changes.address does.

    whole: use 0 where these are not contiguous in the order of their places.
    """
    for n in range(capsules.size):
        words = carray(pointer(capsule_pointer(capsules[n], name)), 6, np.int64)
        capsules[n] = words[0] + words[5]
        if whole and not is_whole(words[3], words[4], words[2] & 0xFFFFFFFF):
            capsules[n] = 0
