"""Write the whole site into a folder: every page, its pictures, one style and one script, and check all links."""
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from mistral_edu.machine.whole_files import part_of, remove
from mistral_edu.site.front import front_html
from mistral_edu.site.links import Links, dead_links
from mistral_edu.site.markdown import Prose, with_notebooks
from mistral_edu.site.notebook import notebook_html
from mistral_edu.site.pages import FRONT, REFERENCE, pages
from mistral_edu.site.recorder import PICTURES, store_png
from mistral_edu.site.recording import fresh, make
from mistral_edu.site.reference import reference_html

HERE = Path(__file__).parent
ASSETS = ("style.css", "site.js")


@dataclass
class Site:
    """What was built. still: the numbers of notebooks whose sliders stand still, since no recording fits them."""
    folder: Path
    names: list
    still: list = field(default_factory=list)

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    @property
    def largest(self) -> Path:
        return max((self.folder / name for name in self.names), key=lambda path: path.stat().st_size)


def build(folder: Path, recordings: Path, numbers=(), record: bool = True, tell=lambda line: None) -> Site:
    """Build the site in `folder`, which is replaced once all is made and no link is dead.

    recordings: where those of earlier builds are. numbers: the notebooks to show; none means all. record: make the
    recordings that are missing or out of date, which runs their notebooks. tell: called with lines on the progress.
    Raises ValueError for dead links, FileExistsError if the folder holds something else than a site.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / ASSETS[1]).is_file():
        raise FileExistsError(f"{folder} is there and is not a site, so nothing was written; name an empty folder")
    part = part_of(folder)
    remove(part)
    (part / PICTURES).mkdir(parents=True)
    all_pages = pages(numbers)
    site, links = Site(folder, [page.name for page in all_pages]), Links(all_pages)
    template = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True).get_template("page.html")
    try:
        for n, page in enumerate(all_pages):
            tell(page.title)
            prose = Prose(links, page.source, picture=lambda url: stored(page.path.parent / url, part))
            body = body_html(page, prose, part, site, all_pages, recordings, record, tell)
            text = template.render(page=page, body=body, headings=prose.headings, front=FRONT, reference=REFERENCE,
                                   before=all_pages[n - 1] if n else None,
                                   after=all_pages[n + 1] if n + 1 < len(all_pages) else None)
            (part / page.name).write_text(text, encoding="utf-8")
        for name in ASSETS:
            shutil.copy(HERE / name, part / name)
        if wrong := dead_links(part):
            raise ValueError("\n".join(wrong))
        remove(folder)
        part.rename(folder)
    finally:
        remove(part)
    return site


def body_html(page, prose, part, site, all_pages, recordings, record, tell) -> str:
    """The main part of a page."""
    if page == FRONT:
        return front_html(prose, all_pages)
    if page == REFERENCE:
        return reference_html(prose)
    if page.path.suffix == ".md":
        text = prose.html(page.path.read_text(encoding="utf-8"))
        return with_notebooks(text, prose.links) if page.name == "glossary.html" else text
    recorded = fresh(page.path, recordings)
    if record and not recorded:
        tell("  recording its sliders, once for all later builds")
        recorded = make(page.path, recordings)
    if recorded:
        shutil.copytree(recorded / PICTURES, part / PICTURES, dirs_exist_ok=True)
    else:
        site.still.append(page.title[:2])
    return notebook_html(page.path, prose, part, recorded)


def stored(picture: Path, part: Path) -> tuple:
    """A picture of docs/, stored for the site: (its address, width, height)."""
    name, *size = store_png(picture.read_bytes(), part)
    return f"{PICTURES}/{name}", *size
