"""The load test of a hub: real servers and kernels, and what is made of the figures."""
import asyncio
import subprocess
import sys

from mistral_edu.classroom import load_test, student
from mistral_edu.commands.main import main

import psutil
import pytest

ROW = {"students": 2, "server": 70.0, "kernel": 180.0, "all": 600.0, "ready": 3.21, "first": 2.0, "again": 1.0,
       "slowest": 1.5, "most": 430.0}


def test_the_first_cells_are_those_above_the_second_section_and_magics_stay():
    cells = student.first_cells()
    assert cells[0].startswith("import mistral_edu") and "load()" in cells[1] and cells[-1].startswith("%%mistral")
    assert len(student.all_cells("00")) > len(cells) == 4


def test_more_students_enter_only_where_they_leave_some_memory(monkeypatch):
    for free, fits in ((1.0e9, False), (1.2e9, True), (None, True)):     # 2 more need 0.5 GB, and 0.6 GB are spared
        monkeypatch.setattr(load_test.processors, "memory", lambda: (12e9, free))
        assert load_test._is_room(2, ROW) == fits


def test_a_row_stands_below_its_header_and_the_advice_counts_what_is_shared_once():
    header, _, line = load_test.markdown(load_test.HEADER, [["2", "70", "180", "600", "3.2", "2.0", "1.0", "1.5"]])
    assert load_test._line(ROW) == line and len(line) == len(header)
    advice = load_test.advice([ROW])
    assert "Each student takes 250 MB, and all of them together 100 MB more." in advice
    assert 'c.Spawner.mem_limit = "768M"' in advice                       # 1.25 * 430 MB = 513 MiB: the next is 768


@pytest.mark.parametrize("words, said", [(["--students", "0"], "--students is at least 1; got 0"),
                                         (["--notebook", "77"], "the course has no notebook 77")])
def test_a_wrong_number_is_named_before_anything_starts(words, said, capsys):
    assert main(["classroom", "load-test", *words]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_two_students_enter_work_and_leave(monkeypatch):
    shown, people = [], []

    class Seen(student.Student):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            people.append(self)

        async def run(self, cells):
            with pytest.raises(ValueError, match="ended with ZeroDivisionError: .*it begins with '1 / 0'"):
                await super().run(["1 / 0"])
            return await super().run(cells)

    monkeypatch.setattr(load_test, "Student", Seen)
    rows = asyncio.run(load_test.load_test(["home = __import__('os').environ['HOME']", "assert home"], 2,
                                           lambda *lines, **options: shown.extend(lines)))
    assert [row["students"] for row in rows] == [1, 2] and len(shown) == 4
    assert all(20 < row["server"] < 500 and 20 < row["kernel"] < 500 for row in rows)
    assert rows[1]["all"] > rows[0]["all"] and rows[0]["most"] > rows[0]["kernel"]
    monkeypatch.setattr(student, "CELL", 1)
    with pytest.raises(OSError, match="did not end within 1 seconds, .*it begins with 'import time'"):
        asyncio.run(load_test.load_test(["import time\ntime.sleep(9)"], 1, lambda *lines, **options: None))
    assert len(people) == 3 and all(person.server.poll() is not None for person in people)
    assert not any(person.folder.exists() for person in people) and len({person.folder for person in people}) == 3


@pytest.mark.slow
def test_one_that_is_killed_takes_its_students_along():
    """They have processes of their own, which would go on for as long as the machine does."""
    test = subprocess.Popen([sys.executable, "-m", "mistral_edu", "classroom", "load-test", "--students", "2"],
                            stdout=subprocess.PIPE, text=True)
    try:
        while (line := test.stdout.readline()) and not line.startswith("|        1"):
            pass
        students = psutil.Process(test.pid).children(recursive=True)
        assert len(students) >= 2                               # a server and a kernel
        test.terminate()
        assert test.wait(60) == 143
        assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in students)
    finally:
        test.kill()
        test.stdout.close()
