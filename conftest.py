"""Let `pytest --nbval` compare notebooks with what a reader sees in JupyterLab.

nbval 0.11 collects every message of a cell. A front end does more with them: it clears outputs, updates displays that
are already on the page, and hands what is printed inside an Output widget to the widget. Without this file cells that
use any of these could not be compared. Two things besides: cells run with history, so that a trailing `;` silences a
result; and IPYTHONDIR is a folder of its own, so that no history is written and no startup file changes a result.
"""
import atexit
import os
import shutil
import tempfile

import nbval.kernel
import nbval.plugin
from nbformat import from_dict

PICTURE = '<img class="mistral-picture"'      # as in mistral_edu.course.alt_texts; importing it would take MLX along
SHOWN = ("stream", "display_data", "execute_result", "error")

# On NVIDIA, MLX multiplies float32 in TF32 unless this says otherwise: with errors up to 1e-3, where tests allow less.
os.environ.setdefault("MLX_ENABLE_TF32", "0")
os.environ.pop("MISTRAL_EDU_LANG", None)      # outputs and tests are in English; a translated page says so itself
if "IPYTHONDIR" not in os.environ:
    os.environ["IPYTHONDIR"] = tempfile.mkdtemp(prefix="nbval-ipython-")
    atexit.register(shutil.rmtree, os.environ["IPYTHONDIR"], ignore_errors=True)


class FrontEnd:
    """What one notebook's page shows: decides message by message what becomes an output of the current cell."""

    def __init__(self):
        self.displays = {}          # display id -> the data of every place on the page where it is shown
        self.capturing = set()      # Output widgets that are open now
        self.clear_next = False     # clear_output(wait=True) was called: the next output replaces the others

    def new_cell(self):
        self.capturing.clear()
        self.clear_next = False

    def takes(self, message, outputs) -> bool:
        """True where nbval may add the message to the cell's outputs; the rest is done here."""
        kind, content = message["msg_type"], message["content"]
        if kind == "comm_msg":
            self._output_widget(content)
            return True
        if self.capturing and kind in (*SHOWN[:3], "clear_output", "update_display_data"):
            return False
        if kind == "clear_output":
            self.clear_next = bool(content.get("wait"))
            if not self.clear_next:
                outputs.clear()
            return False
        if content.get("data", {}).get("text/html", "").startswith(PICTURE):
            del content["data"]["text/html"]                    # pages store the png beside it, and it is made again
        display_id = content.get("transient", {}).get("display_id")
        if kind == "update_display_data":
            for data in self.displays.get(display_id, ()):
                data.clear()
                data.update(from_dict(content["data"]))
            return False
        if kind in SHOWN and self.clear_next:
            outputs.clear()
            self.clear_next = False
        if kind == "display_data" and display_id:
            content["data"] = from_dict(content["data"])        # nbval keeps this very object: later updates reach it
            self.displays.setdefault(display_id, []).append(content["data"])
        return True

    def _output_widget(self, content):
        """An Output widget says by its msg_id that it starts to capture, and by an empty one that it ends."""
        state = content.get("data", {}).get("state", {})
        if "msg_id" in state:
            (self.capturing.add if state["msg_id"] else self.capturing.discard)(content["comm_id"])


_runtest, _get_message = nbval.plugin.IPyNbCell.runtest, nbval.plugin.IPyNbFile.get_kernel_message


def runtest(cell):
    notebook = cell.parent
    if not hasattr(notebook, "front_end"):
        notebook.front_end = FrontEnd()
    notebook.front_end.new_cell()
    notebook.current_cell = cell
    return _runtest(cell)


def get_kernel_message(notebook, timeout=None, stream="iopub"):
    while True:
        message = _get_message(notebook, timeout=timeout, stream=stream)
        if notebook.front_end.takes(message, notebook.current_cell.test_outputs):
            return message


def execute_cell_input(kernel, cell_input, allow_stdin=None):
    return kernel.kc.execute(cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False)


nbval.plugin.IPyNbCell.runtest = runtest
nbval.plugin.IPyNbFile.get_kernel_message = get_kernel_message
nbval.kernel.RunningKernel.execute_cell_input = execute_cell_input
