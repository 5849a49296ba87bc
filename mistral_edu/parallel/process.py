"""One rank as a process: started as mlx.launch starts it, here or by ssh, listened to, and ended.

What it says arrives as events in a queue that all ranks share: (rank, kind, text), where kind is "out" or "err" for
what it printed, and "note" for what its own watcher reports (report.py), a line of JSON after the character MARK.
"""
import codecs
import json
import os
import re
import subprocess
import sys
import threading

from mlx._distributed_utils.launch import RemoteProcess

from mistral_edu.parallel.hosts import HERE

START = ("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "  # before the imports, which take a while
         "from mistral_edu.parallel import rank; rank.main()")
# Environment variables, the same for all ranks:
SEED, BACKEND, SIZE = "MISTRAL_EDU_SHARED_SEED", "MISTRAL_EDU_BACKEND", "MISTRAL_EDU_RANKS"
CALL, RESULT = "call.pickle", "result-{}.pickle"  # files in the group's folder: what to call, what a rank returned
MARK = "\x1e"      # ASCII's record separator: no program prints it by accident
PATIENCE = 3       # seconds between asking a process to end and forcing it to
LAST_WORDS = 2000  # how many characters of a rank's stderr are kept


class Rank:
    """A process, what it reported last, and the end of what it said. `code` is None while it runs."""

    def __init__(self, number, placement, command, events, hostfile=None):
        """command: words; hostfile: path of the file with the ring's addresses, for ranks on this machine."""
        host = placement.hosts[number]
        self.number, self.events = number, events
        self.is_here = host.ssh_hostname == HERE
        self.note, self.last_words, self._pid_file = {}, "", ""
        variables, files = dict(placement.environments[number]), {}
        if placement.hostfile and self.is_here:
            variables["MLX_HOSTFILE"] = str(hostfile)
        elif placement.hostfile:
            files["MLX_HOSTFILE"] = placement.hostfile
        pairs = [f"{name}={value}" for name, value in variables.items()]
        self.remote = RemoteProcess(number, host.ssh_hostname, None, None, files, pairs, [sys.executable, *command])
        self.process = self.remote.process
        self._threads = [threading.Thread(target=self._hear, args=(stream, kind), daemon=True)
                         for stream, kind in ((self.process.stdout, "out"), (self.process.stderr, "err"))]
        for thread in self._threads:
            thread.start()

    @property
    def code(self):
        return self.process.poll()

    def write(self, data: bytes):
        """Send this to the rank's stdin; b"" closes it. A rank that has gone is not told."""
        try:
            if data:
                self.process.stdin.write(data)
                self.process.stdin.flush()
            else:
                self.process.stdin.close()
        except (OSError, ValueError):
            pass

    def end(self):
        """Ask the process to end; wait() makes sure."""
        if self.code is None and self.is_here:
            self.process.terminate()
        elif self.code is None:
            threading.Thread(target=self._end_remote, daemon=True).start()

    def wait(self):
        """Wait until the process has ended and everything it said is in the queue; kill it after PATIENCE seconds."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            thread.join(PATIENCE)
        self.write(b"")
        if self.is_here and self._pid_file:  # mlx.launch's script made it, and leaves it behind
            with_suppressed(os.unlink, self._pid_file)

    def _end_remote(self):
        with_suppressed(self.remote.terminate)

    def _hear(self, stream, kind):
        """Pass on what arrives, until the end. Multi-byte characters may arrive in pieces, and so may notes."""
        decode, note = codecs.getincrementaldecoder("utf-8")("replace").decode, None
        while data := os.read(stream.fileno(), 65536):
            text = decode(data)
            if kind == "out" and not self._pid_file:  # the first line is for mlx.launch
                self._pid_file, _, text = text.partition("\n")
                self.remote._pidfile = self._pid_file
            said = ""
            for piece in re.findall(r"[^\n]*\n|[^\n]+", text):
                if note is None and MARK in piece:
                    before, _, note = piece.partition(MARK)
                    said += before
                elif note is not None:
                    note += piece
                else:
                    said += piece
                if note is not None and note.endswith("\n"):
                    self._take(json.loads(note))
                    note = None
            if said:
                if kind == "err":
                    self.last_words = (self.last_words + said)[-LAST_WORDS:]
                self.events.put((self.number, kind, said))
        stream.close()
        self.events.put((self.number, "closed", ""))

    def _take(self, note):
        self.note = {**self.note, **note}
        self.events.put((self.number, "note", ""))


def with_suppressed(work, *arguments):
    """A context for what may fail because it has already been done elsewhere."""
    try:
        work(*arguments)
    except (OSError, subprocess.SubprocessError):
        pass
