"""Results of experiments that a notebook describes and does not run: one JSON file each, with versions and date.

They lie in the room of their notebook: `lab/n08_window/recorded/mlx_lm_window.json`.
"""
import json
from pathlib import Path


def recorded(name: str) -> dict:
    """The record with this name. Raises ValueError, which names those there are.

    >>> recorded("mlx_lm_window")["versions"]["mlx-lm"]
    '0.32.2'
    """
    files = {path.stem: path for path in sorted(Path(__file__).parent.glob("n*/recorded/*.json"))}
    if name not in files:
        raise ValueError(f"nothing is recorded under {name!r}; there is {', '.join(files)}")
    return json.loads(files[name].read_text(encoding="utf-8"))
