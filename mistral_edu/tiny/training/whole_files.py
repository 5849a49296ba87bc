"""Files that are written whole or not at all: under another name first, which a kill may leave behind."""
import os
import shutil

PART = "part-"  # how the name of a file begins that is not whole yet


def write(path, save):
    """Let `save(temporary name)` write, then rename: a killed run leaves no half file."""
    temporary = path.with_name(PART + path.name)
    temporary.parent.mkdir(parents=True, exist_ok=True)
    try:
        save(str(temporary))
    except RuntimeError as error:  # MLX's word for a full disk, among others
        raise OSError(f"{path} could not be written ({error}); is the disk full? What was there before is untouched") \
            from error
    os.replace(temporary, path)


def remove_half_written(folder):
    """Remove what a kill in the middle of `write` has left."""
    for left in [*folder.glob(PART + "*"), *folder.glob(f"checkpoints/{PART}*")]:
        shutil.rmtree(left) if left.is_dir() else left.unlink()
