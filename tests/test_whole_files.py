"""A file is written whole or not at all, whatever goes wrong meanwhile."""
import os
import signal
import subprocess
import sys

from mistral_edu.machine.whole_files import remove_parts, write, write_text

import pytest


@pytest.fixture
def file(tmp_path):
    (tmp_path / "file.txt").write_text("old")
    return tmp_path / "file.txt"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_text_takes_the_place_of_the_old_one(file):
    write_text(file, "naïve 世界")
    assert file.read_bytes() == "naïve 世界".encode() and names(file.parent) == ["file.txt"]


def test_the_old_file_is_there_while_the_new_one_is_written(file):
    def save(name):
        with open(name, "w") as opened:
            opened.write("new")
        assert file.read_text() == "old" and os.path.dirname(name) == str(file.parent)
        assert name.endswith(".txt")  # savers that go by the ending add none of their own

    write(file, save)
    assert file.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError("no number"), KeyboardInterrupt(), OSError(28, "disk full")], ids=repr)
def test_what_goes_wrong_is_raised_and_leaves_the_old_file_alone(file, error):
    def save(name):
        with open(name, "w") as opened:
            opened.write("half of the n")
        raise error

    with pytest.raises(type(error)):
        write(file, save)
    assert file.read_text() == "old" and names(file.parent) == ["file.txt"]


def test_a_full_disk_in_the_words_of_mlx_is_an_oserror(file):
    def save(name):
        raise RuntimeError("[save] no space left on device")

    with pytest.raises(OSError, match="file.txt could not be written .*is the disk full"):
        write(file, save)


def test_a_folder_can_be_written_whole(tmp_path):
    def save(name):
        os.mkdir(name)
        with open(os.path.join(name, "config.json"), "w") as opened:
            opened.write("{}")

    write(tmp_path / "model", save)
    assert names(tmp_path) == ["model"] and names(tmp_path / "model") == ["config.json"]


def test_permissions_are_handed_on(file):
    file.chmod(0o600)
    write_text(file, "still private")
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "nowhere" / "file.txt", "text")


KILLED = """
import os, signal, sys
from mistral_edu.machine.whole_files import write

def save(name):
    with open(name, "w") as opened:
        opened.write("half of the n")
    os.kill(os.getpid(), signal.SIGKILL)

write(sys.argv[1], save)
"""


def test_what_a_kill_leaves_is_hidden_and_can_be_removed(file):
    killed = subprocess.run([sys.executable, "-c", KILLED, str(file)])
    assert killed.returncode == -signal.SIGKILL and file.read_text() == "old"
    left = [name for name in names(file.parent) if name != "file.txt"]
    assert len(left) == 1 and left[0].startswith(".")
    remove_parts(file.parent)
    assert names(file.parent) == ["file.txt"]
