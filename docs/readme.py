"""Bring the README up to date: its picture, the table of notebooks, what its first cell prints, tables of benchmarks.

`make readme` calls this.
"""
import contextlib
import io
import re
import textwrap
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
MAP = Path(__file__).with_name("map.png")
CELL = re.compile(r"(```python\n(?P<code>.*?)```\n\n```text\n)(?P<output>.*?)(?=```)", re.DOTALL)
READY = re.compile(r"(<!-- ready -->\n)(?P<text>.*?)(?=<!-- end -->)", re.DOTALL)
TABLE = re.compile(r"(<!-- notebooks -->\n)(?P<text>.*?)(?=<!-- end -->)", re.DOTALL)
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
    from mistral_edu.course import COURSE, ready

    done = [notebook.number for notebook in ready()]
    if len(done) == len(COURSE):
        return ""
    sentences = f"{len(done)} of the {len(COURSE)} notebooks are ready: {', '.join(done)}. "
    sentences += "The others are planned.\n" if len(COURSE) - len(done) > 1 else "The last one is planned.\n"
    core = [notebook for notebook in COURSE if notebook.core]
    if all(notebook.ready for notebook in core):
        hours = round(sum(notebook.minutes for notebook in core) / 60)
        sentences += f"The core path, 00 to 11 and 13, is complete: about {hours} hours for a fresh reader.\n"
    return sentences


def table_of_notebooks():
    """The course as a table."""
    from mistral_edu.course import COURSE

    rows = ["| | notebook | you end with | minutes | |", "|---|---|---|---|---|"]
    for one in COURSE:
        title = f"[{one.title}](notebooks/{one.path.name})" if one.ready else one.title
        minutes = one.minutes if one.ready else ""
        rows.append(f"| {one.number} | {title} | {one.ends} | {minutes} | {'ready' if one.ready else 'planned'} |")
    return "\n".join(rows) + "\n"


def quoted_table(block):
    """What the command of a QUOTED block prints, as the README holds it."""
    from mistral_edu.commands.bench import published, shown

    return f"\n{shown(block['name']) if block['name'] else published()}\n\n"


if __name__ == "__main__":
    from mistral_edu.lab import course_map

    output = run_first_cell()
    text = README.read_text(encoding="utf-8")
    text = CELL.sub(lambda cell: cell[1] + output, text, count=1)
    text = READY.sub(lambda block: block[1] + how_many_are_ready(), text)
    text = TABLE.sub(lambda block: block[1] + table_of_notebooks(), text)
    text = QUOTED.sub(lambda block: block[1] + quoted_table(block), text)
    README.write_text(text, encoding="utf-8")
    MAP.write_bytes(course_map().png())
    print(output, end="")
    print(f"{MAP.name}: {MAP.stat().st_size / 1000:.0f} kB")
