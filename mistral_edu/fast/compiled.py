"""The compiled kernels: made once, kept in the user's cache folder, and then loaded.

To compile kernels.py takes long enough to be noticed. So a process of its own does it, at low priority, the first time;
until it has finished another engine answers. Only a model that is too large for one waits.

The folder's name holds a digest of the sources: numba looks for changes only in the file of the compiled function, not
in those that it takes functions from. Where the folder cannot be written, each process compiles into one of its own.
"""
import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from .blas import cache_folder

SOURCES = ("kernels.py", "arithmetic.py", "rows.py", "heads.py", "vectors.py")
WAIT = 1.6  # seconds that the first caller waits for kernels that are in the cache: to import numba takes most of them
LONG_WAIT = 30  # the same for a model too large for another engine: without kernels its first prompt takes longer

_lock = threading.RLock()
_loader = None   # the thread that brings the kernels
_kernels = None  # the module, once it is compiled
_trouble = ""    # why there will be none
_kept = False    # whether they were compiled before, so that to load them is all


def why_not():
    """Why there are no kernels now: not installed, still compiling, or failed. "" when they are there."""
    if _kernels is not None:
        return ""
    if importlib.util.find_spec("numba") is None:
        return "numba is not installed (pip install 'mistral-edu[cpu]')"
    if _trouble:
        return f"its kernels could not be compiled: {_trouble}"
    if _kept:
        return "its kernels are being loaded"
    return "its kernels are being compiled, once, in the background"


def is_coming():
    """Whether kernels are on their way. Asks for nothing: kernels() starts it."""
    return _kernels is None and not _trouble and _loader is not None and _loader.is_alive()


def kernels(wait=None):
    """The module kernels.py, compiled; None where it is not ready within `wait` seconds, or never will be.

    By default it waits WAIT seconds for kernels that were compiled before, and for others not at all.
    """
    global _loader, _kept
    if _kernels is not None:
        return _kernels
    if importlib.util.find_spec("numba") is None:
        return None
    with _lock:
        if _loader is None or not (_loader.is_alive() or _trouble):  # after a fork the thread is gone
            place = folder()
            _kept = are_in(place)
            _loader = threading.Thread(target=_bring, args=(place,), name="mistral_edu kernels", daemon=True)
            _loader.start()
    if wait is None:
        wait = WAIT if _kept else 0
    _loader.join(wait)
    return _kernels


def folder():
    """Where this version of the kernels is kept: a folder of this process's own where nothing else can be written."""
    here = Path(__file__).parent
    digest = hashlib.sha256(b"".join((here / name).read_bytes() for name in SOURCES)).hexdigest()[:16]
    place = cache_folder() / "kernels" / digest
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="mistral_edu-"))
    return place if os.access(place, os.W_OK | os.X_OK) else Path(tempfile.mkdtemp(prefix="mistral_edu-"))


def are_in(place):
    """Whether a folder holds compiled kernels: numba's index of them."""
    return any(place.rglob("*.nbi"))


def _bring(place):
    global _kernels, _trouble
    try:
        if not are_in(place):
            code = "import sys; from mistral_edu.fast import compiled; compiled.load(sys.argv[1])"
            root = str(Path(__file__).parents[2])
            paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
            niceness = ["nice", "-n", "10"] if os.path.exists("/usr/bin/nice") else []
            subprocess.run([*niceness, sys.executable, "-c", code, str(place)], capture_output=True,
                           env={**os.environ, "PYTHONPATH": paths, "MISTRAL_EDU_BLAS": "0"})  # a failure shows below
        _kernels = load(place)
    except Exception as error:  # another numba, a full disk: the model answers without kernels, and doctor says why
        _trouble = f"{type(error).__name__}: {error}"


def load(place):
    """Import kernels.py: from the folder `place` if it was compiled before, else compile and keep it there."""
    import numba
    if numba.config.DISABLE_JIT:
        raise RuntimeError("NUMBA_DISABLE_JIT is set")
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(place)
    try:
        from . import kernels
    finally:
        numba.config.CACHE_DIR = before
    return kernels
