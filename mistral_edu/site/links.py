"""Links between the pages: rewritten from files of the repository to pages of the site, and checked once all are made.

What a link leads to may be left out of the site on purpose: solutions, or the library's files. Then its words stay, as
plain text.
"""
import posixpath
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from mistral_edu.language import ENGLISH

ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", flags=re.I)          # https:, mailto:
VOID = {"img", "input", "br", "hr", "meta", "link"}


class Links:
    """Where a link in a file of the repository leads on the site. language: that of the file; a link to a page that has
    a translation into it leads there."""

    def __init__(self, pages, language: str = ENGLISH):
        self.pages = {page.source: page.name for page in pages}
        self.pages |= {page.original: page.name for page in pages if page.language == language}

    def href(self, target: str, source: str) -> str | None:
        """The address on the site of `target`, as the file `source` writes it; None if the site does not have it.

        >>> from mistral_edu.site.pages import pages
        >>> links = Links(pages())
        >>> links.href("../docs/glossary.md#layer", "notebooks/05_attention.ipynb")
        'glossary.html#layer'
        >>> links.href("06_rope.ipynb", "notebooks/05_attention.ipynb"), links.href("#top", "docs/usage.md")
        ('06_rope.html', '#top')
        >>> links.href("../solutions/05_solutions.md", "notebooks/05_attention.ipynb")
        """
        if ELSEWHERE.match(target) or target.startswith("#"):
            return target
        path, _, anchor = target.partition("#")
        name = self.pages.get(posixpath.normpath(posixpath.join(posixpath.dirname(source), unquote(path))))
        return name and (f"{name}#{anchor}" if anchor else name)

    def rewrite(self, text: str, source: str) -> str:
        """HTML that a cell has printed, with its links rewritten."""
        def anew(link):
            href = self.href(link["href"], source)
            return f'{link["before"]}href="{href}"{link["after"]}{link["words"]}</a>' if href else link["words"]
        return re.sub(r'(?P<before><a\b[^>]*?)href="(?P<href>[^"]*)"(?P<after>[^>]*>)(?P<words>.*?)</a>', anew, text,
                      flags=re.S)


class Found(HTMLParser):
    """What a page links to, loads, and can be linked by."""

    def __init__(self, text):
        super().__init__()
        self.links, self.files, self.ids = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if attributes.get("id"):
            self.ids.append(attributes["id"])
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        self.files += [attributes[name] for name, of in (("src", VOID | {"script"}), ("href", {"link"}))
                       if tag in of and attributes.get(name)]


def dead_links(folder: Path) -> list:
    """What is wrong with the links of all pages in a folder, as sentences: no such page, anchor or file; an id twice; a
    file that would be fetched from elsewhere."""
    found = {path.name: Found(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.html"))}
    wrong = []
    for name, page in found.items():
        for link in page.links:
            path, _, anchor = link.partition("#")
            target = found.get(path or name)
            if not ELSEWHERE.match(link) and (target is None or anchor and unquote(anchor) not in target.ids):
                wrong.append(f"{name} links to {link}, which is not there")
        for file in page.files:
            if not file.startswith("data:") and (ELSEWHERE.match(file) or not (folder / file).is_file()):
                wrong.append(f"{name} loads {file}, which is not in the folder")
        wrong += [f"{name} has the id {one} twice" for one, times in Counter(page.ids).items() if times > 1]
    return wrong
