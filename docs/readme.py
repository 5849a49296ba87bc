"""Bring README.md and pages of docs/ up to date: pictures, tables of the course, what is printed and measured.

`make readme` calls this. Tests compare what is stored with what the functions here return.
"""
import contextlib
import io
import re
import textwrap
from pathlib import Path

DOCS = Path(__file__).parent
README, BENCHMARKS, TEACHING = DOCS.parent / "README.md", DOCS / "benchmarks.md", DOCS / "teaching.md"
SYMPTOMS = DOCS / "symptoms.md"
MAP, CHART = DOCS / "map.png", DOCS / "speed.png"
RESULT = "epyc_230m"        # what the chart shows, of mistral_edu/bench/results/
GPU_RESULT = "h200_7b_window"   # what the table below it shows

PLANS = {  # of a course: a name, and for each day or week its notebooks
    "One day: from tokens to an answer": ["00 03 05 11"],
    "Five days: the core path": ["00 01 02", "03 04 05", "06 07 08", "09 10", "11 13"],
    "Ten weeks: all twenty": ["00 01", "02 03", "04 05", "06 07", "08 09", "10 11", "12 13", "14 15", "16 17", "18 19"],
}

CELL = re.compile(r"(```python\n(?P<code>.*?)```\n\n```text\n)(?P<output>.*?)(?=```)", re.DOTALL)
READY = re.compile(r"(<!-- ready -->\n)(?P<text>.*?)(?=<!-- end -->)", re.DOTALL)
TABLE = re.compile(r"(<!-- notebooks -->\n)(?P<text>.*?)(?=<!-- end -->)", re.DOTALL)
SPEED = re.compile(r"(<!-- speed -->\n)(?P<text>.*?)(?=<!-- end -->)", re.DOTALL)
GPU = re.compile(r"(<!-- gpu -->\n)(?P<text>.*?)(?=<!-- end -->)", re.DOTALL)
BY_LENGTH = re.compile(r"(<!-- by length: (?P<name>\w+) -->\n)(?P<text>.*?)(?=<!-- end -->)", re.DOTALL)
PLANNED = re.compile(r"(<!-- plans: made by make readme -->\n)(?P<text>.*?)(?=<!-- end -->)", re.DOTALL)
QUOTED = re.compile(r"(<!-- mistral-edu bench (?P<option>--published|--show (?P<name>\w+)) -->\n)"
                    r"(?P<table>.*?)(?=<!-- end -->)", re.DOTALL)


