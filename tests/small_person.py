"""A person who presses Ctrl-C in the middle of an answer in the terminal chat."""
from mistral_edu.commands import chat


def presses_ctrl_c(monkeypatch, at):
    """Ctrl-C comes while piece number `at` is shown, counted from 1. Returns the pieces, as they are shown."""
    seen = []

    def shown(text):
        seen.append(text)
        if len(seen) == at:
            raise KeyboardInterrupt
        return text
    monkeypatch.setattr(chat, "printable", shown)
    return seen
