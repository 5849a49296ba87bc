"""Several rounds, then medians. A round takes the machine's limits and every configuration once, in turn.

So a minute in which another program ran affects all configurations alike, not just one. Other engines, if there are any
to compare with, run in the same rounds, beside ours in the same precision.
"""
import os
import time
from typing import Any

from mistral_edu.bench.ask import SLOWING, in_fresh_process
from mistral_edu.bench.first_answer import on_a_new_machine
from mistral_edu.bench.results import best_product, spread
from mistral_edu.bench.row import OurRow, OurSample, PeerRow, PeerSample
from mistral_edu.bench.work import predict, shares

MEASURED = ("load_seconds", "prompt_tps", "generation_tps", "peak_memory_gb", "mlx_peak_gb", "beyond_gb",
            "libraries_gb", "above_gb", "taken_gb")


def benchmark(cases, repeats=3, command="", progress=lambda text: None, run=in_fresh_process, comparison=None,
              on_round=lambda done, total: None, limit=None, keep=lambda result: None, first=False):
    """Measure every case `repeats` times; returns the dict that schema.json calls measured.

    run(task, case) -> result carries out one task; the default starts a process for each. comparison: from compare.py,
    made from the same cases. progress(text) hears of every measurement before it begins. limit: seconds, of
    rounds_within(). first: time first answers before the rounds, as first_answer.py says. keep(result) is given what is
    finished, after each case of the first round and after each round.
    """
    about = run("describe")
    if first:
        about["first_answers"] = []
        for case in cases:
            progress(f"the first answer, {precision(case)}, on a machine where nothing is compiled yet")
            about["first_answers"].append(on_a_new_machine(case, run))
    limits, rounds = [], []
    on_round(0, repeats)
    for n in rounds_within(limit, repeats, progress):
        def say(text):
            progress(f"round {n} of {repeats}: {text}")
        say("what this machine can do")
        limits.append(run("limits"))
        rows = []
        for case in comparison.cases if comparison else cases:
            def ours():
                say(f"{case.preset or case.model}, {precision(case)}")
                return run("measure", case)
            rows += comparison.rows(case, n, ours, say) if comparison else ours()
            if n == 1:
                keep(as_result(cases, command, about, limits, [rows], comparison))
        rounds.append(rows)
        result = as_result(cases, command, about, limits, rounds, comparison)
        keep(result)
        on_round(n, repeats)
    return result


def rounds_within(limit, repeats, progress=lambda text: None):
    """Yield 1 .. repeats, as long as another round, if it takes as long as the longest so far, ends within `limit` s.

    None: no limit. The first round takes as long as it takes.
    """
    began = start = time.monotonic()
    longest = 0.0
    for n in range(1, repeats + 1):
        if n > 1 and limit is not None and start - began + longest > limit:
            progress(f"no further round: the longest took {longest:.0f} s, which the limit leaves no time for")
            return
        yield n
        now = time.monotonic()
        longest, start = max(longest, now - start), now


def as_result(cases, command, about, limits, rounds, comparison):
    """The finished rounds as schema.json has them. about, limits: what run() gave for these tasks."""
    limits = {"read_gb_per_s": spread([limit["read_gb_per_s"] for limit in limits]),
              "matrix_gflops": {dtype: spread([limit["matrix_gflops"][dtype] for limit in limits])
                                for dtype in limits[0]["matrix_gflops"]}}
    result = {
        "schema": 1, "kind": "measured", "date": time.strftime("%Y-%m-%d"), "command": command, **about,
        "limits": limits,
        "settings": {"model": cases[0].model, "random": cases[0].preset, "fast": cases[0].fast, "repeats": len(rounds),
                     "unset": {name: os.environ[name] for name in SLOWING if name in os.environ}},
        "rows": summaries(rounds, limits, comparison),
    }
    if comparison:
        result["software"] = {**result["software"], "peers": comparison.versions}
        result["left_out"] = comparison.left_out
    return result


def precision(case):
    """The precision of a case in words."""
    return "as stored" if case.bits is None else f"{case.bits} bit"


def summaries(rounds: list[list[OurSample | PeerSample]], limits, comparison) -> list[OurRow | PeerRow]:
    """One row for each that the rounds have in common, in the order of the first round.

    A peer that failed in any round, or was found to compute something else, has none.
    """
    samples: dict[tuple, list] = {}
    for row in (row for rows in rounds for row in rows):
        key = row["engine"], row["bits"], row.get("precision"), row["batch"], row["context"]
        samples.setdefault(key, []).append(row)
    return [summary(rows, limits) for (engine, _, precision, *size), rows in samples.items()
            if engine == "mistral_edu" or not comparison.is_left_out(engine, precision, *size)]


def summary(samples, limits) -> OurRow | PeerRow:
    """One row from the same row of every round: medians and spread of what was measured, and the machine's share.

    Raises ValueError if ours was answered by different code in different rounds: these have no common median.
    """
    paths = list(dict.fromkeys(sample.get("path") for sample in samples))
    if len(paths) > 1:
        raise ValueError(f"one round was answered by {paths[0]!r}, another by {paths[1]!r}, so they have no common "
                         "median; what changed on this machine meanwhile? Measure again")
    # Figures are put in by name, where mypy cannot follow; tests compare what comes out with the type.
    row: Any = {name: value for name, value in samples[0].items() if name != "logprobs"}
    for name in MEASURED:
        if row.get(name) is not None:
            row[name] = spread([sample[name] for sample in samples])
    row["generated"] = min(sample["generated"] for sample in samples)
    if row["engine"] == "mistral_edu":
        best = {"read_gb_per_s": limits["read_gb_per_s"]["median"], "matrix_gflops": best_product(limits)[1]}
        row["predicted"] = predict(row, **best)
        row["shares"] = shares(row, row["prompt_tps"]["median"], row["generation_tps"]["median"], **best)
    return row
