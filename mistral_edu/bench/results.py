"""Results that are kept: results/*.json, each either measured (with machine, date, command) or quoted (with source)."""
import json
from pathlib import Path

FOLDER = Path(__file__).with_name("results")
SCHEMA = Path(__file__).with_name("schema.json")


def stored_results(kind=None):
    """All kept results by file name, or those of a kind: "measured" or "quoted".

    >>> stored_results("quoted")["published_m3_max"]["machine"]["processor"]
    'Apple M3 Max'
    """
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
    return {name: result for name, result in found.items() if kind in (None, result["kind"])}


def number(row, name):
    """The number that a row gives for a measurement, whichever kind it is of; None where it gives none.

    >>> number({"prompt_tps": {"median": 12.5, "min": 11, "max": 13}}, "prompt_tps")
    12.5
    >>> number({"prompt_tps": 180}, "prompt_tps")
    180
    """
    value = row.get(name)
    return value["median"] if isinstance(value, dict) else value
