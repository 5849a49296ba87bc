"""A page's Markdown as HTML that needs nothing else: formulas become MathML, which browsers draw by themselves."""
import re

from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

FUNCTION = r"<mi>(?:ln|log|exp|sin|cos)</mi>|<mo>(?:max|min)</mo>"    # a thin space keeps these words apart, as in TeX
SPACE = '<mspace width="0.167em"></mspace>'
UPRIGHT = re.compile(r'(?:<mi mathvariant="normal">[^<]*</mi>){2,}')


def as_html(text: str) -> str:
    """Markdown with formulas between $ or $$ as HTML. Links stay as they are written.

    >>> as_html("Keep `x`: $x^2$")
    '<p>Keep <code>x</code>: <math><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow></math></p>\\n'
    """
    return MarkdownWithMath(renderer=WithMathML(escape=False, exclude_anchor_links=True)).render(text)


class WithMathML(IPythonRenderer):
    """nbconvert's own way from Markdown to HTML, which leaves formulas to a script; here none is left."""

    def block_math(self, body: str) -> str:
        return mathml(body, block=True)

    def inline_math(self, body: str) -> str:
        return mathml(body)


def mathml(tex: str, block: bool = False) -> str:
    """A formula as MathML. A word in upright letters is one identifier, as a screen reader should say it.

    >>> mathml(r"\\mathrm{softmax}")
    '<math><mrow><mrow><mi>softmax</mi></mrow></mrow></math>'
    """
    made = convert(tex.strip(), display="block" if block else "inline")
    made = UPRIGHT.sub(lambda word: f"<mi>{re.sub('<[^>]*>', '', word[0])}</mi>", made)
    made = re.sub(rf"({FUNCTION})(?=<m(?:i|n|sub|sup|frac)\b|<mo stretchy=\"false\">&#x0007C;)", rf"\1{SPACE}", made)
    made = re.sub(rf"(?<=</mi>|</mn>)({FUNCTION})", rf"{SPACE}\1", made)
    return made.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "").replace(' display="inline"', "")
