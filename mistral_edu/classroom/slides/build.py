"""Write the slides of notebooks: of the course's own pages, or of copies that somebody has changed."""
from pathlib import Path

from mistral_edu import course
from mistral_edu.classroom.slides.document import document
from mistral_edu.classroom.slides.rules import slides_of
from mistral_edu.classroom.submission import read_notebook
from mistral_edu.course.copies import find
from mistral_edu.machine.whole_files import make_folder, write_text


def build(folder, asked=()):
    """Write a file for each notebook; yields (its path, how many slides it has). Older slides are written over.

    asked: numbers such as "5" or "05", which give 05.html, or paths of notebooks, which give files of their names;
    none: the whole course. Raises ValueError for what is not in the course or is no notebook, OSError for what cannot
    be read or written.
    """
    for path in [path_of(one) for one in asked] or [notebook.path for notebook in course.ready()]:
        try:
            notebook = read_notebook(path)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        page = next((page for page in course.COURSE if page.path.name == path.name), None)
        slides = slides_of(notebook, page.ends if page else "")
        if not slides:
            raise ValueError(f"{path} has nothing to show: no heading, no text, no code")
        target = Path(folder) / f"{page.number if page and path == page.path else path.stem}.html"
        make_folder(folder)
        write_text(target, document(slides, f"{page.number} {page.title}" if page else path.stem))
        yield target, len(slides)


def path_of(asked: str) -> Path:
    """The file of a number, or a path as it is."""
    return Path(asked) if asked.endswith(".ipynb") or Path(asked).is_file() else find(asked).path
