"""Other engines for the same models, to be measured beside ours. Each lives in an environment of its own.

    mistral-edu bench --set-up mlx-lm,transformers,llama.cpp     makes the environments, once

So their versions and ours do not conflict, and none of theirs is loaded while ours is measured. An environment is a
folder <place>/<name>, made by Python's venv; place is in the user's cache, or what --peers says. with_<name>.py here is
what runs inside it, called by runner.py; it is plain Python for that environment, not for ours. Where nothing can be
installed, as on a machine without a network, place HERE takes the packages that this Python finds, in processes of
their own, too.

On a GPU, peers compute there as well, or are left out.
"""
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mistral_edu.bench import on_gpu
from mistral_edu.bench.ask import ask
from mistral_edu.machine import backend
from mistral_edu.machine.blas import cache_folder

HERE = "here"  # a place: no environments, but this Python
RUNNER = Path(__file__).with_name("runner.py")


@dataclass(frozen=True)
class Peer:
    module: str       # of this folder
    packages: tuple   # what pip installs
    precisions: dict  # our bits -> its own names of what is measured beside them
    reads: str        # "hf": float weights, as Hugging Face writes them; "mlx": quantized ones, too; "gguf": its own
    note: str = ""    # what setting it up takes
    batches: bool = False  # whether its module answers several sequences side by side; otherwise at batch 1 only
    on_gpu: dict | None = None  # the precisions there, if they are others


PEERS = {
    "mlx-lm": Peer("with_mlx_lm", ("mlx-lm>=0.32,<0.40", "mlx[cpu]>=0.32,<0.40"),
                   {16: ("bf16",), 8: ("8-bit",), 4: ("4-bit",)}, "mlx", batches=True),
    "transformers": Peer("with_transformers", ("transformers>=5.4,<6", "torch>=2.8,<3"), {16: ("bf16", "fp32")}, "hf",
                         on_gpu={16: ("bf16",)}),
    "llama.cpp": Peer("with_llama_cpp", ("llama-cpp-python>=0.3.36,<0.4", "--no-binary", "llama-cpp-python",
                                         "gguf>=0.17,<1"),
                      {16: ("f16",), 8: ("q8_0",), 4: ("q4_0",)}, "gguf",
                      "it is compiled for this processor, which takes minutes, a C++ compiler and cmake", on_gpu={}),
}


def names(text):
    """The peers in a text such as "mlx-lm,llama.cpp". Raises ValueError for an unknown one, and if there is none.

    >>> names("mlx-lm, llama.cpp")
    ['mlx-lm', 'llama.cpp']
    """
    found = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not found:
        raise ValueError(f"{text!r} names no peer to compare with; the peers are {', '.join(PEERS)}")
    if unknown := [name for name in found if name not in PEERS]:
        raise ValueError(f"there is no peer {unknown[0]!r} to compare with; the peers are {', '.join(PEERS)}")
    return found


def precisions(name):
    """{our bits: a peer's own names of what is measured beside them}, on the device that computes; {} if it cannot."""
    peer = PEERS[name]
    return peer.on_gpu if on_gpu.is_used() and peer.on_gpu is not None else peer.precisions


def default_place():
    """The folder of environments in the user's cache."""
    return cache_folder() / "peers"


def python_of(name, place):
    """The path of Python in a peer's environment, whether or not it exists."""
    if place == HERE:
        return Path(sys.executable)
    return Path(place, name, "bin", "python")


def run(name, place, task, **settings):
    """The result of a task of runner.py in the environment of a peer. Raises ValueError as ask.ask does.

    In an environment of its own it ignores variables by which Python finds packages elsewhere (-E), and the user's own
    packages (-s).
    """
    order = {"task": task, "peer": PEERS[name].module, **settings}
    alone = [] if place == HERE else ["-s", "-E"]
    return ask([str(python_of(name, place)), *alone, str(RUNNER)], order, name, stderr=subprocess.PIPE)


def set_up(name, place, progress=lambda text: None):
    """Make the environment of a peer. An existing one stays; one that could not be finished is removed.

    Raises ValueError with what pip said last, or OSError if no folder can be made.
    """
    if place == HERE:
        raise ValueError(f"--peers {HERE} takes what this Python has, so there is nothing to set up; leave out one of "
                         f"the two, or name a folder, such as ./{HERE}")
    folder, peer = Path(place, name), PEERS[name]
    if folder.exists():
        progress(f"{name} is set up in {folder}; to set it up again, remove that folder first")
        return
    progress(f"setting up {name} in {folder}" + (f"; {peer.note}" if peer.note else ""))
    unfinished = folder.with_name(f".{name}.unfinished")  # one name: the next attempt removes what is left
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir(parents=True)
    except OSError as error:
        raise OSError(f"{name} cannot be set up in {place} ({error.strerror}); name a folder of yours: --peers "
                      "FOLDER") from None
    try:
        for command in ([sys.executable, "-m", "venv", str(unfinished)],
                        [str(unfinished / "bin" / "python"), "-m", "pip", "install", "--quiet",
                         "--disable-pip-version-check", *packages(peer)]):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode:
                said = "\n".join(done.stdout.strip().splitlines()[-15:])
                raise ValueError(f"{name} could not be set up: {' '.join(command)} ended with code {done.returncode}. "
                                 f"What it said last:\n{said}")
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def packages(peer):
    """What pip installs for a peer: MLX with the backend that computes here.

    >>> packages(PEERS["transformers"])
    ['transformers>=5.4,<6', 'torch>=2.8,<3']
    """
    cuda = next((name.removeprefix("mlx-").replace("-", "") for name in backend.installed() if "cuda" in name), None)
    return [package.replace("mlx[cpu]", f"mlx[{cuda}]") if cuda else package for package in peer.packages]
