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
from mistral_edu.language import N_, _
from mistral_edu.machine import backend, blas, processors
from mistral_edu.tiny import FOLDER

SLOW = 20       # GFLOPS of a 512 x 512 product: MLX's own BLAS on Linux gives about 5, OpenBLAS 30 to 100 per thread
LITTLE_MEMORY = 2e9  # bytes that should be free
TOOLS = {"jupyterlab": (4, 5), "ipykernel": (6, 8), "ipywidgets": (8, 9), "matplotlib": (3, 4)}  # major: from, below
GUIDE = "docs/troubleshooting.md"  # in the repository; each kind of trouble is a section there
SECTIONS = {"MLX": "slow-generation", "fast products": "slow-generation", "16-bit products": "slow-generation",
            "cache folder": "slow-generation", "memory": "out-of-memory", "notebook tools": "dead-widgets",
            "kernel": "wrong-kernel", "embedded model": "odd-output", "engine": "slow-generation"}
TROUBLES = {"slow-generation": N_("slow generation"), "out-of-memory": N_("out of memory"),
            "dead-widgets": N_("dead widgets"), "wrong-kernel": N_("wrong kernel"), "odd-output": N_("odd output")}
MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}
# of the checks: English in code and JSON, translated in the table
NAMES = (N_("Python"), N_("system"), N_("MLX"), N_("fast products"), N_("16-bit products"), N_("cache folder"),
         N_("memory"), N_("notebook tools"), N_("kernel"), N_("embedded model"), N_("engine"))
INSTALL = N_('pip install -e ".[cpu,lab]" in a clone of the repository, or: make setup')


@dataclass(frozen=True)
class Check:
    name: str
    status: str    # "ok", "warn" or "fail"
    found: str
    fix: str = ""  # what to do; empty if all is well


def check_python():
    found = f"{platform.python_version()}, {sys.executable}"
    if sys.version_info < (3, 10):  # noqa: UP036  this also runs where pip would have refused
        return Check("Python", "fail", found, _("install Python 3.10 or newer"))
    return Check("Python", "ok", found)


def check_system():
    """MLX's packages are made for macOS 14+ on Apple silicon and for Linux with glibc 2.35+."""
    system, processor = platform.system(), platform.machine()
    if system == "Darwin":
        release = platform.mac_ver()[0]
        good = processor == "arm64" and int(release.split(".")[0] or 0) >= 14
        return Check("system", "ok" if good else "fail", f"macOS {release}, {processor}",
                     "" if good else _("MLX needs macOS 14, Apple silicon, and an arm64 Python (not under Rosetta)"))
    if system == "Linux":
        libc, release = platform.libc_ver()
        good = libc == "glibc" and tuple(map(int, release.split(".")[:2])) >= (2, 35)
        found = f"Linux, {libc or _('no glibc')} {release}, {processor}"
        return Check("system", "ok" if good else "fail", found, "" if good else
                     _("MLX needs glibc 2.35 or newer: Ubuntu 22.04, Debian 12, or a container with one"))
    return Check("system", "fail", f"{system}, {processor}", _("on Windows, work inside WSL2 (wsl --install)"))


