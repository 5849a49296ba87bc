"""The machines of notebook 17: recorded results of the package, and those that a reader drops into a folder."""
from dataclasses import dataclass
from pathlib import Path

from mistral_edu.bench.results import best_product, measured_result, number, stored_results
from mistral_edu.bench.work import predict

FOLDER = "machines"         # beside the page
FEW = 0.15


@dataclass(frozen=True)
class Dot:
    """One speed of decode. most: tokens a second that the limits of the same run allow. quoted: published by others."""
    machine: str
    bits: int
    most: float
    came: float
    model: str = ""
    quoted: bool = False


def recorded_machines(folder=FOLDER):
    """{name: result}: the package's recorded results, and the JSON files in a folder beside the page, if it is there.

    Recorded results of a slower engine that was asked for, or of first answers, are left out. So is a file that is no
    measured result, which is named.
    """
    found = {name: result for name, result in stored_results("measured").items()
             if not (result["command"].startswith("MISTRAL_EDU_ENGINE=") or "first_answers" in result)}
    for path in sorted(Path(folder).glob("*.json")):
        try:
            name = path.stem + " (yours)" * (path.stem in found)     # beside the recorded one, not in its place
            found[name] = measured_result(path)
        except (OSError, ValueError) as error:
            print(f"{path.name} is left out: {error}")
    return found


def limits_of(result):
    """(bytes a second, operations a second) that a result's machine read and multiplied at best: its medians."""
    return result["limits"]["read_gb_per_s"]["median"] * 1e9, best_product(result["limits"])[1] * 1e9


def dots_of(name, result):
    """The decode speeds of this package in a result, each beside what was predicted from the bytes of the weights.

    After prompts so long that a step reads keys and values of more than FEW of these bytes, the prediction leaves too
    much out; those are left out, too.
    """
    read, operations = limits_of(result)
    model = result["settings"]["random"] or result["settings"]["model"]
    return [Dot(name, row["bits"], predict(row, read / 1e9, operations / 1e9)["generation_tps"],
                number(row, "generation_tps"), model)
            for row in result["rows"] if row["engine"] == "mistral_edu" and row["batch"] == 1
            and row["bytes_per_step"] < (1 + FEW) * row["weight_bytes_per_step"]]


def rows_of(result, bits):
    """Of a result: the rows of this package with so many bits, at batch 1."""
    return [row for row in result["rows"]
            if row["engine"] == "mistral_edu" and row["bits"] == bits and row["batch"] == 1]
