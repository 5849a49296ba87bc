"""An endless loop is a common mistake; the reader should hear of it, not wait for ever or drown in output."""
import io
import signal
import sys
import threading
from contextlib import contextmanager, redirect_stdout

from mistral_edu.language import _

SECONDS = 60    # far more than any answer takes, even if MLX has to compile first
FEW = 600       # characters that a reader's function may print in one check


@contextmanager
def time_limit(seconds=SECONDS):
    """Ends what runs longer than this with a TimeoutError, raised in the line that is running.

    It relies on a Unix signal, which only a program's main thread gets: elsewhere there is no limit.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def give_up(signum, frame):
        raise TimeoutError(_("it had not ended after {seconds} seconds; does a loop go on for ever, or take very many "
                             "steps?", seconds=f"{seconds:g}"))

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def few_words():
    """A context in which only the first FEW printed characters are shown, and then a note that there are more."""
    return redirect_stdout(_FewWords(sys.stdout))


class _FewWords(io.TextIOBase):
    def __init__(self, out):
        self.out, self.left = out, FEW

    def write(self, text):
        if self.left is not None:
            self.out.write(text[:self.left])
            self.left -= len(text)
            if self.left < 0:
                self.out.write("\n" + _("... (your function prints more; it is not shown)") + "\n")
                self.left = None
        return len(text)

    def flush(self):
        self.out.flush()
