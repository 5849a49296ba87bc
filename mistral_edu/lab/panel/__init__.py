"""`chat_panel()`: a conversation with a model in a cell, while other cells go on working.

`settings` says what may be set, `answering` writes an answer step by step, `drawing` turns messages into HTML and
text, `export` takes them elsewhere; `actions` and `new_conversation` have what each button does, `page_events` how its
press arrives, and `panel` holds it all together. Python keeps the whole state; panel.js draws it.
"""
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it needs anywidget, which not everyone has
    from mistral_edu.lab.panel.panel import ChatPanel


def chat_panel(model: str | Path = "tiny", *, bits: int | None = None, window: int | str | None = "config",
               temperature: float = 0.0, top_p: float = 1.0, seed: int | None = 0, max_tokens: int = 200,
               system: str | None = None, messages: Sequence[dict] | str | Path = ()) -> "ChatPanel":
    """Show a chat in the cell, and return it.

    Run again, the cell begins a new conversation, and a button resumes the one before. In another cell,
    `chat_panel(panel)` goes on where `panel = chat_panel()` is now, with its conversation, model and settings.

    model, bits, window: as in %mistral: a name or folder; 8, 4, or None as stored; a width, "none" or "config".
    temperature, top_p, seed, max_tokens: as in stream_generate. system: instructions for the model.
    messages: a conversation to continue: a list, or a file that Export or mistral-edu chat wrote.
    Code can do what the buttons do: `await panel.send("Hello!")`, then `panel.messages`.
    Raises ValueError for settings out of range, and what load() raises for the model.
    """
    try:
        from mistral_edu.lab.panel.export import DEFAULTS
        from mistral_edu.lab.panel.new_conversation import afresh, taken_over
        from mistral_edu.lab.panel.panel import ChatPanel
    except ImportError as error:
        if (error.name or "").split(".")[0] != "anywidget":
            raise
        raise ImportError("chat_panel needs the package anywidget: pip install anywidget, then restart the kernel and "
                          "reload the page in the browser. Everything else here works without it.") from None
    chosen = {"bits": bits, "window": window, "temperature": temperature, "top_p": top_p, "seed": seed,
              "max_tokens": max_tokens, "system": system}
    if not isinstance(model, ChatPanel):
        return ChatPanel(*afresh(model, messages=messages, **chosen))
    if changed := [name for name, value in chosen.items() if value != DEFAULTS[name]] + ["messages"] * bool(messages):
        raise ValueError(f"a panel brings its own {', '.join(changed)}; leave that out, and change it in the new panel")
    return ChatPanel(*taken_over(model))
