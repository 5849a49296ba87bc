"""Write a course for nbgrader: source/ for the teacher, release/ for the students, and nbgrader's configuration."""
from pathlib import Path

from mistral_edu import course
from mistral_edu.classroom.assignment import STUB, as_text, source_of
from mistral_edu.classroom.release import release_of
from mistral_edu.classroom.tasks import tasks_of
from mistral_edu.course.copies import find
from mistral_edu.course.handout import fingerprint
from mistral_edu.machine.whole_files import make_folder, write_text

CONFIG = "nbgrader_config.py"
CONFIGURATION = f'''"""What nbgrader does in this folder. It reads this file when it is started here."""
c = get_config()                                                    # noqa: F821: nbgrader brings it
c.CourseDirectory.course_id = "mistral"
c.ClearSolutions.code_stub = {{"python": "{STUB}"}}
c.GenerateAssignment.force = True              # nbgrader writes release/ anew, and learns what it holds
c.OverwriteCells.add_missing_cells = True      # a check that a student has deleted is put back
c.Execute.timeout = 180                        # seconds a cell; the checker itself ends an answer's loop after 60
'''


def build(folder, numbers=(), force: bool = False) -> list:
    """Write the assignments of these notebooks ("5" or "05"; none: all that have exercises). Returns their names.

    Raises ValueError for a notebook that is not there or has no exercise, FileExistsError where a file was changed
    since and force is false; then nothing is written.
    """
    files = {CONFIG: CONFIGURATION}
    names = []
    for notebook in _with_exercises(numbers):
        name, source = notebook.path.stem, source_of(notebook.number)
        names.append(name)
        files[f"source/{name}/{name}.ipynb"] = as_text(source)
        files[f"release/{name}/{name}.ipynb"] = as_text(release_of(source))
    folder = Path(folder)
    changed = [path for path, text in files.items() if (folder / path).exists() and not _same(folder / path, text)]
    if changed and not force:
        raise FileExistsError(f"{folder / changed[0]} exists and differs from what would be written, so nothing "
                              "was; choose another folder, or use --force to overwrite what was changed")
    make_folder(folder)
    for path, text in files.items():
        make_folder((folder / path).parent)
        write_text(folder / path, text)
    return names


def _with_exercises(numbers):
    """The notebooks that are asked for, each once."""
    if not numbers:
        return [notebook for notebook in course.ready() if tasks_of(notebook.number)]
    notebooks = list(dict.fromkeys(map(find, numbers)))
    for notebook in notebooks:
        if not tasks_of(notebook.number):
            raise ValueError(f"notebook {notebook.number}, {notebook.title}, has no exercise, so there is nothing to "
                             "grade in it")
    return notebooks


def _same(path, text):
    """As nbgrader sees it: outputs do not count."""
    return fingerprint(path.read_text(encoding="utf-8", errors="replace"), outputs=False) \
        == fingerprint(text, outputs=False)
