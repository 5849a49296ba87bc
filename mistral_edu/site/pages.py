"""Which pages the site has, in reading order: the front page, the notebooks, the pages of docs/, the reference."""
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mistral_edu import course

# The pages of docs/ in the order of their use; one that is not named here comes last.
DOCS = ("usage", "prompting", "troubleshooting", "symptoms", "glossary", "ideas", "benchmarks", "claims", "scale",
        "serving", "train_your_own_world", "teaching")


@dataclass(frozen=True)
class Page:
    """source: its file in the repository, "README.md" for the front page, "mistral_edu" for the reference.
    name: its file on the site."""
    source: str
    name: str
    title: str

    @property
    def path(self) -> Path:
        return course.HOME / self.source


FRONT = Page("README.md", "index.html", "Mistral-7B, built up in notebooks")
REFERENCE = Page("mistral_edu", "reference.html", "Reference")


def pages(numbers: Iterable = ()) -> list:
    """All pages of the site, with these notebooks alone if any are named.

    >>> [page.name for page in pages(["05"])][:3]
    ['index.html', '05_attention.html', 'usage.html']
    """
    wanted = set(numbers) or {notebook.number for notebook in course.ready()}
    notebooks = [Page(f"notebooks/{one.path.name}", f"{one.path.stem}.html", f"{one.number} {one.title}")
                 for one in course.ready() if one.number in wanted]
    files = sorted(course.DOCS.glob("*.md"), key=lambda path: (rank(path.stem), path.stem))
    docs = [Page(f"docs/{path.name}", f"{path.stem}.html", title_of(path)) for path in files]
    return [FRONT, *notebooks, *docs, REFERENCE]


def rank(name: str) -> int:
    return DOCS.index(name) if name in DOCS else len(DOCS)


def title_of(path: Path) -> str:
    """The first heading of a page of docs/. Raises ValueError without one."""
    heading = re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), flags=re.M)
    if not heading:
        raise ValueError(f"{path} has no title; its first line should be # and the title")
    return heading[1].replace("`", "")
