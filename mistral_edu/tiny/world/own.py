"""A world of one's own: a Python file with makers of documents, and MIX, which says how often each is asked.

    def colour(r):                                     # r is a random.Random: draw everything from it
        animal = r.choice(["cat", "dog", "hen"])
        return f"Which colour has the {animal}?", "It is grey.", animal

    MIX = {colour: 1}

A maker returns a question, its answer, and the content: what is asked about. One content in eight is kept for the test.
"""
import importlib.util
import random
from functools import lru_cache
from pathlib import Path

from .doc import Doc, held_out

TRIES = 10_000                       # draws that a maker gets to come upon a document of one split


class OwnWorld:
    """The makers of a file, told as the village is: `sample` takes what `tiny.world.sample` takes."""

    def __init__(self, path, mix):
        self.path, self.makers, self.shares = path, {maker.__name__: maker for maker in mix}, list(mix.values())

    def sample(self, r, split="train", task=None):
        """A document of this split. Raises ValueError for what no training can be made of."""
        name = task or r.choices(list(self.makers), self.shares)[0]
        for _ in range(TRIES):
            made = self.makers[name](r)
            if not (isinstance(made, tuple) and len(made) == 3 and all(isinstance(text, str) for text in made[:2])):
                raise ValueError(f"{self.path}: {name} should return (question, answer, content), the first two as texts; "
                                 f"it returned {made!r}")
            question, answer, content = made
            document = Doc(name, [(question, answer)], key=("own", name, content))
            if held_out(document.key) == (split == "test"):
                return document
        raise ValueError(f"{self.path}: {name} gave no document for the {split} split in {TRIES:,} draws. Content is split "
                         "by its hash, one in eight for the test; give it more than a handful of different ones")


@lru_cache
def own_world(path) -> OwnWorld:
    """The world in this file. Raises FileNotFoundError, or ValueError where the file has no MIX of makers."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; --world takes a Python file with a MIX of makers")
    spec = importlib.util.spec_from_file_location("own_world_" + path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    mix = getattr(module, "MIX", None)
    if not isinstance(mix, dict) or not mix or not all(map(callable, mix)):
        raise ValueError(f"{path} should end in MIX = {{maker: share, ...}}, a dictionary of functions and how often each "
                         f"is asked; {'it has no MIX' if mix is None else f'its MIX is {mix!r}'}")
    return OwnWorld(path, mix)


def held_out_documents(world, task, n, seed=99):
    """n different documents of the test split, fewer only where it holds fewer: the same ones on every machine."""
    r, found = random.Random(f"{seed}/{task}"), {}
    for _ in range(20 * n):
        document = world.sample(r, "test", task)
        found.setdefault(document.turns[0][0], document)
        if len(found) == n:
            break
    return list(found.values())
