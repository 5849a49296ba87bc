"""A world of your own: a Python file with makers of documents, and MIX, which says how often each is asked.

    def colour(r):                                     # r is a random.Random: draw everything from it
        animal = r.choice(["cat", "dog", "hen"])
        return f"Which colour has the {animal}?", "It is grey.", animal

    MIX = {colour: 1}

A maker returns a question, its answer, and the content: what is asked about. One content in eight is kept for the test.
If something is wrong with a world, one sentence says so and names the file, the maker and the line.
"""
import math
import random
import traceback
import types
from functools import lru_cache
from pathlib import Path

from mistral_edu.tiny.world.doc import Doc, held_out

TRIES = 10_000                       # draws in which a maker has to find a document of one split
SEEDS = 20                           # seeds that a maker is tried with, twice each


class OwnWorld:
    """The makers of a file, told as the village is: `sample` takes what `tiny.world.sample` takes."""

    def __init__(self, path, mix):
        self.path, self.makers, self.shares = path, {maker.__name__: maker for maker in mix}, list(mix.values())

    def make(self, name, r):
        """(question, answer, content) from one maker. Raises ValueError if it fails, or returns something else."""
        try:
            made = self.makers[name](r)
        except Exception as error:
            raise ValueError(f"{self.path}: {name} stopped{_said(error, self.path)}") from error
        if not (isinstance(made, tuple) and len(made) == 3 and all(isinstance(text, str) for text in made[:2])):
            raise ValueError(f"{self.path}: {name} should return (question, answer, content), the first two as texts; "
                             f"it returned {made!r}")
        return made

    def sample(self, r, split="train", task=None):
        """A document of this split. Raises ValueError for what cannot be used in training."""
        name = task or r.choices(list(self.makers), self.shares)[0]
        for _ in range(TRIES):
            question, answer, content = self.make(name, r)
            document = Doc(name, [(question, answer)], key=("own", name, content))
            if held_out(document.key) == (split == "test"):
                return document
        raise ValueError(f"{self.path}: {name} gave no document for the {split} split in {TRIES:,} draws. Content is "
                         "split by its hash, one in eight for the test; give it more than a handful of different ones")

    def try_out(self):
        """Let each maker tell something for both splits, and the same again from the same seed. Raises ValueError."""
        for name in self.makers:
            for seed in range(SEEDS):
                once, again = (self.make(name, random.Random(seed)) for _ in range(2))
                if repr(once) != repr(again):
                    raise ValueError(f"{self.path}: from the same r, {name} made {once!r} and then {again!r}. Draw "
                                     "everything from r: r.choice(...), not random.choice(...)")
            for split in ("train", "test"):
                self.sample(random.Random(0), split, name)


def own_world(path) -> OwnWorld:
    """The world in this file. Raises FileNotFoundError, or ValueError if the file has no MIX of makers."""
    path = Path(path)
    if not path.is_file():
        found = f"{path} is a folder" if path.is_dir() else f"there is no file {path}"
        raise FileNotFoundError(f"{found}; --world takes a Python file with a MIX of makers")
    return _world_of(path, path.read_bytes())


@lru_cache
def _world_of(path, source) -> OwnWorld:
    """Keyed by the file's contents, not by its name alone: it may be corrected and read again."""
    module = types.ModuleType("own_world_" + path.stem)
    module.__file__ = str(path)
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    except Exception as error:
        raise ValueError(f"{path} stopped{_said(error, path)}") from error
    mix = getattr(module, "MIX", None)
    if not isinstance(mix, dict) or not mix or not all(map(callable, mix)):
        raise ValueError(f"{path} should end in MIX = {{maker: share, ...}}, a dictionary of functions and how often "
                         f"each is asked; {'it has no MIX' if mix is None else f'its MIX is {mix!r}'}")
    names = [maker.__name__ for maker in mix]
    if len(set(names)) < len(names):
        raise ValueError(f"{path}: each maker in MIX needs a name of its own; they are called {', '.join(names)}")
    shares = list(mix.values())
    if not all(isinstance(share, (int, float)) and 0 <= share < math.inf for share in shares) or not any(shares):
        found = ", ".join(f"{name}: {share!r}" for name, share in zip(names, shares))
        raise ValueError(f"{path}: the shares in MIX should be numbers of at least 0, not all of them 0; found {found}")
    return OwnWorld(path, mix)


def _said(error, path):
    """Where in the file, and what went wrong: " in line 7: NameError: name 'CAKES' is not defined"."""
    if isinstance(error, SyntaxError):
        lines, words = [error.lineno], error.msg
    else:
        frames = traceback.extract_tb(error.__traceback__)
        lines, words = [frame.lineno for frame in frames if frame.filename == str(path)], error
    return (f" in line {lines[-1]}" if lines else "") + f": {type(error).__name__}: {words}"


def held_out_documents(world, task, n, seed=99):
    """n different documents of the test split, or fewer if it holds fewer; the same ones on every machine."""
    r, found = random.Random(f"{seed}/{task}"), {}
    for _ in range(20 * n):
        document = world.sample(r, "test", task)
        found.setdefault(document.turns[0][0], document)
        if len(found) == n:
            break
    return list(found.values())
