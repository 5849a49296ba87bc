"""A model's Markdown, made safe: it is shown, and nothing in it runs.

A page that you ran yourself is trusted: JupyterLab puts HTML within its Markdown on the page as it is, and follows a
link to javascript:. So every < of the text becomes &lt;, and links and pictures are shown as plain text. Within code,
Markdown would show &lt; itself; so code is written as our own HTML, in which every mark is escaped. Whatever a text
does to look like code, the only tags that come out are ours.
"""
import re

FENCE = re.compile(r"^(`{3,}|~{3,})[^`\n]*\n(.*?)(?:^\1[`~]*[ \t]*$\n?|\Z)", re.M | re.S)
SPAN = re.compile(r"(?<!`)(`+)(?!`)([^\n]+?)(?<!`)\1(?!`)")
MARKS = re.compile(r"[!-/:-@\[-`{-~]")      # all of ASCII's punctuation


def safe_markdown(text: str) -> str:
    """The same text in Markdown without HTML, links and pictures.

    >>> safe_markdown("**Bold**, <b>not</b>, [no link](javascript:alert(1))")
    '**Bold**, &lt;b>not&lt;/b>, [no link]&#40;javascript:alert(1))'
    >>> safe_markdown("`a<b`")
    '<code>a&#60;b</code>'
    """
    return between(FENCE, text, with_spans, lambda code: f"<pre><code>{spelled(code)}</code></pre>\n\n")


def with_spans(text):
    """Text outside of fences."""
    return between(SPAN, text, without_html, lambda code: f"<code>{spelled(code)}</code>")


def between(pattern, text, outside, inside):
    """The text rewritten: inside(group 2) for each match of a pattern, outside(text) for what is between them."""
    done, at = [], 0
    for found in pattern.finditer(text):
        done += [outside(text[at:found.start()]), inside(found[2])]
        at = found.end()
    return "".join(done) + outside(text[at:])


def without_html(text):
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return text.replace("](", "]&#40;").replace("]:", "]&#58;")


def spelled(code):
    """Code with each mark as a number: no Markdown, no HTML and no formula begins in it."""
    return MARKS.sub(lambda mark: f"&#{ord(mark[0])};", code)
