"""Results of experiments that a notebook describes and does not run: one JSON file each, with versions and date."""
import json
from pathlib import Path


def recorded(name: str) -> dict:
    """The record with this name. Raises ValueError, which names those there are.

    >>> recorded("mlx_lm_window")["versions"]["mlx-lm"]
    '0.32.2'
    """
    folder = Path(__file__).parent
    path = folder / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.json")))
        raise ValueError(f"nothing is recorded under {name!r}; there is {known}")
    return json.loads(path.read_text(encoding="utf-8"))
