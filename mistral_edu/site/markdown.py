"""Prose as HTML: Markdown with formulas (MathML, which browsers draw themselves), coloured code, linked headings."""
import html
import re

import mistune
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from mistral_edu.course.markdown import mathml

INLINE_MATH = r"\$\$(?P<display_math>[^$]+)\$\$|\$(?P<inline_math>[^$\s](?:[^$]*[^$\s])?)\$"
BLOCK_MATH = r"^ {0,3}\$\$(?P<block_math>[^$]+)\$\$[ \t]*$"
HEADING = re.compile(r"^(?=#{1,6} )", flags=re.M)


class Prose(mistune.HTMLRenderer):
    """Renders the Markdown of one page. `headings` are those seen so far: (level, anchor, HTML without links).

    links: a Links; source: the page's file in the repository; picture(path) -> (src, width, height) stores a picture
    of the page.
    """

    def __init__(self, links, source: str, picture=None):
        super().__init__(escape=True)
        self.links, self.source, self.picture, self.headings = links, source, picture, []
        self._open = []                                 # the levels, as written, of the headings above this place
        self.parse = mistune.Markdown(renderer=self, plugins=[math, mistune.plugins.import_plugin("table")])

    def html(self, text: str) -> str:
        return self.parse(text)

    def heading(self, text, level, **_attrs):
        """A level never jumps: what is below a title is of level 2, however it is written."""
        self._open = [*(above for above in self._open if above < level), level]
        level = len(self._open)
        words = re.sub(r"</?a\b[^>]*>", "", text)
        anchor = anchor_of(html.unescape(re.sub(r"<[^>]*>", "", words)))
        taken = [other for _, other, _ in self.headings]
        free = next(name for name in (anchor, *(f"{anchor}-{n}" for n in range(1, 1000))) if name not in taken)
        self.headings.append((level, free, words))
        return f'<h{level} id="{free}">{text}</h{level}>\n'

    def link(self, text, url, title=None):
        href = self.links.href(html.unescape(url), self.source)
        return f'<a href="{html.escape(href)}">{text}</a>' if href else text

    def image(self, text, url, title=None):
        src, width, height = self.picture(url)
        alt = html.escape(html.unescape(" ".join(re.sub(r"<[^>]*>", "", text).split())))
        return f'<img class="picture" src="{src}" width="{width}" height="{height}" alt="{alt}">'

    def block_code(self, code, info=None):
        return code_html(code, (info or "").split(" ")[0])

    def block_html(self, text):
        return "" if text.strip().startswith("<!--") else f"<p>{html.escape(text)}</p>\n"

    def table(self, text):
        return f'<div class="scroll"><table>\n{text}</table></div>\n'

    def formula(self, text, block=False):
        return mathml(text, block)


def anchor_of(heading: str) -> str:
    """What a heading is linked by, as GitHub and JupyterLab make it of its words.

    >>> anchor_of("8.5 The reach, by `hand` (4 minutes)")
    '85-the-reach-by-hand-4-minutes'
    """
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def with_notebooks(text: str, links) -> str:
    """The glossary's HTML, in which the numbers of notebooks at the end of a term lead there.

    >>> from mistral_edu.site.links import Links
    >>> from mistral_edu.site.pages import pages
    >>> with_notebooks("<p>Shares that add up to 1. (03, 05)</p>", Links(pages(["03"])))
    '<p>Shares that add up to 1. (<a href="03_embedding_logits_loss.html">03</a>, 05)</p>'
    """
    names = {name[:2]: name for name in links.pages.values()}

    def linked(number):
        return f'<a href="{names[number[0]]}">{number[0]}</a>' if number[0] in names else number[0]
    return re.sub(r"\(\d\d(?:, \d\d)*\)(?=</p>)", lambda end: re.sub(r"\d\d", linked, end[0]), text)


def parts(text: str) -> list:
    """A cell of prose, cut before each heading; a # in a block of code is none.

    >>> parts("a\\n## b\\nc\\n```\\n# d\\n```\\n")
    ['a\\n', '## b\\nc\\n```\\n# d\\n```\\n']
    """
    blocks = [(found.start(), found.end()) for found in re.finditer(r"^```.*?^```", text, flags=re.M | re.S)]
    cuts = [found.start() for found in HEADING.finditer(text)
            if not any(start < found.start() < end for start, end in blocks)]
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)]) if text[a:b].strip()]


def code_html(code: str, language: str = "") -> str:
    """A block of code. A language that is not known, or none, has no colours."""
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
        shown = highlight(code.strip("\n"), lexer, HtmlFormatter(nowrap=True)).rstrip("\n")
    except ClassNotFound:
        shown = html.escape(code.strip("\n"))
    return f"<pre><code>{shown}</code></pre>\n"


def math(markdown):
    """A plugin for mistune: $a$ in a line, $$a$$ in a line or alone."""
    def inline(_inline, found, state):
        block = found.group("display_math")
        state.append_token({"type": "formula", "raw": block or found.group("inline_math"),
                            "attrs": {"block": block is not None}})
        return found.end()

    def alone(_block, found, state):
        state.append_token({"type": "formula", "raw": found.group("block_math"), "attrs": {"block": True}})
        return found.end() + 1

    markdown.inline.register("formula", INLINE_MATH, inline, before="link")
    markdown.block.register("formula", BLOCK_MATH, alone, before="list")
