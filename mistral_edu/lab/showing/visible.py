"""A token made fully visible, and a probability in few characters."""
import unicodedata

MARKS = {" ": "␣", "\n": "↵", "\t": "⇥"}


def visible(token_bytes: bytes) -> str:
    """What a token stands for: spaces and line ends as marks, a byte that is not a whole character in hexadecimal.

    A character that has no shape of its own, or turns the text around it, is given by its number.

    >>> visible(b" barn"), visible("é\\n".encode()), visible(b"\\xf0"), visible("\\u202e".encode())
    ('␣barn', 'é↵', '<F0>', '<U+202E>')
    """
    text = token_bytes.decode("utf-8", errors="surrogateescape")
    shown = "".join(map(_shown, text))
    accent_alone = shown and unicodedata.combining(shown[0])
    return "◌" + shown if accent_alone else shown


def _shown(character):
    if character in MARKS:
        return MARKS[character]
    if "\udc80" <= character <= "\udcff":               # how surrogateescape keeps a byte
        return f"<{ord(character) - 0xDC00:02X}>"
    return character if character.isprintable() else f"<U+{ord(character):04X}>"


def readable(text: str) -> str:
    """A text on one line, with its spaces as they are.

    >>> readable("One.\\nTwo.")
    'One.↵Two.'
    """
    return visible(text.encode("utf-8", errors="replace")).replace(MARKS[" "], " ")


def rounded(probability: float) -> str:
    """Two decimals, and never 0 for what is possible.

    >>> rounded(0.913), rounded(0.0004)
    ('0.91', '<0.01')
    """
    return f"{probability:.2f}" if probability >= 0.005 else "<0.01"
