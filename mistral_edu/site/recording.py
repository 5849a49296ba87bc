"""Run a notebook and record its sliders, once for all later builds: until something changes on which they depend.

These are the notebook's code, the files of this package that its kernel had loaded, the data that come with them, and
the versions of the libraries that compute and draw. All are noted beside the recording.
"""
import asyncio
import hashlib
import json
import platform
import re
import shutil
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path

import nbformat
from jupyter_core.utils import run_sync
from nbformat.v4 import new_code_cell

from mistral_edu import course
from mistral_edu.course.refresh import is_measured, run_beside_others
from mistral_edu.machine.processors import processors
from mistral_edu.machine.whole_files import part_of, write_text
from mistral_edu.site.progress import Progress

PACKAGE = course.PACKAGE.parent
BEGIN = "import mistral_edu.site.recorder"
RECORD = "\n_explorer = mistral_edu.site.recorder.record(_explorer, {folder!r}, {cell!r})"
CALL = re.compile(r"^explore\((?=(?:.|\n(?= ))*\Z)", flags=re.M)               # with which a cell ends
END = """import json, sys
from pathlib import Path
from mistral_edu import language
_loaded_ = [m.__file__ for n, m in list(sys.modules.items()) if n.split(".")[0] == "mistral_edu" and m.__file__]
_spoken_ = map(str, language.FOLDER.glob(language.current() + ".po"))
Path({file!r}).write_text(json.dumps(sorted([*_loaded_, *_spoken_])))"""
NOTES, LOADED = ".depends_on.json", ".loaded.json"
MOST_AT_ONCE = 4                                         # notebooks; the kernel of one takes up to 1.6 GB


def has_slider(cell) -> bool:
    """Whether the last line of a cell of code is a call of explore.

    >>> has_slider(new_code_cell("explore(f, n=(1, 3))")), has_slider(new_code_cell("explore"))
    (True, False)
    """
    return cell.cell_type == "code" and CALL.search(cell.source.rstrip()) is not None


def fresh(path: Path, recordings: Path) -> Path | None:
    """The folder with a notebook's recording (see make), if there is one and all on which it depends is as it was."""
    notes = recordings / path.stem / NOTES
    if notes.is_file():
        noted = json.loads(notes.read_text(encoding="utf-8"))
        if noted == depends_on(path, noted["files"]):
            return notes.parent
    return None


def make_all(paths: list, recordings: Path, tell=lambda line: None) -> None:
    """Record notebooks, as many at a time as there are processors. tell: called with a line at each slider.

    First come those with a slider that measures time, one by one, so that nothing else is measured with it.
    """
    sliders = {path: list(filter(has_slider, nbformat.read(path, as_version=4).cells)) for path in paths}
    progress = Progress({path.stem: len(cells) for path, cells in sliders.items()}, tell)
    alone = [path for path in paths if any(map(is_measured, sliders[path]))]

    async def record(some, at_once):
        free = asyncio.Semaphore(at_once)

        async def one(path):
            async with free:
                progress.begins(path.stem)
                await make_beside_others(path, recordings, partial(progress.recorded, path.stem))
        await asyncio.gather(*map(one, some))

    async def record_both():
        await record(alone, 1)
        await record([path for path in paths if path not in alone], min(processors(), MOST_AT_ONCE))
    run_sync(record_both)()


async def make_beside_others(path: Path, recordings: Path, told=lambda slider: None) -> Path:
    """Record a notebook's sliders; returns the folder, in which recorder.record has written.

    It takes about as long as running the notebook up to its last slider, and then as drawing all pictures. told: called
    with 1 once the first slider is recorded, and so on. A cell that fails raises.
    """
    for file in PACKAGE.rglob("*.py"):
        digest_of(file)                                  # now, in case one is changed while the notebook runs
    folder = recordings / path.stem
    part = part_of(folder)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    while cells and not has_slider(cells[-1]):           # what comes after the last slider is not recorded
        cells.pop()
    sliders = [cell.id for cell in cells if has_slider(cell)]
    for cell in filter(has_slider, cells):
        cell.source = CALL.sub("_explorer = explore(", cell.source) + RECORD.format(folder=str(part), cell=cell.id)
    notebook.cells = [new_code_cell(BEGIN), *cells, new_code_cell(END.format(file=str(part / LOADED)))]

    def executed(cell, **_about_it):
        if cell.id in sliders:
            told(sliders.index(cell.id) + 1)
    await run_beside_others(notebook, path.parent, timeout=None, on_cell_executed=executed)    # a cell draws hundreds
    loaded = [str(Path(name).relative_to(PACKAGE)) for name in json.loads((part / LOADED).read_text())
              if Path(name) != Path(__file__).with_name("__init__.py")]
    write_text(part / NOTES, json.dumps(depends_on(path, loaded), indent=1))
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return folder


make = run_sync(make_beside_others)


def depends_on(path: Path, loaded) -> dict:
    """What a recording depends on, as hashes and versions. loaded: files of the package, by their paths in it."""
    code = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    return {"code": digest("\n\n".join(code).encode()), "files": {name: digest_of(PACKAGE / name) for name in loaded},
            "data": {str(file.relative_to(course.HOME)): digest_of(file) for file in data_files()},
            "versions": {"python": platform.python_version(),
                         **{name: version(name) for name in ("mlx", "numpy", "matplotlib", "pillow")}}}


def data_files() -> list:
    """What the package and the notebooks read besides code: the embedded model, and what was measured elsewhere."""
    return sorted(file for room in (PACKAGE, course.NOTEBOOKS / "data") for file in room.rglob("*")
                  if file.suffix in (".json", ".jsonl", ".safetensors"))


@cache
def digest_of(file: Path) -> str:
    return digest(file.read_bytes()) if file.is_file() else ""


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
