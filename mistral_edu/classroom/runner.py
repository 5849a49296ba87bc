"""Has a worker run answers, each within a time limit. One that loops, crashes or ends Python ends its worker alone."""
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress

from mistral_edu.language import VARIABLE, _, current

START = 300         # seconds for a worker to be ready: where the package is new, Python compiles it first


class Runner:
    """Used as a context: `with Runner(limit=60) as run: run(job)`. limit: seconds an answer may take.

    Its worker speaks the language in which it is started.
    """

    def __init__(self, limit: float = 60):
        self.limit, self.worker, self.folder = limit, None, None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._end()

    def __call__(self, job: dict) -> dict:
        """What worker.answer(job) gives, or {"passed": False, "message"} where it gave nothing.

        Raises OSError where no worker can be started.
        """
        if self.worker is None or self.worker.poll() is not None:
            self._end()
            self._start()
        with suppress(BrokenPipeError):                  # it has ended just now: there will be no line
            self.worker.stdin.write((json.dumps(job) + "\n").encode())
        line = self._line(self.limit)
        if line is None:
            self._end()
            message = _("it had not ended after {seconds} seconds; does a loop go on for ever, or take very many "
                        "steps?", seconds=f"{self.limit:g}")
        elif line.endswith(b"\n"):
            return json.loads(line)
        else:
            status = self._end(wait=5)
            how = signal.strsignal(-status) if status < 0 else _("exit status {number}", number=status)
            message = _("your code ends Python itself ({how})", how=how)
        return {"passed": False, "message": message}

    def _start(self):
        self.folder = tempfile.TemporaryDirectory()      # where files go that an answer writes
        self.worker = subprocess.Popen([sys.executable, "-m", "mistral_edu.classroom.worker"], cwd=self.folder.name,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                                       start_new_session=True, env={**os.environ, VARIABLE: current()})
        if self._line(START) != b'"ready"\n':
            self._end()
            raise OSError(f"the process that runs answers did not start: {sys.executable} -m "
                          "mistral_edu.classroom.worker; run this command to see why")

    def _line(self, seconds):
        """The next line of the worker; without its end where the worker has ended; None after so many seconds."""
        line, end = b"", time.monotonic() + seconds
        while not line.endswith(b"\n"):
            if not select.select([self.worker.stdout], [], [], max(0, end - time.monotonic()))[0]:
                return None
            part = self.worker.stdout.read(65536)
            if not part:
                return line
            line += part
        return line

    def _end(self, wait=0):
        """End the worker, with whatever it has started; returns its exit status. wait: seconds to end by itself."""
        if self.worker is None:
            return None
        worker, self.worker = self.worker, None
        with suppress(subprocess.TimeoutExpired):
            worker.wait(wait)
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        with worker:                     # closes its pipes, and waits
            pass
        self.folder.cleanup()
        return worker.returncode
