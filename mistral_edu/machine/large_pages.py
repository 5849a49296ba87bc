"""Large pages under the weights: 2 MB instead of 4 kB, so that a processor looks up fewer addresses as it reads.

Memory is mapped page by page, and a processor remembers some of the mappings. Weights on small pages have many more.
Where a system gives large pages only to those who ask (/sys/kernel/mm/transparent_hugepage/enabled: "madvise"), numpy
asks, and MLX does not.

Linux 6.1 and later can merge small pages afterwards. The numbers stay at their addresses; each block is copied once by
the system, and the small pages are returned. Elsewhere nothing happens. MISTRAL_EDU_LARGE_PAGES=0 turns it off.
"""
import ctypes
import os
import sys
from collections import Counter
from pathlib import Path

LARGE = 1 << 21
ENOUGH = 3 * LARGE // 4
MADV_COLLAPSE = 25  # <linux/mman.h>
ENABLED = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def put_together(places):
    """Put large pages under places, pairs (address, bytes). Returns how many bytes are then on large pages.

    Other memory on the same blocks is merged, too. That changes no number, but memory that was never used takes room
    from then on, so blocks of which places cover too little are left alone.
    """
    if not are_wanted():
        return 0
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    # At the ends of a mapping there are no whole blocks, and a full machine has none to give: then small ones remain.
    return LARGE * sum(madvise(block * LARGE, LARGE, MADV_COLLAPSE) == 0
                       for block, size in sorted(covered(places).items()) if size >= ENOUGH)


def covered(places):
    """{number of a block: how many of its bytes belong to places}.

    >>> covered([(LARGE - 5, 15), (LARGE + 20, 1)]) == {0: 5, 1: 11}
    True
    """
    sizes = Counter()
    for start, size in set(places):
        for block in range(start // LARGE, (start + size - 1) // LARGE + 1 if size else 0):
            sizes[block] += min(start + size, (block + 1) * LARGE) - max(start, block * LARGE)
    return sizes


def are_wanted():
    """Whether this system has large pages, its owner allows them, and they are not turned off here."""
    if sys.platform != "linux" or os.environ.get("MISTRAL_EDU_LARGE_PAGES") == "0":
        return False
    try:
        return "[never]" not in ENABLED.read_text()
    except OSError:
        return False
