"""Large pages under the weights: 2 MB instead of 4 kB, so that a processor looks up fewer addresses as it reads.

Memory is mapped page by page, and a processor remembers a few thousand mappings. Weights have more: 230 M parameters in
bfloat16 lie on 110,000 small pages, or 220 large ones. Where a system gives large pages only to those who ask
(/sys/kernel/mm/transparent_hugepage/enabled: "madvise", the rule on servers), numpy asks, and MLX does not.

Linux 6.1 and later can put small pages together afterwards. The numbers stay at their addresses; each block is copied
once by the system, and the small pages are given back. Elsewhere nothing happens. MISTRAL_EDU_LARGE_PAGES=0 turns it off.
"""
import ctypes
import os
import sys
from pathlib import Path

LARGE = 1 << 21
MADV_COLLAPSE = 25  # <linux/mman.h>
ENABLED = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def put_together(places):
    """Have large pages under places, pairs (address, bytes). Returns how many bytes lie on large pages thereby.

    A block that other memory shares with a place is put together, too: that changes no number, either.
    """
    if not are_wanted():
        return 0
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    blocks = {block for address, size in places if size for block in
              range(address // LARGE, (address + size - 1) // LARGE + 1)}
    # At the ends of a mapping there are no whole blocks, and a full machine has none to give: then small ones remain.
    return LARGE * sum(madvise(block * LARGE, LARGE, MADV_COLLAPSE) == 0 for block in sorted(blocks))


def are_wanted():
    """Whether this system has large pages, its owner allows them, and nobody has turned them off here."""
    if sys.platform != "linux" or os.environ.get("MISTRAL_EDU_LARGE_PAGES") == "0":
        return False
    try:
        return "[never]" not in ENABLED.read_text()
    except OSError:
        return False
