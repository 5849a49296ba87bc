"""Which pages the site has, in reading order: the front page, the notebooks, the pages of docs/, the reference.

A translation follows the page that it translates. It has a name of its own, and its language is that of the site's own
words on it, too. A language into which a notebook is translated has a front page.
"""
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from mistral_edu import course
from mistral_edu.language import ENGLISH, N_, _, languages, speaking

# The pages of docs/ in the order of their use; one that is not named here comes last.
DOCS = ("usage", "prompting", "troubleshooting", "symptoms", "handing_in", "glossary", "ideas", "benchmarks", "claims",
        "scale", "serving", "train_your_own_world", "teaching")


@dataclass(frozen=True)
class Page:
    """source: its file in the repository, "README.md" for the front page, "mistral_edu" for the reference.
    name: its file on the site. language: "en", or that of a translation."""
    source: str
    name: str
    title: str
    language: str = ENGLISH

    @property
    def path(self) -> Path:
        return course.HOME / self.source

    @property
    def original(self) -> str:
        """The source of the page that this one translates; its own source if it is in English.

        >>> Page("notebooks/00_start_here.de.ipynb", "00_start_here.de.html", "00 Hier beginnen", "de").original
        'notebooks/00_start_here.ipynb'
        """
        return self.source if self.language == ENGLISH else self.source.replace(f".{self.language}.", ".")

    @property
    def command(self) -> str:
        """What opens a notebook's page in JupyterLab; "" for other pages.

        >>> Page("notebooks/00_start_here.de.ipynb", "00_start_here.de.html", "00 Hier beginnen", "de").command
        'mistral-edu lab 00 --language de'
        """
        if self.path.suffix != ".ipynb":
            return ""
        return f"mistral-edu lab {self.path.name[:2]}" + (self.language != ENGLISH) * f" --language {self.language}"


FRONT = Page("README.md", "index.html", N_("Mistral-7B, built up in notebooks"))
REFERENCE = Page("mistral_edu", "reference.html", "Reference")


def pages(numbers: Iterable = ()) -> list:
    """All pages of the site, with these notebooks alone if any are named.

    >>> [page.name for page in pages(["05"])][:3]
    ['index.html', '05_attention.html', 'usage.html']
    """
    wanted = set(numbers) or {notebook.number for notebook in course.ready()}
    notebooks = [page for one in course.ready() if one.number in wanted for page in pages_of(one)]
    files = sorted(course.DOCS.glob("*.md"), key=lambda path: (rank(path.stem), path.stem))
    docs = [Page(f"docs/{path.name}", f"{path.stem}.html", title_of(path)) for path in files]
    return [*map(front_in, dict.fromkeys(page.language for page in notebooks)), *notebooks, *docs, REFERENCE]


def front_in(language: str) -> Page:
    """The front page in a language.

    >>> front_in("de").name, front_in("de").title
    ('index.de.html', 'Mistral-7B, in Notebooks nachgebaut')
    """
    if language == ENGLISH:
        return FRONT
    with speaking(language):
        return replace(FRONT, name=f"index.{language}.html", title=_(FRONT.title), language=language)


def pages_of(notebook) -> list:
    """Its page in English, then its translations."""
    found = []
    for name in sorted(languages(), key=lambda name: (name != ENGLISH, name)):
        path = notebook.page_in(name)
        if name == ENGLISH or path != notebook.path:
            with speaking(name):
                title = f"{notebook.number} {_(notebook.title)}"
                found.append(Page(f"notebooks/{path.name}", f"{path.stem}.html", title, name))
    return found


def around(page: Page, every: list) -> tuple:
    """(the page before it, the page after it) in reading order, each in the page's language where there is one. every:
    all pages of the site; None where there is no such page."""
    originals = [one for one in every if one.language == ENGLISH]
    n = next(n for n, one in enumerate(originals) if one.source == page.original)
    before, after = [None, *originals][n], [*originals, None][n + 1]
    return tuple(one and in_language(one, page.language, every) for one in (before, after))


def in_language(page: Page, language: str, every: list) -> Page:
    """The page in a language, or as it is where it has no translation."""
    return next((one for one in every if one.original == page.original and one.language == language), page)


def versions(page: Page, every: list) -> list:
    """The page and its translations, if it has any."""
    found = [one for one in every if one.original == page.original]
    return found if len(found) > 1 else []


def rank(name: str) -> int:
    return DOCS.index(name) if name in DOCS else len(DOCS)


def title_of(path: Path) -> str:
    """The first heading of a page of docs/. Raises ValueError without one."""
    heading = re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), flags=re.M)
    if not heading:
        raise ValueError(f"{path} has no title; its first line should be # and the title")
    return heading[1].replace("`", "")
