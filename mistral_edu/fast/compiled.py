"""The compiled kernels: made once, kept in the user's cache folder, and then loaded.

Compiling kernels.py takes long enough to be noticed. So the first time, a separate process does it at low priority;
until it has finished, another engine answers. Only a model that is too large for that engine waits, and says so. The
compiling process goes on when the one that started it ends; the kernels are then ready for the next one.

The folder's name is a digest of everything that decides whether stored kernels can be used here: the sources (numba
looks for changes only in the file of the compiled function, not in those from which it takes functions), numba, Python,
and the processor. So kernels that are in it can be loaded, and need not be compiled in a process that has to answer. A
folder that has not been used for a month is removed. If no folder can be written, each process compiles into one of its
own, which is removed when it ends.

Where several users share an environment, as on a hub for a class, `mistral-edu classroom prepare` compiles into the
environment itself. What is found there is copied instead of being compiled again.
"""
import hashlib
import importlib.metadata
import importlib.util
import os
import pickle
import platform
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from mistral_edu.machine import whole_files
from mistral_edu.machine.blas import cache_folder, is_kept, keep_it, own_folder, shared_folder, wanted_folder

SOURCES = ("kernels.py", "arithmetic.py", "rows.py", "many_rows.py", "heads.py", "dots.py", "tiles.py",
           "vectors.py", "instructions.py")
WAIT = 2.5  # seconds that the first caller waits for kernels that are in the cache: importing numba takes most of them
LONG_WAIT = 60  # the same for a model too large for another engine: without kernels its first prompt takes longer
MONTH = 30 * 24 * 3600  # seconds
MARK = "complete"  # a file beside the kernels, written once all of them are there
DISABLED = "NUMBA_DISABLE_JIT is set"
NO_FOLDER = "no folder can be written"
AGAIN = "wait a minute, then run doctor again"
PROCESSOR = ("cpu family", "model", "flags", "CPU implementer", "CPU part", "Features")  # lines of /proc/cpuinfo
GET_IT = 'pip install "mistral-edu[cpu]"  (it brings numba), then start Python again'
GET_NEWER = 'pip install --upgrade "mistral-edu[cpu]"  (it brings a numba that fits), then start Python again'

_lock = threading.RLock()
_loader = None   # the thread that loads the kernels
_kernels = None  # the module, once it is compiled
_trouble = ""    # why there will be none
_kept = False    # whether they were compiled before and only have to be loaded


def why_not():
    """Why there are no kernels now: not installed, still compiling, or failed. "" when they are there."""
    if _kernels is not None:
        return ""
    if importlib.util.find_spec("numba") is None:
        return "numba is not installed (pip install 'mistral-edu[cpu]')"
    if _trouble:
        return f"the kernels could not be compiled: {_trouble}"
    if _kept:
        return "the kernels are being loaded"
    return f"the kernels are being compiled, {how_often()}, in the background"


def how_often():
    """How often this machine has to compile them, in words."""
    place = folder()
    if not is_kept(place):
        return f"again in every process, since {NO_FOLDER}"
    return "once" if place.is_relative_to(wanted_folder()) else f"once until {cache_folder()} is emptied"


def fix():
    """What to do if there are no kernels; "" if there are, or if they only have to be loaded."""
    if _kernels is not None:
        return ""
    if are_being_compiled():
        return AGAIN if is_kept(folder()) else keep_it()
    if importlib.util.find_spec("numba") is None:
        return GET_IT
    if DISABLED in _trouble:
        return "unset NUMBA_DISABLE_JIT, then start Python again"
    if NO_FOLDER in _trouble:
        return keep_it()
    return GET_NEWER if _trouble else ""


def is_coming():
    """Whether kernels are on their way. It starts nothing; kernels() does."""
    return _kernels is None and not _trouble and _loader is not None and _loader.is_alive()


def are_being_compiled():
    """Whether they are on their way for the first time, which takes half a minute."""
    return is_coming() and not _kept


def kernels(wait=None):
    """The module kernels.py, compiled; None if it is not ready within `wait` seconds, or never will be.

    By default it waits WAIT seconds for kernels that were compiled before, and not at all for others.
    """
    global _loader, _kept, _trouble
    if _kernels is not None:
        return _kernels
    if importlib.util.find_spec("numba") is None:
        return None
    with _lock:
        if _loader is None or not (_loader.is_alive() or _trouble):  # after a fork the thread is gone
            try:
                place = folder()
            except OSError as error:
                _trouble = f"{NO_FOLDER}: {error}"
                return None
            _kept = are_in(place) or copy_shared(place)
            _loader = threading.Thread(target=_bring, args=(place,), name="mistral_edu kernels", daemon=True)
            _loader.start()
    if wait is None:
        wait = WAIT if _kept else 0
    elif wait == LONG_WAIT and are_being_compiled():
        print(f"Compiling kernels for this processor, {how_often()}. A model as large as this one waits for them, "
              f"{LONG_WAIT} seconds at most.", file=sys.stderr, flush=True)
    _loader.join(wait)
    return _kernels


