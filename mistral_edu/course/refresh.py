"""Run notebooks and store their outputs so that a second run gives the same bytes.

    python -m mistral_edu.course.refresh 00 08        # two digits, or paths; without any: all there are

A stored output is a test (nbval compares it), so a difference in version control must mean a difference in what the
reader sees. Random ids, run times, versions inside pictures and the state of widgets are left out. Cells tagged
nbval-ignore-output hold what differs from run to run: they keep the stored output as long as nothing that it depends on
changes (`fingerprint`); --measure takes a new one. What is kept elsewhere is written into the page from there: minutes
and points of exercises, and which notebook is not written yet. The file is replaced only when every cell has run.
"""
import argparse
import base64
import hashlib
import os
import re
import struct
import sys
import tempfile
from functools import cache
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient

from mistral_edu import course, language
from mistral_edu.course.alt_texts import drop_alt_texts
from mistral_edu.lab.exercises.bank import exercises_of
from mistral_edu.machine.whole_files import write_text
from mistral_edu.tiny import FOLDER as EMBEDDED

MEASURED = "nbval-ignore-output"
VIEW = "application/vnd.jupyter.widget-view+json"
METADATA = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"}}
KEPT_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"pHYs", b"IDAT", b"IEND")      # of a png; the rest is dates and versions


def refresh(path, measure: bool = False) -> int:
    """Run one notebook and store its outputs; returns the number of code cells. A cell that fails raises."""
    path = Path(path)
    old, new = (nbformat.read(path, as_version=4) for _ in range(2))
    mark_exercises(new, path.name[:2])
    mark_what_is_planned(new)
    new = run(new, path.parent)
    normalise(new)
    for before, after in zip(old.cells, new.cells):
        if is_measured(after):
            _keep_measured(before, after, fingerprint(new, after.id), measure)
    write_text(path, nbformat.writes(new) + "\n")  # a reader or a crash never meets half a notebook
    return sum(cell.cell_type == "code" for cell in new.cells)


class ThisPython(AsyncKernelManager):
    """Starts the kernel in this very environment; a kernel installed under the same name cannot take its place."""

    @property
    def kernel_spec(self):
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=ERROR"]
        return KernelSpec(argv=command, display_name="Python 3 (ipykernel)", language="python")


async def run_beside_others(notebook, folder, timeout: int | None = 300, **hooks):
    """The notebook, executed from a fresh kernel in its own folder, without startup files or history.

    timeout: the seconds that a cell may take; None for any number. hooks: NotebookClient's, such as on_cell_execute.
    """
    with tempfile.TemporaryDirectory() as profile:
        client = NotebookClient(notebook, kernel_manager_class=ThisPython, timeout=timeout, record_timing=False,
                                coalesce_streams=True, resources={"metadata": {"path": str(folder)}}, **hooks)
        env = {**os.environ, "IPYTHONDIR": profile, language.VARIABLE: language.ENGLISH}
        return await client.async_execute(env=env)


run = run_sync(run_beside_others)


def normalise(notebook) -> None:
    """Leave out what differs from run to run. Cell ids stay, since exercises and grades refer to them."""
    notebook.metadata = type(notebook.metadata)(METADATA)
    drop_alt_texts(notebook)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for n, output in enumerate(cell.get("outputs", ())):
            data = output.get("data", {})
            if VIEW in data:
                data[VIEW]["model_id"] = hashlib.md5(f"{cell.id}/{n}".encode()).hexdigest()
            if "image/png" in data:
                data["image/png"] = base64.b64encode(bare_png(base64.b64decode(data["image/png"]))).decode()


def bare_png(png: bytes) -> bytes:
    """The picture without the chunks that hold text, dates and versions."""
    kept, at = [png[:8]], 8
    while at < len(png):
        size = struct.unpack(">I", png[at:at + 4])[0] + 12         # length, name, data, checksum
        if png[at + 4:at + 8] in KEPT_CHUNKS:
            kept.append(png[at:at + size])
        at += size
    return b"".join(kept)


def is_measured(cell) -> bool:
    """Whether a cell's output is kept, since it differs from run to run."""
    return cell.cell_type == "code" and MEASURED in cell.metadata.get("tags", [])


def fingerprint(notebook, cell_id) -> str:
    """A hash of all that a cell's figures depend on: its code, the code above it, and the embedded model."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    upto = next(n for n, cell in enumerate(code) if cell.id == cell_id)
    cells = [hashlib.md5(cell.source.encode()).digest() for cell in code[:upto + 1]]
    return hashlib.md5(b"".join([*cells, *hashes_of_the_embedded_model()])).hexdigest()[:12]


@cache
def hashes_of_the_embedded_model() -> tuple:
    """Of its configuration, its weights and its tokenizer."""
    files = [file for file in sorted(EMBEDDED.glob("*")) if file.suffix in (".json", ".safetensors")]
    return tuple(hashlib.md5(file.read_bytes()).digest() for file in files)


def _keep_measured(before, after, mark, measure):
    """Stored figures stay as long as what they depend on; the mark in the metadata tells."""
    notes = after.metadata.setdefault("mistral_edu", {})
    if not measure and before.outputs and notes.get("measured") == mark:
        after.outputs = before.outputs
    notes["measured"] = mark


def mark_exercises(notebook, number) -> None:
    """Write into the cells of each exercise what they are for, its minutes and its points, for graded courses."""
    for exercise in exercises_of(number):
        answer = rf"def {exercise.reference.__name__}\b(.|\n)*raise NotImplementedError"
        roles = {"answer": (answer, exercise.minutes, exercise.points),
                 "check": (rf'^check\("{exercise.label}"', 0, exercise.points),
                 "hint": (rf'^hint\("{exercise.label}"', 0, 0)}
        for role, (form, minutes, points) in roles.items():
            for cell in notebook.cells:
                if cell.cell_type == "code" and re.search(form, cell.source, flags=re.M):
                    notes = cell.metadata.setdefault("mistral_edu", {})
                    notes.update(exercise=exercise.label, role=role, minutes=minutes, points=points)


def mark_what_is_planned(notebook) -> None:
    """Where a page names the next one, say if that is not written yet."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("**Next:**"):
            cell.source = re.sub(r"notebook (\d\d)( \(not written yet\))?", _with_its_state, cell.source)


def _with_its_state(mention):
    return f"notebook {mention[1]}" + ("" if course.find(mention[1]).ready else " (not written yet)")


def find(name: str, folder="notebooks") -> list:
    """[a path as it is], or the notebook whose name starts with these digits, with its translations.

    Raises FileNotFoundError if there is none.
    """
    if name.endswith(".ipynb"):
        return [Path(name)]
    found = sorted(Path(folder).glob(f"{name}_*.ipynb"))
    if len({path.name.split(".")[0] for path in found}) != 1:
        raise FileNotFoundError(f"{folder}/{name}_*.ipynb matches {len(found)} files; run this where {folder}/ is")
    return found


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mistral_edu.course.refresh", description="Run notebooks in place.")
    parser.add_argument("notebooks", nargs="*", help="numbers such as 00, or paths (default: all there are)")
    parser.add_argument("--measure", action="store_true", help="take new timings, too")
    options = parser.parse_args(arguments)
    try:
        numbers = options.notebooks or [notebook.number for notebook in course.ready()]
        for path in [path for number in numbers for path in find(number)]:
            print(f"{path}: {refresh(path, options.measure)} code cells stored")
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
