"""Results of experiments that a notebook describes but does not run: one JSON file each, with versions and date.

They are in the room of their notebook: `lab/n08_window/recorded/mlx_lm_window.json`.
"""
import json
from pathlib import Path


def recorded(name: str) -> dict:
    """The record with this name. Raises ValueError, which names the ones there are.

    >>> recorded("mlx_lm_window")["versions"]["mlx-lm"]
    '0.32.2'
    """
    files = {path.stem: path for path in sorted(Path(__file__).parent.glob("n*/recorded/*.json"))}
    if name not in files:
        raise ValueError(f"nothing is recorded under {name!r}; the records are {', '.join(files)}")
    return json.loads(files[name].read_text(encoding="utf-8"))
