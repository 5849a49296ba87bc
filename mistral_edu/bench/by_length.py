"""A result with prompts of several lengths, one small table for each figure: engines down, lengths across."""
from mistral_edu.bench.results import number
from mistral_edu.bench.tables import markdown, short

FIGURES = {"Prompts, tokens a second:": "prompt_tps", "Answers after such a prompt, tokens a second:": "generation_tps",
           "Memory that both took beyond the weights, GB:": "above_gb"}


def as_tables(result):
    """Lines: medians, at batch 1. A figure that no engine has, as memory on a processor, has no table."""
    rows = [row for row in result["rows"] if row["batch"] == 1]
    contexts = sorted({row["context"] for row in rows})
    lines = []
    for title, name in FIGURES.items():
        body = [[bits, engine, *(cell(found.get(context, {}), name) for context in contexts)]
                for (bits, engine), found in by_engine(rows).items()]
        if any(any(cells[2:]) for cells in body):
            lines += [title, "", *markdown(["bits", "engine", *map(length, contexts)], body), ""]
    return lines[:-1]


def by_engine(rows):
    """{(bits, engine and its precision): {context: row}}, the most bits first, else in the order of the rows."""
    found = {}
    for row in rows:
        engine = f"{row['engine']} {row.get('precision', '')}".strip()
        found.setdefault((row["bits"], engine), {})[row["context"]] = row
    return dict(sorted(found.items(), key=lambda item: -item[0][0]))


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
