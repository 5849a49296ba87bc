"""Runs answers in a process of its own: a line of JSON for each comes in, a line with what the checker found goes out.

    python -m mistral_edu.classroom.worker       # runner.py starts it, and ends it when it takes too long

What the answer itself prints goes nowhere, and it can read nothing: the first line out says that it is ready.
"""
import ast
import json
import linecache
import os
import sys

from mistral_edu.lab.exercises.check import check
from mistral_edu.lab.showing.error_line import describe
from mistral_edu.language import _

CELL = "<cell {}>"


def answer(job: dict) -> dict:
    """{"passed", "message"}. job: label, name of the function, pieces [(text of a cell, numbers of its statements)]."""
    names = {"__name__": "__main__"}
    try:
        for source, numbers in job["pieces"]:
            _run(source, numbers, names)
        if job["name"] not in names:
            return {"passed": False, "message": _("your cell does not make {name} when it is run", name=job["name"])}
        verdict = check(job["label"], names[job["name"]])
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        return {"passed": False, "message": _why(error)}
    return {"passed": verdict.passed, "message": verdict.message}


def _run(source, numbers, names):
    """Execute some statements of a cell under the cell's own line numbers, so that errors can name the line."""
    file = CELL.format(hash(source))
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
    body = ast.parse(source).body
    exec(compile(ast.Module([body[n] for n in numbers], []), file, "exec"), names)


def _why(error):
    if isinstance(error, SystemExit):
        return _("your code calls exit, quit or sys.exit, which ends Python; a function ends with return")
    return _("your code stops with {error}", error=describe(error))


def main() -> None:
    jobs, results = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    sys.stdin = open(os.devnull)
    print(json.dumps("ready"), file=results, flush=True)
    for line in jobs:
        print(json.dumps(answer(json.loads(line))), file=results, flush=True)


if __name__ == "__main__":
    main()
