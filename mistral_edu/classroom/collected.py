"""What was collected: which files there are to grade, and whose each of them is."""
import os
import re
import unicodedata
from pathlib import Path

from mistral_edu import course

PAGE = ".ipynb"
ARCHIVES = (".zip", ".7z", ".rar", ".gz")
MISTAKEN = (".py", ".html", ".pdf", ".docx", ".txt", ".json")      # what is handed in instead of a page, or beside it
MOODLE = re.compile(r"(.+?)_\d+_assignsubmission_")     # a folder, or a file: Ann Lee_4711_assignsubmission_file_
CANVAS = re.compile(r"([^_]+)(?:_LATE)?(_\d+)_\d+_")    # leeann_LATE_4711_81234_05.ipynb; 4711 is Ann in every page
COPY = re.compile(r"\(\d+\)|-Copy\d*$|^Copy of\b")      # what browsers and Jupyter add to a name that is taken


def files_in(paths, apart=()) -> dict:
    """{file: folder in which it was looked for}: the files as given, and what lies below the folders among them.

    Of a folder these are the notebooks and archives, and where a student has put no notebook whatever else was handed
    in, so that nothing is left out silently. apart: files and folders that are not looked at. Raises ValueError where
    nothing is found.
    """
    files = {}
    for path in map(Path, paths):
        files |= _below(path, {Path(one).resolve() for one in apart}) if path.is_dir() else {path: path.parent}
    if not files:
        raise ValueError(f"no notebook (*{PAGE}) in {', '.join(map(str, paths))}")
    return files


def _below(home, apart):
    found = [file for file in sorted(home.rglob("*")) if file.is_file() and not _hidden(file.relative_to(home))
             and not apart & {file.resolve(), *file.resolve().parents}]
    pages = [file for file in found if file.suffix.lower() == PAGE]
    places = {(page.parent, student_of(page, home)) for page in pages}

    def instead(file):
        who, kind = student_of(file, home), file.suffix.lower()
        return kind in ARCHIVES or kind in MISTAKEN and not any((folder, who) in places for folder in file.parents)
    return {file: home for file in found if file in pages or instead(file)}


def _hidden(inside):
    """Checkpoints of Jupyter, and what macOS puts into archives."""
    return any(part.startswith((".", "__MACOSX")) for part in inside.parts)


def student_of(file: Path, home: Path, notebook: str = "") -> str:
    """Who handed in a file. home: the folder in which all of them lie; notebook: the page's two digits, if known.

    That is the first name on the way from `home` to the file that is not a page's; where all are, as in
    05_attention.ipynb, the name of the folder around them.

    >>> who = lambda file: student_of(Path("all", file), Path("all"), "05")
    >>> who("ann_05.ipynb"), who("ann/homework.ipynb"), who("ann/05_attention/05_attention.ipynb"), who("05/ann.ipynb")
    ('ann', 'ann', 'ann', 'ann')
    >>> who("Ann Lee_4711_assignsubmission_file_/05_attention.ipynb"), who("leeann_4711_81234_homework.ipynb")
    ('Ann Lee', 'leeann_4711')
    """
    inside = file.relative_to(home)
    stem = re.sub(rf"({PAGE})?\.\w+$", "", inside.name)
    folders, around = inside.parent.parts, reversed(Path(os.path.abspath(home)).parts)
    for name in (*folders, stem):
        if by_platform := MOODLE.match(name) or CANVAS.match(name):
            return _composed("".join(by_platform.groups()))
    page = re.compile(rf"(?<![^\W_])({'|'.join(_names_of_pages(notebook))})(?![^\W_])")
    beside = COPY.sub("", page.sub("", stem)).strip(" _-.")
    names = ("" if page.fullmatch(name) else name for name in (*folders, beside, *around))
    return _composed(next(filter(None, names), ""))


def _names_of_pages(notebook):
    """As regular expressions: 05_attention, 05 attention.de, 05; those of all pages where it is not known."""
    for page in course.COURSE:
        if notebook in ("", page.number):
            yield rf"{page.number}([ _-]{page.name.replace('_', '[ _-]')}(\.\w\w)?)?"


def _composed(name):
    """macOS takes its ü apart when it names files, other systems do not."""
    return unicodedata.normalize("NFC", name)