def run_first_cell():
    """What the first cell of the README prints, wrapped to the width of a page."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(CELL.search(README.read_text(encoding="utf-8"))["code"], {})
    return "".join(textwrap.fill(line, 110) + "\n" for line in printed.getvalue().splitlines())


def how_many_are_ready():
    """A sentence for the top of the README; nothing once the course is complete."""
    from mistral_edu.course import COURSE, core_path, ready

    done = [notebook.number for notebook in ready()]
    if len(done) == len(COURSE):
        return f"The core path is {core_path()}; the others are electives.\n"
    planned = [notebook.number for notebook in COURSE if not notebook.ready]
    which = f"notebooks {', '.join(planned)} are" if len(planned) > 1 else f"notebook {planned[0]} is"
    sentences = f"{len(done)} of the {len(COURSE)} notebooks are ready; {which} planned.\n"
    core = [notebook for notebook in COURSE if notebook.core]
    if all(notebook.ready for notebook in core):
        hours = round(sum(notebook.minutes for notebook in core) / 60)
        sentences += f"The core path ({core_path()}) is complete and takes about {hours} hours on a first reading.\n"
    return sentences


def table_of_notebooks():
    """The course as a table."""
    from mistral_edu.course import COURSE

    rows = ["| | notebook | you end with | minutes |", "|---|---|---|---|"]
    for one in COURSE:
        title = f"[{one.title}](notebooks/{one.path.name})" if one.ready else one.title
        rows.append(f"| {one.number} | {title} | {one.ends} | {one.minutes if one.ready else 'planned'} |")
    return "\n".join(rows) + "\n"


def quoted_table(block):
    """What the command of a QUOTED block prints, as docs/benchmarks.md holds it."""
    from mistral_edu.bench.results import measured_result
    from mistral_edu.commands.bench import published, table

    name = block["name"]
    return f"\n{table(measured_result(name)) if name else published()}\n\n"


def tables_by_length(block):
    """What docs/benchmarks.md says of a result with prompts of several lengths: conditions, tables, what is missing."""
    from mistral_edu.bench.by_length import as_tables
    from mistral_edu.bench.results import measured_result
    from mistral_edu.bench.tables import conditions, missing

    result = measured_result(block["name"])
    ours = [row for row in result["rows"] if row["engine"] == "mistral_edu"]
    left_out = [f"- {missing(entry)}" for entry in result.get("left_out", [])]
    lines = ["```text", *conditions(result, ours), "```", "", *as_tables(result), *[""] * bool(left_out), *left_out]
    return "\n" + "\n".join(lines) + "\n\n"


def about_the_gpu(result):
    """The README's table of a GPU: what came after prompts of each length, by precision; and the command."""
    from mistral_edu.bench.by_length import cell, length

    rows = {(row["bits"], row["context"]): row for row in result["rows"]
            if row["engine"] == "mistral_edu" and row["batch"] == 1}
    precisions = sorted({bits for bits, _ in rows}, reverse=True)
    contexts = sorted({context for _, context in rows})
    lengths = ", ".join(map(length, contexts))

    def line(name, figure):
        cells = [" / ".join(cell(rows[bits, context], figure) for context in contexts) for bits in precisions]
        return f"| {name} | {' | '.join(cells)} |"

    table = [f"| {result['machine']['device']}, prompts of {lengths} tokens | "
             f"{' | '.join(f'{bits} bit' for bits in precisions)} |", "|---" * (1 + len(precisions)) + "|",
             line("prompts, tokens a second", "prompt_tps"), line("answers, tokens a second", "generation_tps"),
             line("GB beyond the weights", "above_gb")]
    text = (f"Random weights of `{result['settings']['random']}`, medians of "
            f"{result['settings']['repeats']} rounds, {result['date']} ([v0.3 beside mlx-lm](docs/benchmarks.md)): "
            f"`{result['command']}`")
    paragraph = textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)
    return "\n".join([*table, "", paragraph]) + "\n"


def plans():
    """The plans of docs/teaching.md, as tables with their minutes."""
    from mistral_edu.course import COURSE

    course = {one.number: one for one in COURSE}
    lines = []
    for name, parts in PLANS.items():
        kind = "week" if "weeks" in name else "day"
        lines += [f"### {name}", "", f"| {kind} | notebooks | minutes |", "|---|---|---|"]
        for n, part in enumerate(parts, 1):
            pages = [course[number] for number in part.split()]
            titles = "; ".join(f"{page.number} {page.title}" for page in pages)
            lines.append(f"| {n} | {titles} | {sum(page.minutes for page in pages)} |")
        lines.append("")
    return "\n".join(lines)


def compared(result):
    """Rows of a result by engine, then by bits. float32 of transformers is left to the table: bfloat16 is faster."""
    engines = {}
    for row in result["rows"]:
        if row.get("precision") != "fp32":
            engines.setdefault(row["engine"], {})[row["bits"]] = row
    return engines


def finding(result):
    """The title of the chart: our speeds as multiples of those of llama.cpp, the fastest of the others."""
    engines = compared(result)

    def times(speed):
        found = [engines["mistral_edu"][bits][speed]["median"] / row[speed]["median"]
                 for bits, row in engines["llama.cpp"].items()]
        return f"{min(found):.1f} to {max(found):.1f} times"

    return f"Prompts: {times('prompt_tps')} the speed of llama.cpp; answers: {times('generation_tps')}"


