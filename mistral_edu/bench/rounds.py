"""Several rounds, then medians. A round takes the machine's limits and every configuration once, in turn.

So a minute in which another program ran falls on all configurations alike, and not on the last one only.
"""
import os
import time
from statistics import median

from mistral_edu.bench.child import SLOWING, in_child
from mistral_edu.bench.work import predict

MEASURED = ("load_seconds", "prompt_tps", "generation_tps", "peak_memory_gb", "mlx_peak_gb")
LIMITS = ("read_gb_per_s", "matrix_gflops")


def benchmark(cases, repeats=3, command="", progress=lambda text: None, run=in_child):
    """Measure every case `repeats` times; returns the dict that schema.json calls measured.

    run(task, case) -> result is what carries out one task; the default starts a process for each.
    """
    if repeats < 1:
        raise ValueError(f"at least one round is needed; got repeats = {repeats}")
    about = run("describe")
    limits, rounds = [], []
    for n in range(1, repeats + 1):
        progress(f"round {n} of {repeats}: what this machine can do")
        limits.append(run("limits"))
        rows = []
        for case in cases:
            progress(f"round {n} of {repeats}: {case.preset or case.model}, {precision(case)}")
            rows += run("measure", case)
        rounds.append(rows)
    machine_limits = {name: spread([limit[name] for limit in limits]) for name in LIMITS}
    rows = [summary(samples, machine_limits) for samples in zip(*rounds)]
    return {
        "schema": 1, "kind": "measured", "date": time.strftime("%Y-%m-%d"), "command": command, **about,
        "limits": {**machine_limits, "matrix_dtype": limits[0]["matrix_dtype"]},
        "settings": {"model": cases[0].model, "random": cases[0].preset, "fast": cases[0].fast, "repeats": repeats,
                     "unset": {name: os.environ[name] for name in SLOWING if name in os.environ}},
        "rows": rows,
    }


def precision(case):
    """The precision of a case in words."""
    return "as stored" if case.bits is None else f"{case.bits} bit"


def summary(samples, limits):
    """One row from the same row of every round: medians and spread of what was measured, and the prediction."""
    row = dict(samples[0])
    for name in MEASURED:
        row[name] = spread([sample[name] for sample in samples])
    best = {name: limits[name]["median"] for name in LIMITS}
    row["predicted"] = predict(row["bytes_per_token"], row["operations_per_prompt"], row["context"], **best)
    return row


def spread(values):
    """{"median", "min", "max", "samples"} of a few numbers.

    >>> spread([3.0, 1.0, 2.0])
    {'median': 2.0, 'min': 1.0, 'max': 3.0, 'samples': [3.0, 1.0, 2.0]}
    """
    return {"median": median(values), "min": min(values), "max": max(values), "samples": list(values)}
