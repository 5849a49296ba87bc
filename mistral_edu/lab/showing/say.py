"""Print text so that it is readable: as it arrives, and with line breaks between words.

JupyterLab breaks long output lines in the middle of a word, so a paragraph has to be broken beforehand.
"""
from collections.abc import Iterable

WIDTH = 92           # characters; as many as a notebook shows beside an open file browser


def say(text: str | Iterable, width: int = WIDTH) -> None:
    """Print text, or pieces of text as they arrive (strings, or what stream_generate yields).

    A word is printed once it is complete. What has come is printed even when the pieces end in an error or a Stop.

    >>> say(["One day a c", "at found a ba", "ll."], width=12)
    One day a
    cat found a
    ball.
    >>> say("The chance is 40 %.", width=16)
    The chance is
    40 %.
    """
    column, word = 0, ""

    def put():
        nonlocal column, word
        if column and column + len(word) > width:
            print()
            column, word = 0, word.lstrip()
        print(word, end="", flush=True)
        column, word = column + len(word), ""

    try:
        for piece in [text] if isinstance(text, str) else text:
            for character in piece if isinstance(piece, str) else piece.text:
                if character == "\n":
                    put()
                    print()
                    column = 0
                    continue
                if word.strip() and word.endswith(" ") and character != "%":        # "40 %" is a single word
                    word = word[:-1]
                    put()
                    word = " "
                word += character
    finally:
        put()
        print()
