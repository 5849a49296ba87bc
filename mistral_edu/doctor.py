"""Look at this machine: what works, what does not, and what to do about it.

    mistral-edu doctor                  in a terminal; --json for programs
    mistral_edu.doctor.report()         in a notebook

Each check is a function that returns a Check; the last one returns two. A check that fails ("fail") keeps the notebooks
from running; "warn" means that something is slower, or does less, than it could on this machine.
"""
import os
import platform
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mistral_edu.fast import compiled, onednn
from mistral_edu.machine import backend, blas, processors
from mistral_edu.tiny import FOLDER

SLOW = 20       # GFLOPS of a 512 x 512 product: MLX's own BLAS on Linux gives about 5, OpenBLAS 30 to 100 per thread
LITTLE_MEMORY = 2e9  # bytes that should be free
TOOLS = {"jupyterlab": (4, 5), "ipykernel": (6, 8), "ipywidgets": (8, 9), "matplotlib": (3, 4)}  # major: from, below
GUIDE = "docs/troubleshooting.md"  # in the repository; each kind of trouble is a section there
SECTIONS = {"MLX": "slow-generation", "fast products": "slow-generation", "16-bit products": "slow-generation",
            "cache folder": "slow-generation", "memory": "out-of-memory", "notebook tools": "dead-widgets",
            "kernel": "wrong-kernel", "embedded model": "odd-output", "engine": "slow-generation"}
MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}
INSTALL = 'pip install -e ".[cpu,lab]" in a clone of the repository, or: make setup'


@dataclass(frozen=True)
class Check:
    name: str
    status: str    # "ok", "warn" or "fail"
    found: str
    fix: str = ""  # what to do; empty if all is well


def check_python():
    found = f"{platform.python_version()}, {sys.executable}"
    if sys.version_info < (3, 10):  # noqa: UP036  this also runs where pip would have refused
        return Check("Python", "fail", found, "install Python 3.10 or newer")
    return Check("Python", "ok", found)


def check_system():
    """MLX's packages are made for macOS 14+ on Apple silicon and for Linux with glibc 2.35+."""
    system, processor = platform.system(), platform.machine()
    if system == "Darwin":
        release = platform.mac_ver()[0]
        good = processor == "arm64" and int(release.split(".")[0] or 0) >= 14
        return Check("system", "ok" if good else "fail", f"macOS {release}, {processor}",
                     "" if good else "MLX needs macOS 14, Apple silicon, and an arm64 Python (not under Rosetta)")
    if system == "Linux":
        libc, release = platform.libc_ver()
        good = libc == "glibc" and tuple(map(int, release.split(".")[:2])) >= (2, 35)
        return Check("system", "ok" if good else "fail", f"Linux, {libc or 'no glibc'} {release}, {processor}",
                     "" if good else "MLX needs glibc 2.35 or newer: Ubuntu 22.04, Debian 12, or a container with one")
    return Check("system", "fail", f"{system}, {processor}", "on Windows, work inside WSL2 (wsl --install)")


def check_mlx():
    import mlx.core as mx
    is_cpu = mx.default_device() == mx.Device(mx.cpu)
    found = f"{version('mlx')}, computes on the {'processor' if is_cpu else gpu_in_words(mx.device_info(), os.environ)}"
    both = backend.installed()
    if len(both) > 1:
        return Check("MLX", "fail", f"{found}; {' and '.join(both)} are both installed and overwrite each other",
                     backend.REINSTALL.format(found=" ".join(both)))
    return Check("MLX", "ok", found)


