"""The front page: what the course is, its map, and all pages in reading order."""
import html
import re

from mistral_edu import course
from mistral_edu.lab import course_map
from mistral_edu.site.markdown import Prose
from mistral_edu.site.pages import FRONT, REFERENCE

HOW_TO = """These pages show what the notebooks print. Each slider was recorded, each prediction is yours to make, and
whatever explains a result waits until you have made it. The exercises need the notebooks themselves: `make lab` in a
clone of the course opens them."""


def front_html(prose: Prose, pages: list) -> str:
    """The page's main part. pages: all of the site."""
    rows = "".join(row_html(notebook, here) for notebook in course.COURSE
                   if (here := [page for page in pages if page.original == f"notebooks/{notebook.path.name}"]))
    others = [page for page in pages if page.source.startswith("docs/") or page == REFERENCE]
    for_teachers = [page for page in others if page.name.startswith("teaching")]
    at_its_place = prose.links.rewrite(course_map().touch, "notebooks/")
    return "".join([
        prose.html(f"# {FRONT.title}\n\n{introduction()}\n\n{HOW_TO}"), f'<div class="wide">{at_its_place}</div>\n',
        prose.html(f"## The notebooks\n\nThe number is the reading order; the core path is {course.core_path()}. "
                   "Minutes are those of a first reading, with the exercises."),
        '<div class="scroll"><table class="course"><thead><tr><th scope="col">notebook</th><th scope="col">'
        f'you end with</th><th scope="col">minutes</th></tr></thead>\n<tbody>{rows}</tbody></table></div>\n',
        prose.html("## Beside the notebooks"), list_html(page for page in others if page not in for_teachers),
        prose.html("## For teachers"), list_html(for_teachers)])


def list_html(pages) -> str:
    links = "".join(f'<li><a href="{page.name}">{html.escape(page.title)}</a></li>\n' for page in pages)
    return f"<ul>\n{links}</ul>\n"


def introduction() -> str:
    """The README's first paragraph; where there is no README (an installed package), the course's own sentence."""
    if not FRONT.path.is_file():
        return "Every part of Mistral-7B, derived by hand, drawn, put under a slider, and checked by a number."
    return re.search(r"^# .*\n\n((?:.+\n)+)", FRONT.path.read_text(encoding="utf-8"))[1]


def row_html(notebook, pages) -> str:
    """pages: the notebook's page in English, then its translations."""
    page, *translations = pages
    elective = "" if notebook.core else ' <span class="note">elective</span>'
    others = "".join(f' <a class="note" href="{one.name}" lang="{one.language}" hreflang="{one.language}">'
                     f"{html.escape(one.title[3:])}</a>" for one in translations)
    return (f'<tr><th scope="row"><a href="{page.name}">{html.escape(page.title)}</a>{others}{elective}</th>'
            f"<td>{html.escape(notebook.ends)}</td><td>{notebook.minutes}</td></tr>\n")
