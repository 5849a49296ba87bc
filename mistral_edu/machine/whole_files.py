"""Files that are written completely or not at all: first under another name, which a kill may leave behind."""
import os
import shutil
from pathlib import Path

PART = ".part-"  # how the name of an incomplete file begins; the dot hides it when a folder is listed


def write(path, save):
    """Let save(name), with the name of a file beside `path`, write that file or folder; then it takes its place.

    So whoever looks sees the old file or the new one, never half of it. A file that is replaced passes on its
    permissions. Raises whatever save raises, and OSError for MLX's message for a full disk; then nothing has changed.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(Path(folder, "greeting"), lambda name: Path(name).write_text("Hello"))
    ...     [(file.name, file.read_text()) for file in Path(folder).iterdir()]
    [('greeting', 'Hello')]
    """
    path = Path(path)
    part = part_of(path)
    try:
        save(str(part))
        if path.is_file():
            shutil.copymode(path, part)
        os.replace(part, path)
    except RuntimeError as error:  # MLX's error for a full disk, among others
        raise OSError(f"{path} could not be written ({error}); is the disk full? What was there before is untouched") \
            from error
    finally:
        remove(part)


def write_text(path, text):
    """The same for a text, in UTF-8."""
    write(path, lambda name: Path(name).write_text(text, encoding="utf-8"))


def make_folder(path):
    """A folder, with those around it, where it is not there yet. Raises OSError, which says what is in the way."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise OSError(f"{path} cannot be a folder, since there is a file of that name; choose another name") from None
    except OSError as error:
        raise OSError(f"the folder {path} cannot be made ({error.strerror}); choose another place") from error


def part_of(path):
    """Where a file stays until it is complete. It keeps its extension, by which some programs go; two processes use two
    names."""
    return path.with_name(f"{PART}{os.getpid()}-{path.name}")


def remove_parts(folder):
    """Remove what a kill in the middle of `write` has left in a folder."""
    for pattern in (PART + "*", "part-*"):  # without the dot: the name in older versions
        for part in folder.glob(pattern):
            remove(part)


def remove(path):
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
