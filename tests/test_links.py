"""Relative links of README, CONTRIBUTING.md and the pages in docs/ and solutions/: their files and headings exist."""
import re
from pathlib import Path

from mistral_edu import course
from mistral_edu.course.copies import files

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")),
         *sorted((ROOT / "solutions").glob("*.md"))]


def without_blocks(text):
    """A page without its blocks of code, in which brackets and # mean something else."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def links(text):
    """(path, anchor) of each relative link and picture; within a page the path is empty, without one the anchor."""
    prose = re.sub(r"`[^`\n]*`", "", without_blocks(text))
    targets = re.findall(r"\]\(([^)\s]+)\)", prose)
    return [tuple(target.partition("#")[::2]) for target in targets if not re.match(r"https?:|mailto:", target)]


def anchors(text):
    """What the headings of a page are linked by, as GitHub and JupyterLab make it of their words."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(text), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page, text):
    """The links of a page that lead nowhere, as they are written."""
    dead = []
    for path, anchor in links(text):
        target = page.parent / path if path else page
        found = target.exists()
        if found and anchor:
            found = target.suffix == ".md" and anchor in anchors(text if target == page else target.read_text("utf-8"))
        if not found:
            dead.append(f"{path}#{anchor}" if anchor else path)
    return dead


def test_dead_links_are_found(tmp_path):
    (tmp_path / "other.md").write_text("# A heading, of `words`\n```sh\n# no heading\n```\n")
    text = ("# Top\n[a](other.md) [b](other.md#a-heading-of-words) [c](#top) [d](https://x.org) `[e](code.md)`\n"
            "[f](gone.md) [g](other.md#no-heading) [h](#bottom) ![i](gone.png)\n")
    (tmp_path / "page.md").write_text(text)
    assert dead_links(tmp_path / "page.md", text) == ["gone.md", "other.md#no-heading", "#bottom", "gone.png"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_somewhere(page):
    assert dead_links(page, page.read_text("utf-8")) == []


def test_links_are_found_in_the_pages():
    for page, least in (("README.md", 25), ("docs/troubleshooting.md", 7), ("docs/prompting.md", 4)):
        assert len(links((ROOT / page).read_text("utf-8"))) >= least


def test_pages_lead_somewhere_in_a_learners_folder_too(tmp_path):
    """There docs/ and solutions/ lie beside the notebooks, and hold no pictures."""
    handed_out = dict(files())
    for name, text in handed_out.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    pages = [name for name in handed_out if name.endswith(".md")]
    assert "docs/prompting.md" in pages and len(pages) > len(course.ready())
    assert {name: dead for name in pages if (dead := dead_links(tmp_path / name, handed_out[name]))} == {}
