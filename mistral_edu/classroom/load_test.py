"""How many students a machine carries at once: what each takes, and how long all of them wait.

More and more students enter, each new group all at the same moment, as when a lesson begins. Then all that are there
work at once.
"""
import asyncio
import sys
import tempfile
from pathlib import Path
from statistics import mean, median

from mistral_edu.bench.tables import markdown
from mistral_edu.classroom.student import MEGABYTE, Student
from mistral_edu.machine import processors

SPARE = 0.05    # of the machine's memory: less than that is left to nobody, since the system needs it
HEADER = ("students", "server, MB", "kernel, MB", "all, MB", "ready, s", "first time, s", "again, s", "slowest, s")
NOTES = """server, kernel: what belongs to one student alone (USS, mean). all: what all of them take, what they share
counted once (PSS). ready: from the start of a server until its kernel answers, with the new students of that row
starting at once. first time: they run the cells. again: all students run them at the same moment; the median and the
slowest. On a hub, a server that shows a page takes more (docs/teaching_hub.md)."""


def steps(students: int) -> list:
    """How many are there at each row.

    >>> steps(30), steps(8), steps(1)
    ([1, 2, 4, 8, 16, 30], [1, 2, 4, 8], [1])
    """
    doubled = [2**n for n in range(students.bit_length()) if 2**n < students]
    return [*doubled, students]


async def load_test(cells, students: int = 30, show=print) -> list:
    """Let students run cells, and show a row for each number of them. Returns the rows, as dictionaries.

    Ends early, and says so on stderr, where the next row would leave too little memory. Raises OSError where Jupyter
    does not start, ValueError where a cell ends in an error.
    """
    show(*markdown(HEADER, []), sep="\n")
    rows, there = [], []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as homes:
        try:
            for n in steps(students):
                if rows and not _is_room(n - len(there), rows[-1]):
                    print(f"{n} students do not fit into this machine's memory, so the test ends here", file=sys.stderr)
                    break
                new = [Student(Path(homes, str(number))) for number in range(len(there), n)]
                there += new
                rows.append(await _row(there, new, cells))
                show(_line(rows[-1]), flush=True)
        finally:
            await asyncio.gather(*(asyncio.to_thread(student.leave) for student in there))
    return rows


async def _row(there, new, cells):
    ready = await asyncio.gather(*(student.enter() for student in new))
    watching = asyncio.create_task(there[0].watch())        # one is enough, and all of them would take time
    first = await asyncio.gather(*(student.run(cells) for student in new))
    memory = [student.memory() for student in there]
    again = await asyncio.gather(*(student.run(cells) for student in there))
    watching.cancel()
    return {"students": len(there), "server": mean(one["server"] for one in memory),
            "kernel": mean(one["kernel"] for one in memory), "all": sum(one["share"] for one in memory),
            "ready": max(ready), "first": max(first), "again": median(again), "slowest": max(again),
            "most": there[0].most}


def _is_room(new, row):
    """Whether more students fit, if each takes what one took so far; yes where the system does not say what is free."""
    total, available = processors.memory()
    return available is None or available - new * (row["server"] + row["kernel"]) * MEGABYTE > SPARE * total


def _line(row):
    numbers = [f"{row[name]:,.0f}" for name in ("students", "server", "kernel", "all")]
    numbers += [f"{row[name]:.1f}" for name in ("ready", "first", "again", "slowest")]
    return markdown(HEADER, [numbers])[-1]


def advice(rows) -> str:
    """What the figures mean for a hub: memory for all, and a limit for each."""
    last = rows[-1]
    each = last["server"] + last["kernel"]
    shared = max(0, last["all"] - last["students"] * each)
    limit = 256 * -(-1.25 * last["most"] * MEGABYTE // (256 * 2**20))
    return (f"Each student takes {each:,.0f} MB, and all of them together {shared:,.0f} MB more. At the peak, one of "
            f"them held\n{last['most']:,.0f} MB, with what is shared. For these cells, with a quarter to spare, in "
            f'jupyterhub_config.py:\nc.Spawner.mem_limit = "{limit:.0f}M"\nOther pages take more: docs/teaching_hub.md '
            "has a limit for all of them.")
