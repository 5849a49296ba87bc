"""Where on the page a name is made. The kernel does not know the page; the notebook's file, as last saved, does."""
import json
import os
from pathlib import Path

from mistral_edu.lab.kernel.cells import names_made

UNKNOWN = "no page"         # the kernel was not told which file it belongs to, or there is no such file
NOT_MADE = "nowhere"


def where_made(name: str, cells) -> str:
    """Where the first cell that makes `name` is, seen from the running one.

    Returns "above", "below", "elsewhere" (the running cell is not in the file yet), NOT_MADE or UNKNOWN.
    """
    page = _page(os.environ.get("JPY_SESSION_NAME", ""))
    if page is None:
        return UNKNOWN
    order = [key for key, _ in page]
    for number, (key, code) in enumerate(page):
        if key != cells.id and name in names_made(cells.python(code)):
            if cells.id not in order:
                return "elsewhere"
            return "above" if number < order.index(cells.id) else "below"
    return NOT_MADE


def _page(path):
    """The code cells of a notebook, (id, source) pairs; None if they cannot be read."""
    if not path.endswith(".ipynb"):
        return None
    try:
        notebook = json.loads(Path(path).read_text(encoding="utf-8"))
        return [(cell.get("id"), "".join(cell["source"])) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
