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
    by_source = {page.source: page for page in pages}
    rows = "".join(row_html(notebook, by_source[f"notebooks/{notebook.path.name}"]) for notebook in course.COURSE
                   if f"notebooks/{notebook.path.name}" in by_source)
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


def row_html(notebook, page) -> str:
    elective = "" if notebook.core else ' <span class="note">elective</span>'
    return (f'<tr><th scope="row"><a href="{page.name}">{html.escape(page.title)}</a>{elective}</th>'
            f"<td>{html.escape(notebook.ends)}</td><td>{notebook.minutes}</td></tr>\n")
