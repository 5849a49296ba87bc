"""A student on a hub, as the machine sees one: a Jupyter server and a kernel, in a home of their own."""
import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import psutil
from jupyter_client.asynchronous import AsyncKernelClient

from mistral_edu.classroom.tasks import cells_of

READY = 300         # seconds in which a server, and then its kernel, has to answer, where thirty begin at once
CELL = 600          # seconds for a cell
MEGABYTE = 1e6


class Student:
    """Starts with `enter`, works with `run`, and takes memory until `leave`. folder: the home.

    options: more words for JupyterLab.
    """

    def __init__(self, folder: Path, options=()):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.most = folder, 0.0
        # what Jupyter and this package keep is in the home, wherever it is otherwise
        others = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "XDG_", "IPY"))}
        self.environment = {**others, "HOME": str(folder), "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
                            "JUPYTER_PATH": str(Path(sys.prefix, "share", "jupyter"))}
        self.command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1",
                        "--ServerApp.port=0", f"--ServerApp.root_dir={folder}", "--allow-root", *options]

    async def enter(self) -> float:
        """Start the server and its kernel. Returns the seconds until it answers, and raises OSError if it does not."""
        began = time.perf_counter()
        with open(self.folder / "server.log", "w") as log:
            self.server = subprocess.Popen(self.command, env=self.environment, cwd=self.folder, stdout=log, stderr=log)
        kernel = await self._new_kernel(began + READY)
        self.client = AsyncKernelClient(connection_file=str(self.folder / "runtime" / f"kernel-{kernel}.json"))
        self.client.load_connection_file()
        self.client.start_channels(hb=False)       # on a busy machine a heart may be late
        try:
            await self.client.wait_for_ready(timeout=READY)
        except RuntimeError as error:
            raise OSError(f"the kernel of {self.folder} does not answer: {error}") from error
        return time.perf_counter() - began

    async def _new_kernel(self, until):
        """Ask the server for a kernel as soon as it listens: it says where shortly before. Returns the kernel's id."""
        while time.perf_counter() < until and self.server.poll() is None:
            for file in (self.folder / "runtime").glob("jpserver-*.json"):
                with suppress(ValueError, ConnectionError, urllib.error.URLError):
                    return await asyncio.to_thread(_ask_for_kernel, json.loads(file.read_text()))
            await asyncio.sleep(0.05)
        said = (self.folder / "server.log").read_text(errors="replace").strip().splitlines()
        raise OSError(f"a Jupyter server did not start within {READY} seconds; it said: {' '.join(said[-1:])}")

    async def run(self, cells) -> float:
        """Run cells one after the other. Returns the seconds.

        Raises ValueError at the first that ends in an error, OSError at one that does not end.
        """
        began = time.perf_counter()
        for code in cells:
            try:
                reply = await self.client.execute_interactive(code, timeout=CELL, output_hook=lambda message: None)
            except TimeoutError:
                raise OSError(f"a cell did not end within {CELL} seconds, as when memory runs out and the machine "
                              f"stands still or ends a kernel; it begins with {code.splitlines()[0]!r}") from None
            if reply["content"]["status"] != "ok":
                error = reply["content"]
                raise ValueError(f"a cell ended with {error.get('ename')}: {error.get('evalue')}; it begins with "
                                 f"{code.splitlines()[0]!r}")
        return time.perf_counter() - began

    async def watch(self):
        """Keep the most that server, kernel and what they start hold in memory at once, in `most`, until cancelled.

        In MB (RSS), what they share with others included, as a hub's limit counts it.
        """
        while True:
            held = 0
            for process in self._processes():
                with suppress(psutil.NoSuchProcess):
                    held += process.memory_info().rss / MEGABYTE
            self.most = max(self.most, held)
            await asyncio.sleep(0.5)

    def _processes(self):
        server = psutil.Process(self.server.pid)
        return [server, *server.children(recursive=True)]

    def memory(self) -> dict:
        """MB held now: `server` and `kernel` with what belongs to each alone; `share`, of both with their part of what
        several processes hold together, and of what the kernel has started. Only Linux tells the last."""
        seen = {}
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                seen[process.pid] = process.memory_full_info()
        own = {pid: info.uss / MEGABYTE for pid, info in seen.items()}
        share = sum(getattr(info, "pss", info.uss) for info in seen.values()) / MEGABYTE
        server = own[self.server.pid]
        return {"server": server, "kernel": sum(own.values()) - server, "share": share}

    def leave(self) -> None:
        """End the server, and with it the kernel. Safe to call at any time."""
        if hasattr(self, "client"):
            self.client.stop_channels()
        if hasattr(self, "server") and self.server.poll() is None:
            self.server.terminate()
            try:
                self.server.wait(15)
            except subprocess.TimeoutExpired:
                for process in psutil.Process(self.server.pid).children(recursive=True):
                    process.kill()
                self.server.kill()


def _ask_for_kernel(server):
    """Let a server start a kernel. server: what it says of itself, with url and token. Returns the kernel's id."""
    request = urllib.request.Request(f"{server['url']}api/kernels", data=b'{"name": "python3"}', method="POST",
                                     headers={"Authorization": f"token {server['token']}"})
    with urllib.request.urlopen(request, timeout=READY) as answer:
        return json.load(answer)["id"]


def first_cells() -> list:
    """The code of notebook 00 up to its second section: the imports, load, a story, and some answers."""
    codes = []
    for cell in cells_of("00"):
        source = "".join(cell["source"])
        if source.startswith("## 0.2"):
            break
        if cell["cell_type"] == "code":
            codes.append(source)
    return codes


def all_cells(number: str) -> list:
    """The code of a page, by its two digits."""
    return ["".join(cell["source"]) for cell in cells_of(number) if cell["cell_type"] == "code"]
