"""Results that are kept: results/*.json, each either measured (with machine, date, command) or quoted (with source)."""
import json
import os
import re
import shlex
from datetime import date
from pathlib import Path
from statistics import median

from mistral_edu.bench.row import Figure
from mistral_edu.machine.whole_files import part_of, write_text

FOLDER = Path(__file__).with_name("results")
SCHEMA = Path(__file__).with_name("schema.json")


def stored_results(kind=None):
    """All kept results by file name, or those of a kind: "measured" or "quoted".

    >>> stored_results("quoted")["published_m3_max"]["machine"]["processor"]
    'Apple M3 Max'
    """
    found = {path.stem: read(path) for path in sorted(FOLDER.glob("*.json"))}
    return {name: result for name, result in found.items() if kind in (None, result["kind"])}


def read(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def measured_result(name, kinds=("measured",)):
    """The result that is kept under this name, or in the file of this path, and is of one of these kinds.

    kinds: "measured", by one process, and "ranks", by several. Raises FileNotFoundError, or ValueError.
    """
    path = {kept.stem: kept for kept in FOLDER.glob("*.json")}.get(name, Path(name).expanduser())
    if not path.is_file():
        kept = ", ".join(name for kind in kinds for name in stored_results(kind)) or "none"
        found = f"{path} is a folder" if path.is_dir() else f"there is no file {path}"
        raise FileNotFoundError(f"{found}; give the path of a saved result, or the name of one that is kept: {kept}")
    try:
        result = read(path)
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON ({error}); measure again") from None
    if not isinstance(result, dict) or result.get("kind") not in kinds:
        raise ValueError(f"{path} is not a measured result; mistral-edu bench --published shows those of others")
    check(result)
    return result


def save(result, path):
    """Write a result, completely or not at all. Returns the path."""
    path = Path(path).expanduser()
    write_text(path, json.dumps(result, indent=1) + "\n")
    return path


def check_place(path):
    """Raise OSError if save() would fail, or replace something: better to say so before the measurement than after."""
    path = Path(path).expanduser()
    if os.path.lexists(path):
        raise FileExistsError(f"--save {path}: it exists already; remove it or choose another name")
    try:
        part_of(path).touch()  # only an attempt shows whether some places can be written
        part_of(path).unlink()
    except OSError as error:
        raise OSError(f"--save {path}: no file can be written there ({error.strerror}); choose a file in a folder of "
                      "yours: --save ./result.json") from None


def check(result):
    """Raise ValueError unless a result, measured or of ranks, is what schema.json describes, and agrees with itself.

    Nothing is checked if jsonschema is not installed; it comes with JupyterLab.
    """
    try:
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import best_match
    except ImportError:
        return
    schema = {**read(SCHEMA)["$defs"][result["kind"]], "$defs": read(SCHEMA)["$defs"]}
    error = best_match(Draft202012Validator(schema).iter_errors(result))
    if error is not None:
        raise ValueError(f"the result does not fit {SCHEMA.name}, at {error.json_path}: {error.message}")
    if slip := next(slips(result), None):
        raise ValueError(f"the result does not agree with itself: {slip}")


def fit_to_send(result):
    """The same result. Raises ValueError if a text in it names a place on this machine, or its user.

    >>> fit_to_send({"settings": {"model": "tiny"}})
    {'settings': {'model': 'tiny'}}
    """
    names = {Path.home().name, os.environ.get("USER", ""), os.environ.get("USERNAME", "")} - {"root"}
    own = [re.escape(text) for text in names if len(text) > 2]
    private = re.compile("|".join([r"(?<![\w.])~?/\w", r"\b[A-Za-z]:\\", *(rf"\b{text}\b" for text in own)]))
    for name, text in texts(result):
        if private.search(text):
            raise ValueError(f"{name} is {text!r}, which names a place on this machine or its user; measure again with "
                             "a relative path or a name on the hub, or put another word there")
    return result


def texts(part, name="result"):
    """Yield (name, text) of all texts in a part of a result, keys included."""
    if isinstance(part, str):
        yield name, part
    elif isinstance(part, (dict, list)):
        for key, inner in part.items() if isinstance(part, dict) else ((name, inner) for inner in part):
            yield from texts(inner, key)


def slips(result):
    """Yield, in words, what is wrong in a result even though it fits the schema."""
    settings, words = result["settings"], shlex.split(result["command"])
    try:
        date.fromisoformat(result["date"])
    except ValueError:
        yield f"{result['date']} is not a date"
    if (settings["model"] is None) == (settings["random"] is None):
        yield f"it is of either a model or random weights, not of {settings['model']} and {settings['random']}"
    for name, figure in figures(result):
        if figure != spread(figure["samples"]):
            yield f"median, min and max of {name} are not those of its samples, {figure['samples']}"
    ours = [row for row in result["rows"] if row.get("engine", "mistral_edu") == "mistral_edu"]
    for name, figure in figures([result.get("limits"), ours]):
        if len(figure["samples"]) != settings["repeats"]:
            yield f"{name} has {len(figure['samples'])} samples of {settings['repeats']} rounds"
    if "--compare" in words:
        seen = {entry["engine"] for entry in result["rows"] + result.get("left_out", [])}
        if "left_out" not in result or not seen.issuperset(words[words.index("--compare") + 1].split(",")):
            yield "--compare names an engine that has neither rows nor an entry in left_out"
    places = {place(row) for row in ours}
    for row in result["rows"]:
        if row not in ours and place(row) not in places:
            yield f"{row['engine']} {row['precision']} has no row of ours beside it"


def place(row):
    """What rows of different engines are compared by."""
    return row["bits"], row["batch"], row["context"]


def figures(part, name="result"):
    """Yield (name, figure) of all figures in a part of a result."""
    if isinstance(part, dict) and "samples" in part:
        yield name, part
    elif isinstance(part, (dict, list)):
        for name, inner in part.items() if isinstance(part, dict) else ((name, inner) for inner in part):
            yield from figures(inner, name)


def spread(values) -> Figure:
    """The figure that several rounds give: {"median", "min", "max", "samples"}.

    >>> spread([3.0, 1.0, 2.0])
    {'median': 2.0, 'min': 1.0, 'max': 3.0, 'samples': [3.0, 1.0, 2.0]}
    """
    return {"median": median(values), "min": min(values), "max": max(values), "samples": list(values)}


def best_product(limits):
    """(dtype, GFLOPS) of the fastest product that a run measured: its median.

    >>> best_product({"matrix_gflops": {"float32": {"median": 100}, "bfloat16": {"median": 400}}})
    ('bfloat16', 400)
    """
    medians = {dtype: figure["median"] for dtype, figure in limits["matrix_gflops"].items()}
    return max(medians.items(), key=lambda item: item[1])


def number(row, name):
    """The number that a row gives for a measurement, of whichever kind; None if it gives none.

    >>> number({"prompt_tps": {"median": 12.5, "min": 11, "max": 13}}, "prompt_tps")
    12.5
    >>> number({"prompt_tps": 180}, "prompt_tps")
    180
    """
    value = row.get(name)
    return value["median"] if isinstance(value, dict) else value
