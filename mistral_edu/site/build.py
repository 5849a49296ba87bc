"""Write the whole site into a folder: every page, its pictures, one style and one script, and check all links."""
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from mistral_edu.language import _, own_name, speaking, translations_in
from mistral_edu.machine.whole_files import part_of, remove
from mistral_edu.site.front import front_html
from mistral_edu.site.links import Links, dead_links
from mistral_edu.site.markdown import Prose, with_notebooks
from mistral_edu.site.notebook import notebook_html
from mistral_edu.site.pages import FRONT, REFERENCE, around, in_language, pages, versions
from mistral_edu.site.recorder import PICTURES, store_png
from mistral_edu.site.recording import fresh, make_all
from mistral_edu.site.reference import reference_html

HERE = Path(__file__).parent
ASSETS = ("style.css", "site.js")


@dataclass
class Site:
    """A site, built or being built. part: the folder that takes the place of `folder` once all is in it.

    still: the names of notebooks whose sliders stand still, since no recording fits them.
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
    notebooks = [page.path for page in site.pages if page.path.suffix == ".ipynb"]
    if record:
        make_all([path for path in notebooks if not fresh(path, recordings)], recordings, tell)
    remove(site.part)
    (site.part / PICTURES).mkdir(parents=True)
    try:
        for page in site.pages:
            tell(page.title)
            recorded = fresh(page.path, recordings) if page.path in notebooks else None
            if page.path in notebooks and not recorded:
                site.still.append(page.path.stem)
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


def page_html(page, site: Site, recorded: Path | None) -> str:
    """A whole page, which speaks its language throughout; its pictures are stored on the way."""
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True)
    environment.globals.update(_=_, own_name=own_name)
    prose = Prose(Links(site.pages, page.language), page.source,
                  picture=lambda url: stored(page.path.parent / url, site.part))
    before, after = around(page, site.pages)
    usage, glossary = (one for one in site.pages if one.name in ("usage.html", "glossary.html"))
    with speaking(page.language):
        return environment.get_template("page.html").render(
            page=page, body=body_html(page, prose, site, recorded), headings=prose.headings, command=page.command,
            front=in_language(FRONT, page.language, site.pages), reference=REFERENCE, usage=usage, glossary=glossary,
            before=before, after=after, versions=versions(page, site.pages),
            words=translations_in((HERE / "site.js").read_text(encoding="utf-8")))


def body_html(page, prose: Prose, site: Site, recorded: Path | None) -> str:
    """The main part of a page."""
    if page.source == FRONT.source:
        return front_html(page, prose, site.pages)
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
