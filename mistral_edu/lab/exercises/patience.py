"""A loop without an end is a usual mistake; the reader should hear of it, and not wait for ever."""
import signal
import threading
from contextlib import contextmanager

SECONDS = 60    # far more than any answer takes, even where MLX has to compile first


@contextmanager
def patience(seconds=SECONDS):
    """Ends what runs longer than this with a TimeoutError, raised in the line that is running.

    It rests on a Unix signal, which only a program's main thread gets: elsewhere there is no limit.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def give_up(signum, frame):
        raise TimeoutError(f"it had not ended after {seconds:g} seconds; does a loop go on for ever, or take very many "
                           "steps?")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
