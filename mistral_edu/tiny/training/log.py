"""The log of a run: log.jsonl, one JSON object a line, and the curve that is drawn from it."""
import json

from mistral_edu.machine.whole_files import write, write_text


class Log:
    """The lines of a run in `folder`; say(text) hears of a damaged one."""

    def __init__(self, folder, say):
        self.folder, self.path, self.say = folder, folder / "log.jsonl", say

    def add(self, entry):
        with open(self.path, "a") as file:
            file.write(json.dumps(entry) + "\n")

    def entries(self):
        """All entries. A line that is damaged is left out, and named."""
        entries = []
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines() if self.path.exists() else []
        for n, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
                entry["step"] + 0  # a line without its step says nothing
                entries.append(entry)
            except (ValueError, KeyError, TypeError, RecursionError):
                self.say(f"{self.path}, line {n}, is damaged and left out: {line[:60]!r}")
        return entries

    def forget_after(self, step):
        """A killed run may have logged steps that it never saved: they will come again."""
        kept = [json.dumps(entry) + "\n" for entry in self.entries() if entry["step"] <= step]
        write_text(self.path, "".join(kept))

    def draw(self, long_answers):
        """curve.png: loss and exact match against tokens seen. long_answers: what the run's world calls them."""
        try:
            from mistral_edu.tiny.training.curve import draw_curve
        except ImportError:
            self.say("no curve drawn: matplotlib is not installed (pip install matplotlib)")
            return
        write(self.folder / "curve.png", lambda p: draw_curve(self.entries(), p, long_answers))