def speed_chart(result):
    """A figure: for each precision the engines' medians, with the lowest and the highest round as a line."""
    from mistral_edu.bench.tables import short
    from mistral_edu.lab.showing.figures import figure
    from mistral_edu.palette import INK, PALETTE

    engines = compared(result)
    precisions = sorted({bits for rows in engines.values() for bits in rows}, reverse=True)
    places, names, at = {}, [], 0.0
    for bits in precisions:
        for engine in (engine for engine in engines if bits in engines[engine]):
            places[engine, bits] = at
            names.append((at, f"{engine}, {bits} bit"))
            at += 1
        at += 0.6                                                       # a gap below each precision
    fig, axes = figure(width=9, height=3.7, columns=2, sharey=True)
    for ax, speed, label in zip(axes, ("prompt_tps", "generation_tps"), ("prompt", "answer")):
        for colour, (engine, rows) in zip(PALETTE, engines.items()):
            for bits, row in rows.items():
                tps, place = row[speed], places[engine, bits]
                ax.barh(place, tps["median"], height=0.8, color=colour)
                ax.plot([tps["min"], tps["max"]], [place, place], color=INK, linewidth=1.2)
                ax.annotate(short(tps["median"]), (tps["max"], place), (4, 0), textcoords="offset points", va="center")
        ax.set_xlabel(f"{label}, tokens a second")
        ax.margins(x=0.12)
    axes[0].set_yticks(*zip(*names))
    axes[0].tick_params(axis="y", length=0)
    axes[1].tick_params(axis="y", length=0)
    axes[0].invert_yaxis()
    fig.suptitle(finding(result), fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    return fig


def about_the_chart(result):
    """What stands below the chart: what was measured, and on what."""
    machine, settings, row = result["machine"], result["settings"], result["rows"][0]
    once = [f"{engine} in {bits} bit" for engine, rows in compared(result).items() for bits, one in rows.items()
            if len(one["prompt_tps"]["samples"]) < settings["repeats"]]
    fewer = f" ({' and '.join(once)}: 1 round)" if once else ""
    text = (f"A prompt of {row['context']} tokens and an answer of {row['generated']}, random weights of the shape "
            f"`{settings['random']}`; medians of {settings['repeats']} rounds{fewer}, with the lowest and the "
            f"highest, on {machine['processors']} cores of a shared {machine['processor']}, {result['date']}. "
            "mlx-lm is meant for GPUs, not for processors. All figures, and the command: "
            f"`mistral-edu bench --show {RESULT}`.")
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) + "\n"


def store_chart(result):
    """Draw the chart; the finding is written into the file too, where a test reads it."""
    speed_chart(result).savefig(CHART, dpi=110, metadata={"Software": None, "Description": finding(result)})


def replace(path, *changes):
    """Rewrite the blocks of a page. changes: (pattern, function of its match -> what follows the pattern's group 1)."""
    text = path.read_text(encoding="utf-8")
    for pattern, new in changes:
        text = pattern.sub(lambda block: block[1] + new(block), text)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    from mistral_edu.bench.results import measured_result
    from mistral_edu.course import symptoms
    from mistral_edu.lab import course_map, language

    language("en")                          # whatever MISTRAL_EDU_LANG says
    output, measured = run_first_cell(), measured_result(RESULT)
    replace(README, (CELL, lambda _: output), (READY, lambda _: how_many_are_ready()),
            (TABLE, lambda _: table_of_notebooks()), (SPEED, lambda _: about_the_chart(measured)),
            (GPU, lambda _: about_the_gpu(measured_result(GPU_RESULT))))
    replace(BENCHMARKS, (QUOTED, quoted_table), (BY_LENGTH, tables_by_length))
    replace(TEACHING, (PLANNED, lambda _: plans()))
    SYMPTOMS.write_text(symptoms.page(), encoding="utf-8")
    MAP.write_bytes(course_map().png())
    store_chart(measured)
    print(output, end="")
    for picture in (MAP, CHART):
        print(f"{picture.name}: {picture.stat().st_size / 1000:.0f} kB")
