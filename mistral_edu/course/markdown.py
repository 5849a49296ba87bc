"""A page's Markdown as HTML that needs nothing else: formulas become MathML, which browsers show by themselves."""
from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath


def as_html(text: str) -> str:
    """Markdown with formulas between $ or $$ as HTML. Links stay as they are written.

    >>> as_html("Keep `x`: $x^2$")
    '<p>Keep <code>x</code>: <math ...><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow></math></p>\\n'
    """
    return MarkdownWithMath(renderer=WithMathML(escape=False, exclude_anchor_links=True)).render(text)


class WithMathML(IPythonRenderer):
    """nbconvert's own way from Markdown to HTML, which leaves formulas to a script; here none is left."""

    def block_math(self, body: str) -> str:
        return convert(body.strip(), display="block")

    def inline_math(self, body: str) -> str:
        return convert(body.strip())
