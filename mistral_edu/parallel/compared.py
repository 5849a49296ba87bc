"""`mistral-edu launch -n 1,2 bench`: groups of several sizes, in turn and round after round, and what comes of them.

So a minute in which another program ran falls on all of them alike. Each group starts afresh, as a user's would.
"""
import json
import sys
import time

from mistral_edu.bench.provenance import describe_machine, describe_software
from mistral_edu.bench.results import spread
from mistral_edu.bench.tables import rounds, subject
from mistral_edu.parallel.watch import Group

SAME = ("ranks", "bits", "batch", "context", "weights_mb", "bytes_counted", "bytes_by_formula")  # in every round
MEASURED = ("prompt_ms", "prompt_without_sums_ms", "prompt_sums_ms", "token_ms", "token_without_sums_ms",
            "token_sums_ms", "token_built_ms")
HEAD = ("ranks", "bits", "batch", "context", "prompt ms", "no sums", "sums", "token ms", "no sums", "sums", "built",
        "bytes sent", "by formula", "MB", "apart")
NOTES = """\
Milliseconds, medians of the rounds: of a whole prompt, and of a token of all sequences together. no sums: the same
products, by ranks that do not wait for each other. sums: those of one call alone, one after the other. built: how long
Python takes to describe one step. bytes sent: by one rank for a token, as the system counts them; - where nobody
counts. MB: weights of one rank. apart: how far log probabilities after the prompt are from those of the first size."""


def benchmark(place, sizes, words, module, args, command, limit, progress):
    """The dict that bench/schema.json calls "ranks".

    place(n): a Placement of n ranks; sizes: these n; words, module: what every rank is to do, where rank 0 prints a
    line of JSON for each row. Raises GroupFailed.
    """
    rows = {}
    for n in range(1, args.repeats + 1):
        for size in sizes:
            placement = place(size)
            n_ranks = len(placement.hosts)
            progress(f"round {n} of {args.repeats}: {n_ranks} rank{'s' * (n_ranks != 1)}")
            for row in said(Group(placement, ["module", module, *words], limit=limit)):
                rows.setdefault(tuple(row[name] for name in ("bits", "batch", "context", "ranks")), []).append(row)
    return {"schema": 1, "kind": "ranks", "date": time.strftime("%Y-%m-%d"), "command": command,
            "machine": describe_machine(), "software": describe_software(),
            "settings": {"model": None if args.random else args.model or "tiny", "random": args.random,
                         "backend": placement.backend, "max_tokens": args.max_tokens, "repeats": args.repeats},
            "rows": [summary(rows[key], rows) for key in sorted(rows, key=order)]}


def order(key):
    """16 bit first, then short prompts, then few ranks."""
    bits, batch, context, ranks = key
    return -bits, batch, context, ranks


def said(group):
    """The rows that rank 0 of a group prints. What it says on stderr goes there."""
    text = ""
    with group:
        for event in group.events():
            if event and event[0] == 0 and event[1] == "out":
                text += event[2]
            elif event and event[0] == 0:
                print(event[2], end="", file=sys.stderr, flush=True)
    return [json.loads(line) for line in text.splitlines()]


def summary(samples, rows):
    """One row of the rounds: what was measured with its spread, and how far it is from the smallest group's answer."""
    first = samples[0]
    key = first["bits"], first["batch"], first["context"]
    smallest = min((others[0] for (*same, _), others in rows.items() if tuple(same) == key),
                   key=lambda row: row["ranks"])
    apart = max(abs(a - b) for sample in samples for a, b in zip(sample["logprobs"], smallest["logprobs"]))
    return {**{name: first[name] for name in SAME}, "logprobs_apart": apart,
            **{name: None if first[name] is None else spread([sample[name] for sample in samples])
               for name in MEASURED}}


def table(result):
    """A result as text: the conditions, a line for each row, and what the columns are."""
    settings, machine, packages = result["settings"], result["machine"], result["software"]["packages"]
    lines = [f"{subject(settings)}, {result['date']}, {rounds(settings['repeats'])}, answers of "
             f"{settings['max_tokens']} tokens, ranks joined by {settings['backend']}", result["command"],
             f"{machine['processor']}, processors: {machine['processors']}, computing on {machine['device']}; "
             f"mlx {packages['mlx']}", ""]
    cells = [HEAD, *(cells_of(row) for row in result["rows"])]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines += ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths)) for row in cells]
    return "\n".join([*lines, "", NOTES])


def cells_of(row):
    counted = row["bytes_counted"]
    return (*(str(row[name]) for name in ("ranks", "bits", "batch", "context")),
            *(f"{row[name]['median']:.3g}" if row[name] else "-" for name in MEASURED),
            "-" if counted is None else f"{counted:,}", f"{row['bytes_by_formula']:,}",
            f"{row['weights_mb']:.1f}", f"{row['logprobs_apart']:.2g}")
