"""All answers to a prompt as a tree in text: each below the one that it left."""
import textwrap

from mistral_edu.lab.showing.visible import readable, rounded
from mistral_edu.language import _

LINE = 110          # characters


def tree_lines(answers) -> list:
    """A line for each answer, those that left it below, indented; its number is its place in `answers`.

    The first answer is given whole; the others from the token on that took another one's place.
    """
    return [line for answer in answers if answer.parent is None for line in _lines(answer, answers, "", "")]


def describe(answer) -> str:
    """The surprise of an answer, where it left its parent, and what it says from there on."""
    nats, said = answer.surprise, readable(answer.writer.text(answer.tokens, answer.at or 0))
    if answer.parent is None:
        return _("{nats:.2f} nats: {said}", nats=nats, said=said)
    here, there = answer.steps[answer.at], answer.parent.steps[answer.at]
    return _('{nats:.2f} nats; step {step}, "{here}" {chance_here} for "{there}" {chance_there}: …{said}',
             nats=nats, step=answer.at, here=here.visible, chance_here=rounded(here.probability),
             there=there.visible, chance_there=rounded(there.probability), said=said)


def _lines(answer, answers, before, below):
    """before: what goes in front of this line; below: in front of the lines of its branches."""
    wrapped = textwrap.wrap(describe(answer), LINE - len(before) - 4) or [""]
    children = [other for other in answers if other.parent is answer]
    hang = below + ("│  " if children else "   ") + "   "
    lines = [f"{before}{answer.number}  {wrapped[0]}", *(f"{hang}{more}" for more in wrapped[1:])]
    for n, child in enumerate(children):
        last = n == len(children) - 1
        lines += _lines(child, answers, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))
    return lines
