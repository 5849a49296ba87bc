"""Write the whole site into a folder: every page, its pictures, one style and one script, and check all links."""
import re
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
    """A site, built or being built. part: the folder that takes the place of `folder` once all is in it.

    still: the numbers of notebooks whose sliders stand still, since no recording fits them.
    """
    folder: Path
    pages: list
    still: list = field(default_factory=list)

    @property
    def part(self) -> Path:
        return part_of(self.folder)

    def size(self) -> int:
        """Of all files, in bytes."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def sizes_of_pages(self) -> dict:
        """{page: (bytes of its text, bytes of its text and all its pictures)}"""
        pictures = {path.name: path.stat().st_size for path in (self.folder / PICTURES).iterdir()}
        sizes = {}
        for page in self.pages:
            text = (self.folder / page.name).read_bytes()
            shown = {name.decode() for name in re.findall(rb"[0-9a-f]{16}\.webp", text)}
            sizes[page] = len(text), len(text) + sum(pictures[name] for name in shown)
        return sizes


def build(folder: Path, recordings: Path, numbers=(), record: bool = True, tell=lambda line: None) -> Site:
    """Build the site in `folder`, which is replaced once all is made and no link is dead.

    recordings: where those of earlier builds are. numbers: the notebooks to show; none means all. record: make the
    recordings that are missing or out of date, which runs their notebooks. tell: called with lines on the progress.
    Raises ValueError for dead links, FileExistsError if the folder holds something else than a site.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / ASSETS[1]).is_file():
        raise FileExistsError(f"{folder} is there and is not a site, so nothing was written; name an empty folder")
    site = Site(folder, pages(numbers))
    remove(site.part)
    (site.part / PICTURES).mkdir(parents=True)
    try:
        for page in site.pages:
            tell(page.title)
            recorded = None
            if page.path.suffix == ".ipynb":
                recorded = recording_of(page, recordings, record, tell)
                site.still += [] if recorded else [page.title[:2]]
            (site.part / page.name).write_text(page_html(page, site, recorded), encoding="utf-8")
        for name in ASSETS:
            shutil.copy(HERE / name, site.part / name)
        if wrong := dead_links(site.part):
            raise ValueError("\n".join(wrong))
        remove(folder)
        site.part.rename(folder)
    finally:
        remove(site.part)
    return site


def recording_of(page, recordings: Path, record: bool, tell) -> Path | None:
    """The folder with a notebook's recording, made if it has to be and may be."""
    recorded = fresh(page.path, recordings)
    if record and not recorded:
        tell("  recording its sliders, once: some minutes, an hour for all notebooks (ARGS=--still leaves it out)")
        recorded = make(page.path, recordings)
    return recorded


def page_html(page, site: Site, recorded: Path | None) -> str:
    """A whole page; its pictures are stored on the way."""
    prose = Prose(Links(site.pages), page.source, picture=lambda url: stored(page.path.parent / url, site.part))
    body = body_html(page, prose, site, recorded)
    n = site.pages.index(page)
    around = dict(zip(("before", "after"), ([None, *site.pages][n], [*site.pages, None][n + 1])))
    template = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True).get_template("page.html")
    return template.render(page=page, body=body, headings=prose.headings, front=FRONT, reference=REFERENCE, **around)


def body_html(page, prose: Prose, site: Site, recorded: Path | None) -> str:
    """The main part of a page."""
    if page == FRONT:
        return front_html(prose, site.pages)
    if page == REFERENCE:
        return reference_html(prose)
    if page.path.suffix == ".ipynb":
        if recorded:
            shutil.copytree(recorded / PICTURES, site.part / PICTURES, dirs_exist_ok=True)
        return notebook_html(page.path, prose, site.part, recorded)
    text = prose.html(page.path.read_text(encoding="utf-8"))
    return with_notebooks(text, prose.links) if page.name == "glossary.html" else text


def stored(picture: Path, part: Path) -> tuple:
    """A picture of docs/, stored for the site: (its address, width, height)."""
    name, *size = store_png(picture.read_bytes(), part)
    return f"{PICTURES}/{name}", *size
