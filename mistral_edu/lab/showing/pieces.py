"""Tokens of a text as boxes, side by side, in as many lines as it takes: one box a token, its spaces made visible."""
from matplotlib.patches import FancyBboxPatch

from .figures import GREY, INK, WIDTH

CHARACTER, PAD, GAP = 0.0836, 0.05, 0.035                # inches: a character of the 10-point monospaced font


def label(token_bytes, below=0x500) -> str:
    """What a box says: the text with its spaces made visible; bytes that are no readable text in hexadecimal.

    below: the first character that cannot be shown; the font of the pictures knows those below 0x500.

    >>> label(b" barn"), label("é".encode()), label(b"\\xf0"), label("你".encode()), label("你".encode(), below=0x110000)
    ('␣barn', 'é', 'F0', 'E4 BD A0', '你')
    """
    try:
        text = token_bytes.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    text = text.replace(" ", "␣").replace("\n", "↵")
    readable = text and all(c in "␣↵" or c.isprintable() and ord(c) < below for c in text)
    return text if readable else token_bytes.hex(" ").upper()


def boxes(labels, below=None, width=WIDTH - 0.2) -> tuple[list, float]:
    """Where each box goes, in as many lines as it takes: [(x, y, width), ...], and the height of all, in inches."""
    line_height = 0.47 if below else 0.31
    placed, x, y = [], 0.0, 0.0
    for text, under in zip(labels, below or [""] * len(labels)):
        wide = max(len(text) * CHARACTER, len(under) * CHARACTER * 0.75) + 2 * PAD
        if x and x + wide > width:
            x, y = 0.0, y + line_height
        placed.append((x, y, wide))
        x += wide + GAP
    return placed, y + line_height


def draw_pieces(ax, labels, tints, below=None, width=WIDTH - 0.2, framed=()):
    """A box for each label; `below` is written under them, those at the places `framed` have a thick frame.

    The figure is as high as `boxes` says.
    """
    placed, height = boxes(labels, below, width)
    for n, (text, tint, under, (x, y, wide)) in enumerate(zip(labels, tints, below or [""] * len(labels), placed)):
        edge, line = (INK, 1.8) if n in framed else (GREY, 0.6)
        ax.add_patch(FancyBboxPatch((x, y), wide, 0.24, boxstyle="round,pad=0,rounding_size=0.04",
                                    facecolor=tint, edgecolor=edge, linewidth=line))
        ax.text(x + wide / 2, y + 0.125, text, ha="center", va="center", fontsize=10, family="DejaVu Sans Mono",
                parse_math=False)                        # a dollar is a dollar
        ax.text(x + wide / 2, y + 0.33, under, ha="center", va="center", fontsize=7.5, color=GREY,
                family="DejaVu Sans Mono", parse_math=False)
    ax.set(xlim=(-0.02, width + 0.1), ylim=(height, -0.05))
    ax.axis("off")
