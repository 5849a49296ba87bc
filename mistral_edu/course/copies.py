"""A learner's own copy of the course, which `mistral-edu lab` makes and brings up to date.

The stored notebooks are tests, complete with their outputs: whoever works in them gets conflicts at the next pull, and
sees every result before predicting it. So a learner gets copies, in which everything after the first prediction is
empty until it is run. `handout` makes sure that none is overwritten once it has been changed.
"""
import json
import re
from pathlib import Path

from mistral_edu import course
from mistral_edu.course.alt_texts import put_alt_texts
from mistral_edu.course.handout import MANIFEST, hand_out
from mistral_edu.language import ENGLISH, _

FOLDER, FINISHED = "mistral-notebooks", "finished"
PREDICTS, HINTS = re.compile(r"(?<![\w.])predict\("), re.compile(r"(?<![\w.])hint\(")
OUT = re.compile(r"\]\(\.\./(?=docs/|solutions/)")    # links out of notebooks/: the copies are beside docs/
ANSWERS = "teaching_questions.md"       # of docs/: it tells what the predictions come to
PICTURE = re.compile(r"!\[([^\]]*)\]\((?!\w+:)[^)]*\)")    # of a page in docs/; only a clone has the file


def prepare(asked: str | None = None, folder: str | None = None, finished: bool = False,
            language: str = ENGLISH) -> tuple:
    """Hand out the copies; returns (their folder, the page to open in it or None, sentences for the learner).

    asked: the number of a notebook. finished: the page as it is stored, with all outputs, from finished/. language:
    pages translated into it come beside the English ones, and are the ones to open. Raises
    ValueError for a notebook that does not exist, OSError if a page has to be written and cannot be.
    """
    notebook = find(asked or "00")
    folder = Path(folder).expanduser().resolve() if folder else folder_of_learner()
    name = notebook.page_in(language).name
    page = f"{FINISHED}/{name}" if finished else name
    try:
        sentences = hand_out(folder, files(finished, language), asked=page if asked else None)
    except OSError as error:
        if not (folder / page).is_file():
            raise OSError(f"{error}; choose a folder of your own: mistral-edu lab --folder DIR") from error
        sentences = [_("{error}; existing pages are opened as they are", error=error)]
    return folder, page if (folder / page).is_file() else None, [_("Your pages: {folder}", folder=folder), *sentences]


def folder_of_learner() -> Path:
    """In a clone, at its root; otherwise below the current folder, or that folder if it already holds the copies."""
    if course.HOME != course.PACKAGE:
        return course.HOME / FOLDER
    here = Path.cwd()
    return here if (here / MANIFEST).is_file() else here / FOLDER


def find(asked: str) -> course.Notebook:
    """The notebook with this number, 8 or 08, or with such a beginning. Raises ValueError, which names those ready."""
    found = [notebook for notebook in course.COURSE if notebook.path.name.startswith(asked.zfill(2))]
    if found and found[0].ready:
        return found[0]
    problem = f"the course has no notebook {asked}"
    if found:
        problem = f"notebook {found[0].number}, {found[0].title}, is not written yet"
    raise ValueError(f"{problem}; ready: {', '.join(one.number for one in course.ready()) or 'none'}")


def copy_of(text: str, finished: bool = False) -> str:
    """The copy of a stored notebook: complete, or without outputs from the first prediction on, and without hints."""
    notebook = json.loads(text)
    if not finished:
        _begin_again(notebook["cells"])
    put_alt_texts(notebook)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _begin_again(cells):
    predicted = False
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            cell["source"] = OUT.sub("](", source).splitlines(keepends=True)
        elif cell["cell_type"] == "code":
            predicted = predicted or bool(PREDICTS.search(source))
            if predicted or HINTS.search(source):
                cell["outputs"], cell["execution_count"] = [], None


def files(finished: bool = False, language: str = ENGLISH):
    """Everything that a learner gets: (its path in the folder, its text)."""
    for notebook in course.ready():
        for path in sorted({notebook.path, notebook.page_in(language)}):
            text = path.read_text(encoding="utf-8")
            yield path.name, copy_of(text)
            if finished:
                yield f"{FINISHED}/{path.name}", copy_of(text, finished=True)
    for room in (course.SOLUTIONS, course.DOCS):
        for path in [path for path in sorted(room.glob("*.md")) if path.suffixes[:-1] in ([], [f".{language}"])]:
            if path.name == ANSWERS:
                continue
            text = path.read_text(encoding="utf-8").replace("](../notebooks/", "](../")
            text = re.sub(rf"\[([^\]]*)\]\({ANSWERS}[^)]*\)", r"\1", text)
            yield f"{room.name}/{path.name}", PICTURE.sub(r"(Picture: \1)", text)