def check_mlx():
    import mlx.core as mx
    is_cpu = mx.default_device() == mx.Device(mx.cpu)
    device = _("processor") if is_cpu else gpu_in_words(mx.device_info(), os.environ)
    found = _("{version}, computes on the {device}", version=version("mlx"), device=device)
    both = backend.installed()
    if len(both) > 1:
        return Check("MLX", "fail", _("{found}; {packages} are both installed and overwrite each other", found=found,
                                     packages=_(" and ").join(both)),
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
        return _("{gpu}, which may take {size:.1f} GB", gpu=name,
                 size=info["max_recommended_working_set_size"] / 1e9)
    if "free_memory" not in info:
        return name
    words = (N_("{gpu}, {free:.1f} of {total:.1f} GB free; float32 products as they are")
             if environment.get("MLX_ENABLE_TF32") == "0" else
             N_("{gpu}, {free:.1f} of {total:.1f} GB free; float32 products in TF32, unless MLX_ENABLE_TF32=0"))
    return _(words, gpu=name, free=info["free_memory"] / 1e9, total=info["total_memory"] / 1e9)


def check_products():
    """The measured speed of a float32 product on the processor, and which BLAS computes it."""
    speed, status = blas.product_speed(), blas.status()
    found = _("{speed:.0f} GFLOPS in a 512 x 512 product; {blas}", speed=speed, blas=status)
    if not sys.platform.startswith("linux") or (status.library and speed >= SLOW):
        return Check("fast products", "ok", found)
    if status.library:
        return Check("fast products", "warn", found, _("other programs may keep the processors busy; close them"))
    return Check("fast products", "warn", _("{found}: with the reference BLAS, training and float32 products in "
                 "notebooks take at least ten times as long. So do answers, unless the compiled kernels compute them "
                 '(line "engine"); then only long prompts take longer', found=found), status.fix)


def check_half_products():
    """If the processor has instructions for bfloat16, oneDNN makes use of them."""
    if not onednn.has_bf16():
        return Check("16-bit products", "ok", _("computed in float32: this processor has no instructions for bfloat16"))
    status = onednn.status()
    if status.library:
        return Check("16-bit products", "ok",
                     _("oneDNN, with instructions for bfloat16 ({library})", library=status.library))
    return Check("16-bit products", "warn",
                 _("computed in float32, though this processor has instructions for bfloat16: {reason}",
                   reason=status.reason), status.fix)


def check_cache():
    """Kernels and the copy of OpenBLAS are made once and kept in a folder; without one, they are made again."""
    try:
        folder, wanted = blas.cache_folder(), blas.wanted_folder()
    except OSError as error:  # not even a temporary one
        return Check("cache folder", "warn", _("none: {error}", error=error), blas.keep_it())
    if folder == wanted:
        return Check("cache folder", "ok", str(folder))
    until = _("may be gone after a restart") if blas.is_kept(folder) else _("is gone when this process ends")
    found = _("{folder}, since {wanted} is not, and cannot be made, a folder that only you can write to: what is in it "
              "{until}", folder=folder, wanted=wanted, until=until)
    return Check("cache folder", "warn", found, blas.keep_it())


def check_memory():
    total, available = processors.memory()
    if available is None:
        return Check("memory", "ok", _("{size:.1f} GB", size=total / 1e9) if total else _("not known"))
    found = _("{free:.1f} of {total:.1f} GB free; processors: {n}", free=available / 1e9, total=total / 1e9,
              n=processors.processors())
    if available < LITTLE_MEMORY:
        return Check("memory", "warn", found, _("close other programs or shut down other kernels"))
    return Check("memory", "ok", found)


def check_tools():
    """JupyterLab, kernel and widgets: are they installed, in versions that fit?"""
    found, wrong = [], []
    for name, (lowest, below) in TOOLS.items():
        try:
            found.append(f"{name} {version(name)}")
            if not lowest <= int(version(name).split(".")[0]) < below:
                wrong.append(_("{found} (expected {lowest} or newer, below {below})", found=found[-1], lowest=lowest,
                               below=below))
        except PackageNotFoundError:
            wrong.append(_("{name} is missing", name=name))
    if wrong:
        return Check("notebook tools", "fail", ", ".join(wrong), _(INSTALL))
    return Check("notebook tools", "ok", ", ".join(found))


def check_kernel():
    """Does "Python 3" in the notebook's kernel menu mean this very Python?"""
    own_environment = sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ
    here = _("this Python's environment is {folder}", folder=sys.prefix)
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
        from jupyter_core.paths import jupyter_path
    except ImportError:
        return Check("kernel", "fail", _("{name} is missing", name="jupyter_client") + f"; {here}", _(INSTALL))
    try:
        # folders named, since looking for IPython's would make one, and warn where HOME cannot be written
        started = KernelSpecManager(kernel_dirs=jupyter_path("kernels")).get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Check("kernel", "fail", _("no kernel python3; {here}", here=here),
                     "python -m ipykernel install --sys-prefix")
    # a bare "python" means the Python that runs JupyterLab
    if os.path.isabs(started) and Path(started).parent != Path(sys.executable).parent:
        return Check("kernel", "warn", _("notebooks start {program}; {here}", program=started, here=here),
                     _("open notebooks with `make lab` or `mistral-edu lab`, which put this environment first"))
    if not own_environment:
        return Check("kernel", "warn", _("{here}, the system's own", here=here),
                     _("use an environment for this project: make lab"))
    return Check("kernel", "ok", _("python3 starts this Python; {here}", here=here))


def check_answer():
    """[Check, Check]: the embedded model's files and one token of an answer; and the code that computed it."""
    again = _("install the package again: {how}", how=_(INSTALL))
    missing = [name for name in ("config.json", "tokenizer.json", "model.safetensors") if not (FOLDER / name).is_file()]
    if missing:
        found = _("{files} missing in {folder}", files=", ".join(missing), folder=FOLDER)
        return [Check("embedded model", "fail", found, again)]
    from mistral_edu import load, stream_generate
    try:
        model, tokenizer = load()
        piece = next(iter(stream_generate(model, tokenizer, "Hello!", max_tokens=1)))
    except (ValueError, OSError, RuntimeError) as error:
        return [Check("embedded model", "fail", f"{error}", again)]
    answers = Check("embedded model", "ok", _("answers ({text!r} ...)", text=piece.text))
    return [answers, check_engine(model.answered_by)]


def check_engine(path):
    """Which code answers, and why no faster one does. path: the model's answered_by, after an answer."""
    import mlx.core as mx
    if mx.default_device() != mx.Device(mx.cpu):
        return Check("engine", "ok", path)
    if os.environ.get("MISTRAL_EDU_FAST") == "0":
        return Check("engine", "warn", _("{path}: turned off by MISTRAL_EDU_FAST=0", path=path),
                     _("unset MISTRAL_EDU_FAST, then start Python again"))
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
        return _("The notebooks cannot run yet. Fix these first: {names}.", names=", ".join(map(_, failed)))
    return _("Everything the notebooks need is here.")


def guide(section=""):
    """Where docs/troubleshooting.md is: its path in a clone; its name for an installed package, which lacks it."""
    path = Path(__file__).parents[1] / GUIDE
    place = f"#{section}" if section else ""
    return f"{path}{place}" if path.is_file() else _("{file} in the repository", file=f"{GUIDE}{place}")


def as_text(checks):
    """The table: a line per check, and below it, where something is wrong, the fix and where to read more."""
    width = max(len(_(check.name)) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{MARKS[check.status]}  {_(check.name):{width}}  {check.found}")
        if check.fix:
            lines.append(f"{'':{width + 8}}-> {check.fix}")
            if check.name in SECTIONS:
                lines.append(f"{'':{width + 8}}   " + _("more: {place}", place=guide(SECTIONS[check.name])))
    troubles = ", ".join(_(TROUBLES[section]) for section in dict.fromkeys(SECTIONS.values()))
    lines += ["", verdict(checks), _("Help with {troubles}: {place}", troubles=troubles, place=guide())]
    return "\n".join(lines)


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