def gpu_in_words(info, environment):
    """A GPU's name, its memory, and how it multiplies float32. info: mx.device_info()'s.

    >>> gpu_in_words({"device_name": "Apple M3 Max", "max_recommended_working_set_size": 28 * 10**9}, {})
    'GPU Apple M3 Max, which may take 28.0 GB'
    >>> gpu_in_words({"device_name": "NVIDIA H200", "total_memory": 151e9, "free_memory": 149.5e9}, {})
    'GPU NVIDIA H200, 149.5 of 151.0 GB free; float32 products in TF32, unless MLX_ENABLE_TF32=0'
    """
    name = f"GPU {info.get('device_name', '')}".strip()
    if "max_recommended_working_set_size" in info:
        return f"{name}, which may take {info['max_recommended_working_set_size'] / 1e9:.1f} GB"
    if "free_memory" not in info:
        return name
    products = "as they are" if environment.get("MLX_ENABLE_TF32") == "0" else "in TF32, unless MLX_ENABLE_TF32=0"
    return (f"{name}, {info['free_memory'] / 1e9:.1f} of {info['total_memory'] / 1e9:.1f} GB free; float32 products "
            f"{products}")


def check_products():
    """The measured speed of a float32 product on the processor, and which BLAS computes it."""
    speed, status = blas.product_speed(), blas.status()
    found = f"{speed:.0f} GFLOPS in a 512 x 512 product; {status}"
    if not sys.platform.startswith("linux") or (status.library and speed >= SLOW):
        return Check("fast products", "ok", found)
    if status.library:
        return Check("fast products", "warn", found, "other programs may keep the processors busy; close them")
    return Check("fast products", "warn", f"{found}: with the reference BLAS, training and float32 products in "
                 "notebooks take at least ten times as long. So do answers, unless the compiled kernels compute them "
                 '(line "engine"); then only long prompts take longer', status.fix)


def check_half_products():
    """If the processor has instructions for bfloat16, oneDNN makes use of them."""
    if not onednn.has_bf16():
        return Check("16-bit products", "ok", "computed in float32: this processor has no instructions for bfloat16")
    status = onednn.status()
    if status.library:
        return Check("16-bit products", "ok", f"oneDNN, with instructions for bfloat16 ({status.library})")
    return Check("16-bit products", "warn",
                 f"computed in float32, though this processor has instructions for bfloat16: {status.reason}",
                 status.fix)


def check_cache():
    """Kernels and the copy of OpenBLAS are made once and kept in a folder; without one, they are made again."""
    try:
        folder, wanted = blas.cache_folder(), blas.wanted_folder()
    except OSError as error:  # not even a temporary one
        return Check("cache folder", "warn", f"none: {error}", blas.keep_it())
    if folder == wanted:
        return Check("cache folder", "ok", str(folder))
    until = "may be gone after a restart" if blas.is_kept(folder) else "is gone when this process ends"
    return Check("cache folder", "warn", f"{folder}, since {wanted} is not, and cannot be made, a folder that only you "
                 f"can write to: what is in it {until}", blas.keep_it())


def check_memory():
    total, available = processors.memory()
    if available is None:
        return Check("memory", "ok", f"{total / 1e9:.1f} GB" if total else "not known")
    found = f"{available / 1e9:.1f} of {total / 1e9:.1f} GB free; processors: {processors.processors()}"
    if available < LITTLE_MEMORY:
        return Check("memory", "warn", found, "close other programs or shut down other kernels")
    return Check("memory", "ok", found)


def check_tools():
    """JupyterLab, kernel and widgets: are they installed, in versions that fit?"""
    found, wrong = [], []
    for name, (lowest, below) in TOOLS.items():
        try:
            found.append(f"{name} {version(name)}")
            if not lowest <= int(version(name).split(".")[0]) < below:
                wrong.append(f"{name} {version(name)} (expected {lowest} or newer, below {below})")
        except PackageNotFoundError:
            wrong.append(f"{name} is missing")
    if wrong:
        return Check("notebook tools", "fail", ", ".join(wrong), INSTALL)
    return Check("notebook tools", "ok", ", ".join(found))


