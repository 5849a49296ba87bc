"""Text of a model or a server, fit for a terminal."""
import unicodedata

STEERING = ("Cc", "Cs")  # control characters, escape among them; and halves of a character, which cannot be printed
TURNING = {*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}  # let a line read otherwise than it is stored


def harmless(text) -> str:
    """The text with a question mark in a box for each character that would steer a terminal.

    >>> harmless("red \\x1b[31mball\\n")
    'red \ufffd[31mball\\n'
    """
    return "".join("\ufffd" if c not in "\n\t" and (unicodedata.category(c) in STEERING or c in TURNING) else c
                   for c in text)
