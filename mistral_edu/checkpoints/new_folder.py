"""A folder that is written whole or not at all: first beside its place, under a hidden name, then renamed.

A file needs no more than that (machine/whole_files.py). A folder of a model needs a lock, since writing it takes
minutes; the place of an older one, which it takes at one moment; and a way back where that cannot be done at once.
"""
import ctypes
import fcntl
import os
import shutil
import sys
from contextlib import contextmanager

from mistral_edu.machine.whole_files import make_folder


@contextmanager
def new_folder(out):
    """A folder to write into, beside `out`; it takes that name, and the place of what has it, when all went well.

    What an earlier attempt left is removed first. When something goes wrong, nothing is left.
    """
    unfinished, old = beside(out, "unfinished"), beside(out, "old")
    make_folder(unfinished)
    with locked(unfinished, out):
        try:
            for left in unfinished.iterdir():
                left.unlink()
            yield unfinished
            if not out.exists():
                unfinished.rename(out)
            elif not exchanged(unfinished, out):
                shutil.rmtree(old, ignore_errors=True)
                out.rename(old)  # stopped right here, the old model has this name; the next conversion gives it back
                unfinished.rename(out)
                shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def give_back(out):
    """Give an older folder its name back, if a conversion was stopped at the very moment in which it replaced it."""
    old = beside(out, "old")
    if old.exists() and not out.exists():
        old.rename(out)


def exchanged(one, other):
    """Let two folders change names, both at once, so that at no moment a name is missing. False where that can't be."""
    try:
        libc, here, paths = ctypes.CDLL(None, use_errno=True), -100, [os.fsencode(path) for path in (one, other)]
        if sys.platform == "darwin":
            return libc.renamex_np(*paths, 2) == 0                        # RENAME_SWAP
        return libc.renameat2(here, paths[0], here, paths[1], 2) == 0     # AT_FDCWD, RENAME_EXCHANGE
    except (AttributeError, OSError):  # a C library, or a system, without it
        return False


def beside(out, state):
    """The name under which a folder stands beside `out`, hidden, so that it is not taken for a model."""
    return out.with_name(f".{out.name}.{state}")


@contextmanager
def locked(folder, out):
    """Keep two conversions from writing one folder. The lock ends with the process, however that ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise FileExistsError(f"another conversion is writing {out} now; wait for it, or choose another "
                              "folder") from None
    finally:
        os.close(handle)
