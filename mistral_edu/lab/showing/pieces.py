"""Tokens of a text as boxes, side by side, in as many lines as it takes: one box per token, with visible spaces."""
from matplotlib.patches import FancyBboxPatch

from mistral_edu.lab.showing.figures import WIDTH
from mistral_edu.lab.showing.visible import MARKS, visible
from mistral_edu.palette import GREY, INK

CHARACTER, PAD, GAP = 0.0836, 0.05, 0.035                # inches: a character of the 10-point monospaced font
BOX, LINE, LINE_UNDER = 0.24, 0.31, 0.47                 # inches: a box, a line of them, a line with something below
FONT_ENDS = "\u0500"                                     # DejaVu Sans Mono draws every character before this one


def label(token_bytes) -> str:
    """What a box says: the token as `visible` writes it, or all of its bytes in hexadecimal.

    These are for a token that is no whole text, and for one that the font of the pictures cannot draw.

    >>> label(b" barn"), label("é".encode()), label(b"\\xf0"), label("你".encode())
    ('␣barn', 'é', 'F0', 'E4 BD A0')
    """
    text = token_bytes.decode("utf-8", errors="replace")
    drawn = all(c in MARKS or c.isprintable() and c < FONT_ENDS for c in text)
    return visible(token_bytes) if drawn else token_bytes.hex(" ").upper()


def boxes(labels, below=None, width=WIDTH - 0.2) -> tuple[list, float]:
    """Where each box goes, in as many lines as it takes: [(x, y, width), ...], and the height of all, in inches.

    below: what is written under each box; a line with nothing under its boxes is lower.
    """
    placed, x, y, line = [], 0.0, 0.0, LINE
    for text, under in zip(labels, below or [""] * len(labels)):
        wide = max(len(text) * CHARACTER, len(under) * CHARACTER * 0.75) + 2 * PAD
        if x and x + wide > width:
            x, y, line = 0.0, y + line, LINE
        if under:
            line = LINE_UNDER
        placed.append((x, y, wide))
        x += wide + GAP
    return placed, y + line


def draw_pieces(ax, labels, tints, below=None, width=WIDTH - 0.2, framed=(), hatches=None):
    """A box for each label; `below` is written under them; those at the places `framed` have a thick frame.

    hatches: a pattern for each box, "" for none. The figure is as high as `boxes` says, whose places are returned.
    """
    placed, height = boxes(labels, below, width)
    nothing = [""] * len(labels)
    ax.set(xlim=(-0.02, width + 0.1), ylim=(height, -0.05))
    ax.axis("off")
    for n, (text, tint, under, hatch, (x, y, wide)) in enumerate(
            zip(labels, tints, below or nothing, hatches or nothing, placed)):
        edge, line = (INK, 1.8) if n in framed else (GREY, 0.6)
        ax.add_artist(FancyBboxPatch((x, y), wide, BOX, boxstyle="round,pad=0,rounding_size=0.04", facecolor=tint,
                                     edgecolor=edge, linewidth=line, hatch=hatch, hatch_linewidth=0.4))
        ax.text(x + wide / 2, y + 0.125, text, ha="center", va="center", fontsize=10, family="DejaVu Sans Mono",
                parse_math=False)                        # a dollar is a dollar
        if under:
            ax.text(x + wide / 2, y + 0.33, under, ha="center", va="center", fontsize=7.5, color=GREY,
                    family="DejaVu Sans Mono", parse_math=False)
    return placed
