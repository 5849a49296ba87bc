"""An answer that can be looked into: its steps, what else could have been said, and what would have followed."""
from mistral_edu.lab import kernel
from mistral_edu.lab.looking.answer_as_html import still_page
from mistral_edu.lab.looking.answer_tree import tree_lines
from mistral_edu.lab.showing.visible import readable, rounded
from mistral_edu.language import N_, _, ngettext

ENDINGS = {"stop": N_("ended by the model"), "length": N_("cut off at the most tokens it could have"),
           None: N_("stopped before its end")}
NO_WIDGET = N_("To take an alternative by a click, install anywidget: pip install anywidget. "
               "Without it, answer.branch(step, row) takes one.")
COLUMNS = N_("step  token            probability   nats  instead")


class Answer:
    """One of the answers that were written to a prompt.

    steps: a Step for each token: token (its id), text, probability, surprise (in nats), alternatives.
    branches: all answers to the prompt so far, this one included, in the order in which they were begun.
    parent, at: the answer that this one left, and at which step; None for the first one.
    reused_tokens: how many tokens of the prompt and of the beginning were in the cache and not read again.
    """

    def __init__(self, writer, steps=(), parent=None, at=None, branches=None):
        self.writer, self.steps, self.parent, self.at = writer, list(steps), parent, at
        self.reused_tokens = 0
        self.branches = [] if branches is None else branches
        self.branches.append(self)

    @property
    def tokens(self) -> list:
        """The ids of the answer's tokens, including that of an end mark."""
        return [step.token for step in self.steps]

    @property
    def text(self) -> str:
        return self.writer.text(self.tokens)

    @property
    def surprise(self) -> float:
        """-ln of the whole answer's probability, in nats: the sum over its steps."""
        return sum(step.surprise for step in self.steps)

    @property
    def number(self) -> int:
        """Its place in `branches`: the first answer is 0."""
        return next(n for n, answer in enumerate(self.branches) if answer is self)

    @property
    def depth(self) -> int:
        """How many answers are above it in the tree."""
        return 0 if self.parent is None else 1 + self.parent.depth

    @property
    def finish_reason(self):
        """"stop": the model ended it; "length": n_tokens or the context is used up; None: not finished."""
        return self.writer.why_ended(self.tokens)

    def branch(self, step: int, alternative):
        """The answer that says the same up to a step, takes another token there, and goes on by itself.

        alternative: a row of the step's alternatives (0 is the likeliest), or the token's text.
        If an answer already begins like that, it is returned as it is. Otherwise only what is new is read.
        """
        branch = self.begin_branch(step, alternative)
        branch.go_on()
        return branch

    def begin_branch(self, step: int, alternative):
        """The same answer with only its first tokens; go_on() or write() writes the others."""
        taken = self._find(step, alternative)
        beginning = [*self.tokens[:step], taken.token]
        for answer in self.branches:
            if answer.tokens[:step + 1] == beginning:
                return answer
        parent = self
        while parent.parent is not None and step <= parent.at:      # what differs there left an earlier answer
            parent = parent.parent
        return Answer(self.writer, [*self.steps[:step], self.steps[step].instead(taken)], parent, step, self.branches)

    def go_on(self) -> None:
        """Write the rest of the answer: nothing, unless it was interrupted or has only begun."""
        for _step in self.write():
            pass

    def write(self):
        """The same as a generator, which yields each Step once it has been added."""
        for step in self.writer.steps_after(self.tokens):
            self.reused_tokens = self.writer.reused_tokens
            self.steps.append(step)
            yield step

    def tree(self) -> None:
        """Print all answers to the prompt, each below the one that it left."""
        print("\n".join(tree_lines(self.branches)))

    def _find(self, step, alternative):
        """The Alternative that is meant; raises ValueError, which lists those there are, if there is none."""
        if step not in range(len(self.steps)):
            raise ValueError(f"the answer has steps 0 to {len(self.steps) - 1}; got {step!r}")
        rows = self.steps[step].alternatives
        for n, row in enumerate(rows):
            if alternative in (row.text, row.visible) if isinstance(alternative, str) else alternative == n:
                return row
        listed = ", ".join(f"{n} {row.text!r}" for n, row in enumerate(rows[:10])) + ", …" * (len(rows) > 10)
        raise ValueError(f"step {step} has no alternative {alternative!r}. Choose one of {listed}; inspect_answer "
                         "lists more with a larger n_alternatives")

    @property
    def facts(self) -> str:
        """How long it is, why it ended, and how surprising it is, in one line."""
        return ngettext("{n} token, {ending}; surprise {surprise:.2f} nats in all",
                        "{n} tokens, {ending}; surprise {surprise:.2f} nats in all", len(self.steps),
                        ending=_(ENDINGS[self.finish_reason]), surprise=self.surprise)

    def __repr__(self):
        lines = [f"{self.facts}:", readable(self.text), _(COLUMNS)]
        for number, step in enumerate(self.steps):
            others = [f"{row.visible} {rounded(row.probability)}" for row in step.alternatives
                      if row.token != step.token and row.probability >= 0.005]
            lines.append(f"{number:4}  {step.visible:16} {rounded(step.probability):>11} {step.surprise:6.2f}  "
                         + ", ".join(others))
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self):
        return still_page(self)

    def _ipython_display_(self):
        """The answer as it is stored and, in a kernel, the live one that takes its place (see answer.css)."""
        from IPython.display import display
        display({"text/html": still_page(self), "text/plain": repr(self)}, raw=True)
        if kernel.is_there():
            try:
                from mistral_edu.lab.looking.inspector import Inspector
            except ImportError:
                print(_(NO_WIDGET))
            else:
                display(Inspector(self))
