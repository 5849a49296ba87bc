"""A result with prompts of several lengths, one small table for each figure: engines down, lengths across."""
from mistral_edu.bench.results import number
from mistral_edu.bench.tables import BATCH, has_batches, markdown, short

FIGURES = {"Prompts, tokens a second:": "prompt_tps", "Answers after such a prompt, tokens a second:": "generation_tps",
           "Memory that both took beyond the weights, GB:": "above_gb"}


def as_tables(result):
    """Lines: medians, with a column for the batch only if there is one.

    A figure that no engine has, as memory on a processor, has no table.
    """
    rows, batches = result["rows"], has_batches(result["rows"])
    contexts = sorted({row["context"] for row in rows})
    header = ["bits", *["batch"] * batches, "engine", *map(length, contexts)]
    lines = []
    for title, name in FIGURES.items():
        body = [[bits, *[batch] * batches, engine, *(cell(found.get(context, {}), name) for context in contexts)]
                for (bits, batch, engine), found in by_engine(rows).items()]
        if any(number(row, name) is not None for row in rows):
            lines += [title, "", *markdown(header, body), ""]
    return [*lines, BATCH.strip()] if batches else lines[:-1]


def by_engine(rows):
    """{(bits, batch, engine and its precision): {context: row}}: most bits, then smallest batch first."""
    found = {}
    for row in rows:
        engine = f"{row['engine']} {row.get('precision', '')}".strip()
        found.setdefault((row["bits"], row["batch"], engine), {})[row["context"]] = row
    return dict(sorted(found.items(), key=lambda item: (-item[0][0], item[0][1])))


def cell(row, name):
    """The median of a figure; "" where there is none.

    >>> cell({"prompt_tps": {"median": 12345.6}}, "prompt_tps"), cell({}, "prompt_tps")
    ('12,300', '')
    """
    value = number(row, name)
    return "" if value is None else f"{float(short(value)):,.0f}" if value >= 100 else short(value)


def length(context):
    """How a length of a prompt is called.

    >>> length(128), length(2048), length(32704)
    ('128', '2K', '32K')
    """
    return str(context) if context < 1024 else f"{context / 1024:.0f}K"
