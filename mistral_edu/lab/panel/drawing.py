"""Messages as HTML for bubbles, as a still page, and as plain text; and how full the context is, in words.

What the model or the reader wrote is shown but has no effect: safe_markdown leaves only its own tags for code, and no
links or pictures, before Markdown becomes HTML here.
"""
from functools import lru_cache
from html import escape

import mistune

from mistral_edu.lab.prompting.safe_markdown import safe_markdown
from mistral_edu.lab.showing.theme import SHADE
from mistral_edu.language import N_, _, ngettext

NAMES = {"system": N_("Instructions"), "user": N_("You"), "assistant": "Mistral"}
EMPTY = N_("Nothing has been said yet.")
STILL = "mistral-chat-still"        # hidden if a live panel is below it, see panel.css
SHADES = {"system": "none", "user": SHADE, "assistant": "var(--jp-layout-color1, #8881)"}


class Renderer(mistune.HTMLRenderer):
    def heading(self, text, level, **attrs):
        """Bold, not a heading: headings belong to the page."""
        return f"<p><strong>{text}</strong></p>\n"

    def block_code(self, code, info=None):
        """Without the class that a fence asks for."""
        return f"<pre><code>{escape(code)}</code></pre>\n"


_markdown = mistune.create_markdown(renderer=Renderer(escape=False), hard_wrap=True, plugins=["table", "strikethrough"])


@lru_cache(maxsize=256)         # a turn draws the ones before it again
def as_html(text: str) -> str:
    """A message's Markdown as HTML in which nothing runs.

    >>> as_html("**Bold**, <b>not</b>, [no link](javascript:alert(1))")
    '<p><strong>Bold</strong>, &lt;b&gt;not&lt;/b&gt;, [no link](javascript:alert(1))</p>\\n'
    """
    return _markdown(safe_markdown(text))


def bubbles(messages) -> list[dict]:
    """One {"role", "name", "html", "text", "turn"} per message; turn: the number of its question, from 0."""
    drawn, turn = [], -1
    for message in messages:
        role, text = message["role"], message["content"]
        turn += role == "user"
        drawn.append({"role": role, "name": _(NAMES[role]), "html": as_html(text), "text": text * (role == "user"),
                      "turn": turn})
    return drawn


def plain(messages) -> str:
    """The conversation for a terminal, a saved page, a screen reader.

    >>> print(plain([{"role": "user", "content": "Hello!"}, {"role": "assistant", "content": "Hello. How are you?"}]))
    You: Hello!
    <BLANKLINE>
    Mistral: Hello. How are you?
    """
    return "\n\n".join(f"{_(NAMES[message['role']])}: {message['content']}" for message in messages) or _(EMPTY)


def still(messages) -> str:
    """The same as HTML that needs no style sheet, no script and no kernel."""
    said = "\n".join(
        f'<div style="margin: 6px 0; padding: 2px 10px; border-radius: 6px; background: {SHADES[message["role"]]}">'
        f'<p><strong>{_(NAMES[message["role"]])}</strong></p>\n{as_html(message["content"])}</div>'
        for message in messages)
    return f'<div class="{STILL}">\n{said or f"<p>{escape(_(EMPTY))}</p>"}\n</div>'


def meter(used, config, left_out=0, piece=None, seed=None) -> dict:
    """How much of the context is used, and how much of that a token sees, as numbers for a bar and as words.

    left_out: how many turns are not read. piece: the last one of the last answer. seed: what that was drawn with, or
    None if no chance was involved.

    >>> from mistral_edu import MistralConfig
    >>> meter(300, MistralConfig.preset("tiny"))["words"]
    '300 of 1,024 tokens of the context are used. In each layer a token sees the last 128 (the window), ...'
    """
    window, context = config.window_size, config.context_len
    if not window:
        sight = _("There is no window: each token sees all before it.")
    elif used <= window:
        sight = _("The window of {window:,} holds all of them.", window=window)
    else:
        sight = ngettext("In each layer a token sees the last {window:,} (the window), so the first token is out of "
                         "its direct sight.",
                         "In each layer a token sees the last {window:,} (the window), so the first {n:,} are out of "
                         "its direct sight.", used - window, window=window)
    if left_out:
        sight += " " + ngettext("The first turn had no room, and the model does not read it.",
                                "The first {n} turns had no room, and the model does not read them.", left_out)
    speed = ""
    if piece:
        speed = ngettext("{n:,} token written, {rate:,.0f} a second", "{n:,} tokens written, {rate:,.0f} a second",
                         piece.generation_tokens, rate=piece.generation_tps)
        speed += (_(", drawn with seed {seed}", seed=seed) if seed is not None else "") + "."
    return {"used": used, "seen": min(used, window or used), "context": context, "speed": speed,
            "words": _("{used:,} of {context:,} tokens of the context are used.", used=used, context=context)
            + " " + sight}
