"""What a server says, as a short line that may be shown."""
import json
import re

from mistral_edu.text.harmless import harmless

SHORT = 200


def excerpt(text) -> str:
    """A text as one short line, without HTML tags.

    >>> excerpt("<html> <title>Not\\nfound</title>")
    'Not found'
    """
    line = harmless(" ".join(re.sub(r"<[^<>]{1,200}>", " ", text).split()))
    return line if len(line) <= SHORT else line[:SHORT] + " ..."


def complaint(text) -> str:
    """What an error's body says, in any of the forms that servers use, as an excerpt.

    >>> complaint('{"error": {"message": "no such model", "code": 404}}'), complaint('{"detail": "Not Found"}')
    ('no such model', 'Not Found')
    """
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = text
    for name in ("error", "message", "detail"):
        if isinstance(said, dict) and said.get(name):
            said = said[name]
    return excerpt(said if isinstance(said, str) else json.dumps(said)) or "nothing more"
