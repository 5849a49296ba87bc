"""The release version of an assignment, as `nbgrader generate_assignment` makes it, without nbgrader.

Solutions become the page's `raise` line, hidden tests are cut out, cells that are graded cannot be deleted, and each of
them carries a checksum, by which nbgrader sees later whether it was changed. So a release that is made here and one
that nbgrader makes are the same file (tests/test_classroom.py compares them).
"""
import copy
import hashlib
import re

from mistral_edu.classroom.assignment import STUB

SOLUTION = re.compile(r"^([ \t]*)### BEGIN SOLUTION\n.*?### END SOLUTION *$", flags=re.M | re.S)
HIDDEN = re.compile(r"\n?^### BEGIN HIDDEN TESTS\n.*?### END HIDDEN TESTS *$", flags=re.M | re.S)


def release_of(source: dict) -> dict:
    """What students get of a source notebook, which stays as it is."""
    notebook = copy.deepcopy(source)
    for cell in notebook["cells"]:
        if "nbgrader" in cell["metadata"]:
            _release(cell, cell["metadata"]["nbgrader"])
    return notebook


def _release(cell, marks):
    cell["source"] = HIDDEN.sub("", SOLUTION.sub(rf"\1{STUB}", cell["source"]))
    cell["metadata"]["deletable"] = False
    if marks["locked"]:
        cell["metadata"]["editable"] = False
    marks["cell_type"] = cell["cell_type"]
    marks["checksum"] = checksum(cell)


def checksum(cell: dict) -> str:
    """nbgrader's fingerprint of a cell: of its text, its kind, its rights, its name and its points."""
    marks = cell["metadata"]["nbgrader"]
    parts = [cell["source"], cell["cell_type"], marks["grade"], marks["solution"], marks["locked"], marks["grade_id"]]
    if marks["grade"]:
        parts.append(float(marks["points"]))
    return hashlib.md5("".join(map(str, parts)).encode()).hexdigest()
