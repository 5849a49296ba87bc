"""A conversation taken elsewhere: as the code of a cell that shows it again, or as a file."""
from pathlib import Path

from mistral_edu.text import saved_chat

DEFAULTS = {"bits": None, "window": "config", "temperature": 0.0, "top_p": 1.0, "seed": 0, "max_tokens": 200,
            "system": None}


def as_cell(messages, settings) -> str:
    """Code that shows the panel with these messages and settings; default values are left out.

    >>> print(as_cell([{"role": "user", "content": "Hi"}], {"model": "tiny", "seed": 3, "bits": None}))
    from mistral_edu.lab import chat_panel
    <BLANKLINE>
    chat_panel(model='tiny', seed=3, messages=[
        {'role': 'user', 'content': 'Hi'},
    ])
    """
    words = [f"{name}={value!r}" for name, value in settings.items() if name not in DEFAULTS or value != DEFAULTS[name]]
    said = [f"    {message!r},\n" for message in messages if message["role"] != "system"]
    if said:
        words.append(f"messages=[\n{''.join(said)}]")
    return f"from mistral_edu.lab import chat_panel\n\nchat_panel({', '.join(words)})"


def as_file(messages, folder=".") -> Path:
    """Write the messages to conversation.json in a folder, or to conversation-2.json if that is taken, and so on."""
    names = (f"conversation{f'-{n}' if n > 1 else ''}.json" for n in range(1, 10_000))
    path = next(path for path in (Path(folder) / name for name in names) if not path.exists())
    saved_chat.save(messages, path)
    return path
