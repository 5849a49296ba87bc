"""What a process holds in memory, as Linux counts it. Plain Python: the peers' own interpreters read this file, too."""
import resource
import sys
from pathlib import Path


def process_peak():
    """The most bytes of memory that this process has held.

    Not ru_maxrss on Linux: a process inherits that from the one that started it, so every child of a large parent looks
    large.
    """
    peak = status_bytes("VmHWM")  # high water mark of the resident set
    if peak is not None:
        return peak
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def process_memory():
    """Bytes that this process holds now: (its own numbers and objects, pages of files such as libraries' code).

    (None, None) if the system does not say.
    """
    return status_bytes("RssAnon"), status_bytes("RssFile")


def status_bytes(name):
    """A number from /proc/self/status, which counts KiB, in bytes; None if there is none."""
    try:
        return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0]) * 1024
    except (OSError, IndexError):
        return None
