"""The front page: what the course is, its map, and all pages in reading order."""
import html

from mistral_edu import course
from mistral_edu.lab import course_map
from mistral_edu.language import ENGLISH, _
from mistral_edu.site.markdown import Prose
from mistral_edu.site.pages import REFERENCE, Page, in_language


def front_html(front: Page, prose: Prose, pages: list) -> str:
    """The main part of a front page, in the language of the moment, which is its own. pages: all of the site."""
    rows = "".join(row_html(notebook, here, front.language) for notebook in course.COURSE
                   if (here := [page for page in pages if page.original == f"notebooks/{notebook.path.name}"]))
    others = [page for page in pages if page.source.startswith("docs/") or page == REFERENCE]
    for_teachers = [page for page in others if page.name.startswith("teaching")]
    at_its_place = prose.links.rewrite(course_map().touch, "notebooks/")
    columns = "".join(f'<th scope="col">{words}</th>' for words in (_("notebook"), _("you end with"), _("minutes")))
    return "".join([
        prose.html(f"# {front.title}\n\n{introduction()}\n\n{how_to()}"), f'<div class="wide">{at_its_place}</div>\n',
        prose.html("## " + _("The notebooks") + "\n\n" + _(
            "The number is the reading order; the core path is {path}. Minutes are those of a first reading, with the "
            "exercises.", path=course.core_path()) + " " + what_is_translated(pages, front.language)),
        f'<div class="scroll"><table class="course"><thead><tr>{columns}</tr></thead>\n<tbody>{rows}</tbody></table>'
        "</div>\n",
        prose.html("## " + _("Beside the notebooks")),
        list_html((page for page in others if page not in for_teachers), front.language),
        prose.html("## " + _("For teachers")), list_html(for_teachers, front.language)])


def introduction() -> str:
    """The README's first paragraph, which a test compares with it."""
    return _("Twenty notebooks take you from a 2-by-2 matrix to a chat with a Mistral model: every part is derived by "
             "hand, drawn, put under a slider, and checked by a number. A small but real Mistral (7.9 M parameters, "
             "trained by this project) is included, so everything runs on your own computer, on the array library MLX, "
             "with no model to download and no account.")


def how_to() -> str:
    return _("These pages show what the notebooks print. Each slider was recorded, each prediction is yours to make, "
             "and whatever explains a result waits until you have made it. The exercises need the notebooks "
             "themselves: `make lab` in a clone of the course opens them.")


def what_is_translated(pages: list, language: str) -> str:
    """A sentence for a front page that is a translation itself; nothing for the English one."""
    numbers = [page.title[:2] for page in pages if page.command and page.language == language != ENGLISH]
    return _("Translated so far: notebook {numbers}. All other pages are in English.",
             numbers=", ".join(numbers)) if numbers else ""


def list_html(pages, language: str) -> str:
    links = "".join(f"<li><a {to(page, language)}>{html.escape(page.title)}</a></li>\n" for page in pages)
    return f"<ul>\n{links}</ul>\n"


def to(page: Page, language: str) -> str:
    """The attributes of a link that is the title of the page to which it leads, on a page in this language.

    >>> to(REFERENCE, "en"), to(REFERENCE, "de")
    ('href="reference.html"', 'href="reference.html" lang="en" hreflang="en"')
    """
    other = f' lang="{page.language}" hreflang="{page.language}"' if page.language != language else ""
    return f'href="{page.name}"{other}'


def row_html(notebook, pages, language: str) -> str:
    """A notebook's title in this language leads to its page in it, or to the English one; beside it stand the titles of
    its other pages. pages: its page in English, then its translations."""
    page = in_language(pages[0], language, pages)
    leads = f'href="{page.name}"' + (f' hreflang="{page.language}"' if page.language != language else "")
    others = "".join(f' <a class="note" {to(one, language)}>{html.escape(one.title[3:])}</a>'
                     for one in pages if one != page)
    elective = "" if notebook.core else f' <span class="note">{_("elective")}</span>'
    return (f'<tr><th scope="row"><a {leads}>{html.escape(f"{notebook.number} {_(notebook.title)}")}</a>{others}'
            f"{elective}</th><td>{html.escape(_(notebook.ends))}</td><td>{notebook.minutes}</td></tr>\n")