def check_kernel():
    """Does "Python 3" in the notebook's kernel menu mean this very Python?"""
    own_environment = sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ
    here = f"this Python's environment is {sys.prefix}"
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
        from jupyter_core.paths import jupyter_path
    except ImportError:
        return Check("kernel", "fail", f"jupyter_client is missing; {here}", INSTALL)
    try:
        # folders named, since looking for IPython's would make one, and warn where HOME cannot be written
        started = KernelSpecManager(kernel_dirs=jupyter_path("kernels")).get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Check("kernel", "fail", f"no kernel python3; {here}", "python -m ipykernel install --sys-prefix")
    # a bare "python" means the Python that runs JupyterLab
    if os.path.isabs(started) and Path(started).parent != Path(sys.executable).parent:
        return Check("kernel", "warn", f"notebooks start {started}; {here}",
                     "open notebooks with `make lab` or `mistral-edu lab`, which put this environment first")
    if not own_environment:
        return Check("kernel", "warn", f"{here}, the system's own", "use an environment for this project: make lab")
    return Check("kernel", "ok", f"python3 starts this Python; {here}")


def check_answer():
    """[Check, Check]: the embedded model's files and one token of an answer; and the code that computed it."""
    missing = [name for name in ("config.json", "tokenizer.json", "model.safetensors") if not (FOLDER / name).is_file()]
    if missing:
        found = f"{', '.join(missing)} missing in {FOLDER}"
        return [Check("embedded model", "fail", found, "install the package again: " + INSTALL)]
    from mistral_edu import load, stream_generate
    try:
        model, tokenizer = load()
        piece = next(iter(stream_generate(model, tokenizer, "Hello!", max_tokens=1)))
    except (ValueError, OSError, RuntimeError) as error:
        return [Check("embedded model", "fail", f"{error}", "install the package again: " + INSTALL)]
    return [Check("embedded model", "ok", f"answers ({piece.text!r} ...)"), check_engine(model.answered_by)]


def check_engine(path):
    """Which code answers, and why no faster one does. path: the model's answered_by, after an answer."""
    import mlx.core as mx
    if mx.default_device() != mx.Device(mx.cpu):
        return Check("engine", "ok", path)
    if os.environ.get("MISTRAL_EDU_FAST") == "0":
        return Check("engine", "warn", f"{path}: turned off by MISTRAL_EDU_FAST=0",
                     "unset MISTRAL_EDU_FAST, then start Python again")
    fix = compiled.fix()
    return Check("engine", "warn" if fix else "ok", path, fix)


CHECKS = (check_python, check_system, check_mlx, check_products, check_half_products, check_cache, check_memory,
          check_tools, check_kernel, check_answer)


def examine():
    """All checks, as a list of Check."""
    checks = []
    for check in CHECKS:
        found = check()
        checks += found if isinstance(found, list) else [found]
    return checks


def verdict(checks):
    """One sentence that is the same on every machine where the notebooks can run."""
    failed = [check.name for check in checks if check.status == "fail"]
    if failed:
        return f"The notebooks cannot run yet. Fix these first: {', '.join(failed)}."
    return "Everything the notebooks need is here."


def guide(section=""):
    """Where docs/troubleshooting.md is: its path in a clone; its name for an installed package, which lacks it."""
    path = Path(__file__).parents[1] / GUIDE
    place = f"#{section}" if section else ""
    return f"{path}{place}" if path.is_file() else f"{GUIDE}{place} in the repository"


def as_text(checks):
    """The table: a line per check, and below it, where something is wrong, the fix and where to read more."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{MARKS[check.status]}  {check.name:{width}}  {check.found}")
        if check.fix:
            lines.append(f"{'':{width + 8}}-> {check.fix}")
            if check.name in SECTIONS:
                lines.append(f"{'':{width + 8}}   more: {guide(SECTIONS[check.name])}")
    troubles = ", ".join(section.replace("-", " ") for section in dict.fromkeys(SECTIONS.values()))
    return "\n".join(lines + ["", verdict(checks), f"Help with {troubles}: {guide()}"])


def as_json(checks):
    """A dict for json.dumps: {"ok": bool, "checks": [{"name", "status", "found", "fix"}, ...]}."""
    return {"ok": all(check.status != "fail" for check in checks), "checks": [asdict(check) for check in checks]}


def report(details=True):
    """For a notebook. Without details, only the verdict, the same everywhere: a stored output can be compared with it.

    >>> report(details=False)
    Everything the notebooks need is here.
    """
    checks = examine()
    if not details and all(check.status != "fail" for check in checks):
        print(verdict(checks))
    else:
        print(as_text(checks))
