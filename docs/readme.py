"""Bring the README up to date: draw its picture, store what its first cell prints, quote the tables of benchmarks.

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
QUOTED = re.compile(r"(<!-- mistral-edu bench (?P<option>--published|--show (?P<name>\w+)) -->\n)"
                    r"(?P<table>.*?)(?=<!-- end -->)", re.DOTALL)


def run_first_cell():
    """What the first cell of the README prints, wrapped to the width of a page."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(CELL.search(README.read_text(encoding="utf-8"))["code"], {})
    return "".join(textwrap.fill(line, 110) + "\n" for line in printed.getvalue().splitlines())


def quoted_table(block):
    """What the command of a QUOTED block prints, as the README holds it."""
    from mistral_edu.bench.command import published, shown

    return f"\n{shown(block['name']) if block['name'] else published()}\n\n"


if __name__ == "__main__":
    from mistral_edu.lab import course_map

    output = run_first_cell()
    text = README.read_text(encoding="utf-8")
    text = CELL.sub(lambda cell: cell[1] + output, text, count=1)
    text = QUOTED.sub(lambda block: block[1] + quoted_table(block), text)
    README.write_text(text, encoding="utf-8")
    MAP.write_bytes(course_map().png())
    print(output, end="")
    print(f"{MAP.name}: {MAP.stat().st_size / 1000:.0f} kB")
