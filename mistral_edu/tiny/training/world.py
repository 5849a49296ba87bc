"""The world that a run learns from: the village (None), or a file of one's own, of which the run keeps a copy."""
import shutil
from pathlib import Path

from mistral_edu.machine.whole_files import write
from mistral_edu.tiny.world import MAKERS
from mistral_edu.tiny.world.own import own_world


def find_world(out, given, begun):
    """The file of the world that the run in `out` learns from: `given`, tried out, or the one kept there; or None.

    Raises ValueError for a run that was begun with another world.
    """
    kept = out / "world.py"
    if begun and given and not (kept.exists() and kept.read_bytes() == Path(given).read_bytes()):
        other = kept if kept.exists() else "the village"
        raise ValueError(f"the run in {out} was begun with another world, {other}; give a new folder with --out")
    world = str(kept) if kept.exists() and (begun or not given) else given
    if world and not begun:
        own_world(world).try_out()
    return world


def check_tasks(world, tasks):
    """Raise ValueError for tasks that the world does not have."""
    names = own_world(world).makers if world else MAKERS
    unknown = set(tasks or ()) - set(names)
    if unknown:
        raise ValueError(f"no such task: {', '.join(sorted(unknown))}; the world has {', '.join(sorted(names))}")


def keep_world(world, out):
    """Copy the file into the run's folder, for a resumed run and for each worker. Returns where the run finds it."""
    kept = out / "world.py"
    if world and world != str(kept):
        write(kept, lambda p: shutil.copyfile(world, p))
    return str(kept) if world else None
