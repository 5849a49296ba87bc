"""What remains of an answer: its text, and how it came about."""
from html import escape

from mistral_edu.lab.prompting.safe_markdown import safe_markdown
from mistral_edu.lab.showing.theme import SOFT
from mistral_edu.language import N_, _, ngettext

ENDINGS = {"stop": N_("The model ended its reply."), "length": N_("Cut off here: no more tokens were allowed."),
           "stop_string": N_("Ended before a stop string."), None: N_("Stopped.")}


class Reply(str):
    """A model's answer. It is a string, and can be used as one; its attributes hold what else is known about it.

    tokens: the ids, including the end token. logprobs: the natural log of each one's probability, by the model alone.
    finish_reason: "stop", "length", "stop_string", or None if it was interrupted. prompt: what was asked, with its
    variables filled in. timing: tokens per second of prompt and reply ("prompt_tps", "generation_tps"), and
    "peak_memory" in GB; it is never shown, so that a page looks the same each time it is run.

    >>> reply = Reply("1 < 2")
    >>> reply.upper(), reply.finish_reason, reply._repr_mimebundle_()["text/plain"]
    ('1 < 2', None, '1 < 2')
    """

    tokens, logprobs, timing, finish_reason, prompt, format = (), (), {}, None, None, "text"

    @classmethod
    def of(cls, pieces, prompt=None, format="text"):
        """The reply made of these pieces from stream_generate. format: how it is shown, see below."""
        self = cls("".join(piece.text for piece in pieces))
        self.prompt, self.format = prompt, format
        self.tokens, self.logprobs = [piece.token for piece in pieces], [piece.logprob for piece in pieces]
        if pieces:
            last = pieces[-1]
            self.finish_reason = last.finish_reason
            self.timing = {name: getattr(last, name) for name in ("prompt_tps", "generation_tps", "peak_memory")}
        return self

    @property
    def text(self) -> str:
        """The answer as a plain string."""
        return str(self)

    def _repr_mimebundle_(self, include=None, exclude=None):
        """Plain text for terminals and tests, Markdown, and HTML, which pages prefer; format="markdown" leaves it out.

        Markup in the text is shown, and never works: see safe_markdown. In <pre> no formula is typeset either.
        """
        bundle = {"text/plain": str(self), "text/markdown": safe_markdown(self)}
        if self.format != "markdown":
            ending = ngettext("{n} token.", "{n} tokens.", len(self.tokens)) + " " + _(ENDINGS[self.finish_reason])
            bundle["text/html"] = (
                f'<pre style="white-space: pre-wrap; overflow-wrap: anywhere">{escape(self)}</pre>'
                f'<div style="color: {SOFT}; font-size: 85%">{ending}</div>')
        return bundle
