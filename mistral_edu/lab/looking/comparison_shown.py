"""How a Comparison is shown: as text, for terminals and tests, and as HTML, with the answers side by side.

The first token that differs is framed: by [[ and ]] in text, by a box in HTML.
"""
import textwrap
from html import escape

from mistral_edu.lab.showing.say import WIDTH
from mistral_edu.lab.showing.theme import INK, SOFT
from mistral_edu.language import _, ngettext

TAIL = 5                    # tokens before a place that are quoted
EDGE = "var(--jp-border-color1, #999)"


def as_text(comparison) -> str:
    """Each answer below its name, then a table of probabilities for each place where answers part."""
    blocks = []
    for name in comparison.answers:
        blocks.append(f"{name}{told(comparison, name)}")
        if not repeated(comparison, name):
            equal, marked, rest = in_parts(comparison, name)
            blocks.append(indented(f"{equal}[[{marked}]]{rest}" if marked else equal))
    for place in comparison.places:
        blocks.append("\n" + table(comparison, place))
    return "\n".join(blocks)


def as_html(comparison) -> str:
    """The answers as columns, which are stacked if the page is narrow, then the tables."""
    columns = "".join(_column(comparison, name) for name in comparison.answers)
    tables = "".join(_table(comparison, place) for place in comparison.places)
    return (f'<div style="max-width: 1000px; color: {INK}"><div style="display: grid; gap: 8px; '
            f'grid-template-columns: repeat(auto-fit, minmax(min(100%, 170px), 1fr))">{columns}</div>{tables}</div>')


def told(comparison, name) -> str:
    """What follows the name of an answer: how long it is, and where it leaves the first one."""
    tokens, same = comparison.answers[name], comparison.same[name]
    count = ngettext("{n} token", "{n} tokens", len(tokens))
    if name == next(iter(comparison.answers)):
        return f", {count}:"
    if same == len(tokens):
        return ngettext(": the same {n} token.", ": the same {n} tokens.", same)
    if not same:
        return _(", {count}, the first of which differs already:", count=count)
    return ngettext(", {count}, of which the first is the same:", ", {count}, of which the first {n} are the same:",
                    same, count=count)


def repeated(comparison, name) -> bool:
    """Whether this answer was already shown: it is the first one again."""
    first = next(iter(comparison.answers))
    return name != first and comparison.answers[name] == comparison.answers[first]


def in_parts(comparison, name) -> tuple[str, str, str]:
    """The text of an answer: what is the same, the token that differs ("" if none does), and what follows it."""
    parts, tokens, same = comparison.parts[name], comparison.answers[name], comparison.same[name]
    end = " …" if comparison.is_cut(name) else ""
    if same == len(tokens):
        return "".join(parts) + end, "", ""
    marked, equal = parts[same].strip() or comparison.label(tokens[same]), "".join(parts[:same])
    if parts[same].startswith(" "):
        equal += " "                                               # a frame looks better around the word alone
    return equal, marked, "".join(parts[same + 1:]) + end


def before(comparison, place) -> str:
    """Which place this is, with the last words before it."""
    if not place.n:
        return _("At the first token")
    tail = "".join(next(iter(comparison.parts.values()))[max(0, place.n - TAIL):place.n]).replace("\n", "↵").strip()
    dots = "… " if place.n > TAIL else ""
    return ngettext("After {n} token, “{tail}”", "After {n} tokens, “{tail}”", place.n, tail=dots + tail)


def asked(comparison, place) -> str:
    """What stands above the table of a place."""
    return _("{place}, the probability of:", place=before(comparison, place))


def table(comparison, place) -> str:
    """The probabilities of the tokens that came at a place: a row for each model."""
    names = [comparison.label(token) for token in place.tokens]
    wide, widths = max(map(len, place.chances)) + 2, [max(10, len(name) + 2) for name in names]
    lines = [asked(comparison, place),
             " " * (wide + 4) + "".join(f"{name:>{width}}" for name, width in zip(names, widths))]
    for model, chances in place.chances.items():
        numbers = "".join(f"{chance:{width}.3f}" for chance, width in zip(chances, widths))
        lines.append(f"    {model:{wide}}{numbers}")
    return "\n".join(lines)


def indented(text) -> str:
    """A text with its lines broken between words, four spaces in front."""
    lines = [textwrap.fill(line, WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
             for line in text.splitlines()]
    return "\n".join(lines) or "    " + _("(nothing)")


def _column(comparison, name):
    equal, marked, rest = (escape(part) for part in in_parts(comparison, name))
    frame = f"border: 2px solid {INK}; padding: 0 2px; background: none; color: inherit; font-weight: bold"
    text = equal + (f'<mark style="{frame}">{marked}</mark>{rest}' if marked else "")
    text = "" if repeated(comparison, name) else text
    return (f'<div style="border: 1px solid {EDGE}; border-radius: 4px; padding: 6px 8px; min-width: 0">'
            f'<b>{escape(name)}</b><span style="color: {SOFT}">{escape(told(comparison, name))}</span>'
            f'<div style="white-space: pre-wrap; overflow-wrap: anywhere; margin-top: 4px">{text}</div></div>')


def _table(comparison, place):
    cell = f"padding: 2px 8px; border: 1px solid {EDGE}; color: {INK}; text-align"
    head = "".join(f'<th scope="col" style="{cell}: right">{escape(comparison.label(token))}</th>'
                   for token in place.tokens)
    rows = "".join(f'<tr><th scope="row" style="{cell}: left">{escape(name)}</th>{_numbers(chances, cell)}</tr>'
                   for name, chances in place.chances.items())
    said = escape(asked(comparison, place))
    return (f'<p style="margin: 10px 0 0">{said}</p>'         # a caption would be squeezed into the table's width
            f'<table aria-label="{said}" style="border-collapse: collapse; margin: 2px 0 0">'
            f'<thead><tr><td style="{cell}: left"></td>{head}</tr></thead><tbody>{rows}</tbody></table>')


def _numbers(chances, cell):
    """The probabilities of a row; the largest is bold."""
    numbers = (f"<b>{chance:.3f}</b>" if chance == max(chances) else f"{chance:.3f}" for chance in chances)
    return "".join(f'<td style="{cell}: right">{number}</td>' for number in numbers)
