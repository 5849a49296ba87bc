"""Begin a notebook: the page with the frame that all share, its room in lab/, its solutions.

    python -m mistral_edu.course.skeleton 05 attention       # make notebook NN=05 NAME=attention

What it writes runs and passes the tests of notebooks; what is in italics has to be replaced. Existing files are never
overwritten.
"""
import argparse
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mistral_edu import course

# (kind, cell id, text). N is the number as it is spoken (5), NN with two digits, ROOM the package, MINUTES the total.
CELLS = (
    ("markdown", "title", """# NN TITLE

*What the reader will have at the end, in two sentences.* At the end you have ENDS.

This notebook takes about 12 minutes."""),
    ("code", "import", """import mistral_edu                       # comes first: it puts fast matrix products under MLX

import mlx.core as mx
from mistral_edu.lab import Picture, check, course_map, explore, figure, hint, outcome, predict
from mistral_edu.lab.ROOM import BLUE"""),
    ("code", "map", """course_map("NN")"""),
    ("markdown", "opening", """**From two notebooks back.** *A question whose answer this page builds on.*"""),
    ("code", "predict-opening", """predict("N.0", "?", choices=("smaller", "larger"))"""),
    ("code", "outcome-opening", """outcome("N.0", "larger")"""),
    ("markdown", "terms", """**Terms you need.** *Five or six, one line each, with the notebook that explains it.*

- [array](../docs/glossary.md#array): a grid of numbers with a shape and a dtype (notebook 00)"""),
    ("markdown", "s1", """## N.1 By hand (8 minutes)

*Why this is needed; then tiny numbers.* The mean of $x_1, \\dots, x_n$ is

$$\\bar x = \\frac{1}{n} \\sum_{i=1}^{n} x_i .$$"""),
    ("code", "by-hand", """print((3 + 4) / 2)"""),
    ("markdown", "predict-text", """**Predict first:** *a real question, which the text above does not answer.*"""),
    ("code", "predict-mean", """predict("N.1", "?", choices=("smaller", "larger"))"""),
    ("code", "outcome-mean", """outcome("N.1", "larger" if (3 + 4) / 2 > 3 else "smaller")"""),
    ("markdown", "slider-text", """*What to do with the slider.* Move it, and watch the bars."""),
    ("code", "slider", """def powers(base=2):
    values = [base**n for n in range(6)]
    fig, ax = figure(height=2.4)
    ax.bar(range(6), values, color=BLUE)
    ax.set(title=f"Each bar is {base} times the one before", xlabel="power", ylabel="value")
    return Picture(fig, f"The powers of {base}: {', '.join(map(str, values))}.")

explore(powers, base=(1, 5))"""),
    ("markdown", "exercise-N-1", """### Exercise N.1 (3 minutes)

*What to write, with a case by hand.* The mean of 3 and 4 is 3.5."""),
    ("code", "exercise-N-1-answer", """def mean(x):
    \"\"\"x (n,) -> the mean of its numbers, ().\"\"\"
    raise NotImplementedError            # replace this line"""),
    ("code", "exercise-N-1-check", """check("N.1", mean)"""),
    ("code", "exercise-N-1-hint", """hint("N.1")                              # run again for the next hint"""),
    ("markdown", "s2", """## N.2 The library agrees (4 minutes)

*General code, compared with the library's.*"""),
    ("code", "agrees", """x = mx.array([3.0, 4.0])
gap = abs(x.sum().item() / 2 - x.mean().item())
print(f"largest difference: {gap:.1e}")
assert gap < 1e-6"""),
    ("markdown", "recap", """## N.3 Recap

- *Three to five sentences.*

| symptom | likely cause | what to check |
|---|---|---|
| *what somebody sees* | *why* | *how to find out* |

What this notebook ends in:"""),
    ("code", "numbers", """print(f"largest difference: {gap:.1e}")"""),
    ("markdown", "next", """**Next:** notebook FOLLOWING. The solutions to the exercises, with explanations, are in
[solutions/NN_solutions.md](../solutions/NN_solutions.md)."""),
)
ROOM = {
    "__init__.py": '''"""What notebook NN imports besides the names that all pages share."""
from mistral_edu.palette import BLUE

__all__ = ["BLUE"]
''',
    "exercises.py": '''"""Exercises of notebook NN: the mean."""
import mlx.core as mx

from mistral_edu.lab.exercises.bank import Exercise


def mean(x):
    """The mean of the numbers in x (n,)."""
    return x.sum() / x.shape[0]


EXERCISES = (
    Exercise(
        "N.1", minutes=3, points=1,
        cases=((mx.array([3.0, 4.0]),), (mx.array([1.0, 2.0, 6.0]),)),
        reference=mean,
        slips=(
            (lambda x: x.sum(), "that is the sum; divide it by how many numbers there are"),
            (lambda x: x.sum() / 2, "right for two numbers; x may hold more, x.shape[0] says how many"),
            (lambda x: x.max(), "that is the largest number"),
        ),
        hints=(
            "What do 3 and 4 add up to, and how many are they?",
            "x.sum() adds up, x.shape[0] counts.",
            "Divide one by the other.",
        ),
    ),
)
''',
}
SOLUTIONS = """# Solutions of notebook NN

## N.1 The mean

```python
def mean(x):
    \"\"\"x (n,) -> the mean of its numbers, ().\"\"\"
    return x.sum() / x.shape[0]
```

*Why it is so, the usual slip, other solutions that are also right.*
"""


def skeleton(number, room, home=course.HOME) -> list:
    """Write the files of a new notebook below `home`; returns their paths.

    Raises ValueError for a number that the course does not have, FileExistsError if one of the files exists.
    """
    entry = course.find(number)
    if not room.isidentifier():
        raise ValueError(f"NAME becomes the package lab/n{number}_NAME, so it is a word such as attention; got "
                         f"{room!r}")
    following = next((one.number for one in course.COURSE if one.number > number), "00")
    words = {"ENDS": entry.ends, "TITLE": entry.title, "ROOM": f"n{number}_{room}", "FOLLOWING": following,
             "NN": number, "N.": f"{int(number)}.", "-N-": f"-{int(number)}-"}
    folder = home / "mistral_edu" / "lab" / words["ROOM"]
    files = {folder / name: _filled(text, words) for name, text in ROOM.items()}
    files[home / "solutions" / f"{number}_solutions.md"] = _filled(SOLUTIONS, words)
    files[home / "notebooks" / entry.path.name] = nbformat.writes(_page(words)) + "\n"
    if there := [str(path) for path in files if path.exists()]:
        raise FileExistsError(f"{there[0]} already exists, and nothing was written; remove it to begin again")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def _page(words):
    make = {"markdown": new_markdown_cell, "code": new_code_cell}
    return new_notebook(cells=[make[kind](_filled(text, words), id=_filled(name, words)) for kind, name, text in CELLS])


def _filled(text, words):
    for word, meaning in words.items():
        text = text.replace(word, meaning)
    return text


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mistral_edu.course.skeleton", description="Begin a notebook.")
    parser.add_argument("number", help="two digits, as the course lists it")
    parser.add_argument("name", help="one word for its room: 05 attention makes lab/n05_attention")
    options = parser.parse_args(arguments)
    try:
        for path in skeleton(options.number, options.name):
            print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
    except (ValueError, FileExistsError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
