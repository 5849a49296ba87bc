"""Small models from along the way: checkpoints/0040M and the like, which `load` takes."""
import shutil

from mistral_edu.machine.whole_files import write
from mistral_edu.tiny.training.counted import checkpoint_name

BITS = 4


class Checkpoints:
    """One for each mark, in tokens, that a run has passed.

    save(folder, bits) writes the model as it is now; say(text) hears of each.
    """

    def __init__(self, folder, marks, save, say):
        self.folder, self.marks, self.save, self.say = folder, sorted(set(marks)), save, say

    def keep_passed(self, tokens) -> bool:
        """Keep one for each mark up to `tokens`, and take it from the list. Returns whether there was any."""
        passed = [mark for mark in self.marks if mark <= tokens]
        for mark in passed:
            self.keep(mark)
            self.marks.remove(mark)
        return bool(passed)

    def keep(self, mark):
        folder = self.folder / checkpoint_name(mark)
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed after it, and comes by again
        write(folder, lambda p: self.save(p, BITS))
        self.say(f"  kept in {BITS} bit: {folder}")