def folder():
    """Where the kernels for this processor are: in a folder of this process's own if nothing can be kept.

    Raises OSError if not even that can be made.
    """
    place = cache_folder() / "kernels" / digest()
    try:
        place.mkdir(parents=True, exist_ok=True)
        os.utime(place)  # remove_unused asks when it was used last
        if os.access(place, os.W_OK | os.X_OK):
            return place
    except OSError:
        pass
    place = own_folder() / "kernels" / digest()
    place.mkdir(parents=True, exist_ok=True)
    return place


def digest():
    """A name for what numba would compile here and now: a different name means that it would compile again."""
    here = Path(__file__).parent
    parts = [str(here), str((here / SOURCES[0]).stat().st_mtime_ns), *((here / name).read_text() for name in SOURCES)]
    parts += [sys.version, importlib.metadata.version("numba"), *processor()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def processor():
    """Lines that tell apart processors for which numba compiles different code, and what it is asked to assume."""
    asked = [os.environ.get(name, "") for name in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")]
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = [platform.processor()]
    return [platform.machine(), *asked, *sorted({line for line in lines if line.startswith(PROCESSOR)})]


def are_in(place):
    """Whether a folder holds all compiled kernels: numba writes those of one function long before those of the next."""
    return (place / MARK).exists()


def shared_place():
    """Where kernels for this processor are that all users of this environment share."""
    return shared_folder() / "kernels" / digest()


def copy_shared(place):
    """Copy shared kernels into a folder of one's own: numba loads only from folders that it could write.

    Returns whether they are there. The mark comes last.
    """
    shared = shared_place()
    if not are_in(shared):
        return False
    try:
        for file in shared.rglob("*.nb?"):
            copy = place / file.relative_to(shared)
            copy.parent.mkdir(exist_ok=True)
            whole_files.write(copy, lambda name: shutil.copyfile(file, name))
        (place / MARK).touch()
    except OSError:  # a full disk: then the kernels are compiled, or that fails, too, and says why
        return False
    return True


def share():
    """Compile kernels into this environment, for all of its users. Returns the folder.

    Raises OSError where it cannot be written, RuntimeError where the kernels cannot be compiled.
    """
    place = shared_place()
    place.mkdir(parents=True, exist_ok=True)
    if not are_in(place):
        _compile_apart(place)
    if not are_in(place):
        compile_into(place)     # here, to see why
    for path in (place, *place.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return place


def _bring(place):
    global _kernels, _kept, _trouble
    try:
        if not are_in(place):
            _compile_apart(place)
        try:
            _kernels = load(place)
        except (EOFError, pickle.UnpicklingError):  # truncated by a power cut
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(exist_ok=True)
            _kept = False
            _compile_apart(place)
            _kernels = load(place)
    except Exception as error:  # another numba, a full disk: the model answers without kernels, and doctor says why
        _trouble = f"{type(error).__name__}: {error}".splitlines()[0]


def _compile_apart(place):
    """Let a low-priority process compile into the folder. If it fails, load() compiles, and shows why.

    Where kernels are kept, it goes on when this process ends, for the next one; otherwise it ends with this one.
    """
    keep = is_kept(place)
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    niceness = [nice, "-n", "10"] if (nice := shutil.which("nice")) else []
    command = [*niceness, sys.executable, "-c", COMPILE.format(keep=keep), str(place)]
    nowhere, stdin = subprocess.DEVNULL, subprocess.DEVNULL if keep else subprocess.PIPE
    with subprocess.Popen(command, stdin=stdin, stdout=nowhere, stderr=nowhere,
                          env={**os.environ, "PYTHONPATH": paths, "MISTRAL_EDU_BLAS": "0"}) as process:
        process.wait()


# Ctrl-C stops an answer, and a terminal closes: this process is told, too, but may go on.
COMPILE = """if 1:
    import signal, sys
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    from mistral_edu.fast import compiled
    if not {keep}:
        compiled.end_with_starter()
    compiled.compile_into(sys.argv[1])
"""


def end_with_starter():
    """End this process when the one that holds the other end of its stdin, a pipe, has ended, however that happens."""
    def wait_and_end():
        os.read(0, 1)
        os._exit(1)
    threading.Thread(target=wait_and_end, daemon=True).start()


def compile_into(place):
    """Compile the kernels and keep them in the folder; if another process is already doing that, wait for it."""
    place = Path(place)
    with open(place / "lock", "w") as file:
        try:
            import fcntl
            fcntl.flock(file, fcntl.LOCK_EX)  # ends with the process, however that ends
        except (ImportError, OSError):        # a file system without locks: both compile, and the last one wins
            pass
        if not are_in(place):
            load(place)
    remove_unused(place.parent, place)


def remove_unused(kernels, keep):
    """Remove the folders in `kernels`, except `keep`, that have not been used for a month. Never raises."""
    try:
        places = list(kernels.iterdir())
    except OSError:
        return
    for place in places:
        try:
            if place != keep and time.time() - place.stat().st_mtime > MONTH:
                shutil.rmtree(place, ignore_errors=True)
        except OSError:  # another process was faster
            continue


def load(place):
    """Import kernels.py: load from the folder `place` what was compiled before; compile and keep the rest there."""
    import numba
    if numba.config.DISABLE_JIT:
        raise RuntimeError(DISABLED)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(place)
    try:
        from mistral_edu.fast import kernels
    finally:
        numba.config.CACHE_DIR = before
    (place / MARK).touch()
    return kernels
