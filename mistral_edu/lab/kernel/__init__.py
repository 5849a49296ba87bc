"""What the lab knows about the kernel behind a page: how each cell was sent and ended, and what to say if one fails.

`import mistral_edu.lab` in a notebook begins to listen; outside IPython all of this is silent.
"""
import sys

from mistral_edu.lab.kernel.cells import Cells
from mistral_edu.lab.kernel.explain import explain

_cells = None       # of this process's kernel, once it listens


def listen(shell=None) -> None:
    """Follow the cells of a shell from now on, and explain interrupts and missing names in it. Once is enough.

    shell: IPython's own; None takes the running one, if any. A handler set by others stays.
    """
    global _cells
    if shell is None:
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None or _cells is not None and _cells.shell is shell:
        return
    _cells = cells = Cells(shell)
    if not shell.custom_exceptions:
        def answer(shell, etype, error, tb, tb_offset=None):
            lines = explain(cells, error)
            if lines:
                error._render_traceback_ = lambda: lines
            shell.showtraceback((etype, error, tb), tb_offset=tb_offset)
        shell.set_custom_exc((KeyboardInterrupt, NameError), answer)


def is_there() -> bool:
    """Whether this is a notebook's kernel."""
    return _cells is not None and hasattr(_cells.shell, "kernel")


def cell_was_queued() -> bool:
    """Whether the running cell was sent before the previous one had ended: by Run All, or by somebody in a hurry."""
    return is_there() and _cells.queued


def running_cell():
    """(id, In number) of the running cell: the id stays when it runs again. (None, None) if that is unknown."""
    return (_cells.id, _cells.shell.execution_count) if is_there() else (None, None)


def left_unmade(name: str):
    """(In number, how it ended) of the last cell that should have made this name but did not get that far; or None."""
    return _cells.left_unmade(name) if is_there() else None
