"""Hand out files to somebody who will change them, and newer ones later, so that none of their work is lost.

A hidden file in the folder, .course.json, keeps two fingerprints of each file: of what was handed out, and of the
lesson in it, that is, the same without outputs.

    the file is                        then
    not there, and never was           it is handed out
    deleted                            it stays away until it is asked for
    as it was handed out               the newer one takes its place
    changed, from the same lesson      it stays as it is
    changed, and the lesson is newer   it stays as it is, and the newer lesson is put beside it

A file without fingerprints counts as changed.
"""
import hashlib
import json
from itertools import count
from pathlib import Path

from mistral_edu.language import _
from mistral_edu.machine.whole_files import write_text

MANIFEST = ".course.json"


def hand_out(folder: Path, files, asked: str | None = None) -> list:
    """Bring `folder` up to date; returns what its owner should know, as sentences.

    files: (path in the folder, text) of each. asked: one, by its path, that comes back even if it was deleted. Raises
    OSError if something has to be written and cannot be.
    """
    records, sentences = _read_manifest(folder / MANIFEST)
    before = json.dumps(records)
    for name, text in files:
        sentences += _hand_out_one(folder, name, text, records, name == asked)
    if json.dumps(records) != before:
        _write(folder / MANIFEST, json.dumps(records, indent=1) + "\n")
    return sentences


def _hand_out_one(folder, name, text, records, asked):
    """Apply the table above to one file. A newer lesson beside it is treated likewise, if a still newer one comes."""
    new = {"given": fingerprint(text), "lesson": fingerprint(text, outputs=False)}
    for copy in _names(name):
        path, record = folder / copy, records.get(copy)
        there = fingerprint(path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else None
        same_lesson = record is not None and record["lesson"] == new["lesson"]
        if there is None and record and (same_lesson or copy == name) and not (asked and copy == name):
            return []                                            # deleted
        if there == new["given"]:
            records[copy] = new
            return []
        if there is None or record and record["given"] == there:
            _write(path, text)
            records[copy] = new
            newer = _("You have changed {name}, so it stays. The newer lesson is beside it: {copy}",
                      name=name, copy=copy)
            return [newer] if copy != name else []
        if same_lesson:
            return []                                            # changed


def fingerprint(text: str, outputs: bool = True) -> str:
    """A hash of what a reader sees in a file, with or without outputs.

    Of a notebook only the cells count: JupyterLab rewrites versions and execution counts whenever it saves.
    """
    kept = ("cell_type", "source", "attachments", *(["outputs"] if outputs else []))
    try:
        cells = json.loads(text)["cells"]
        text = json.dumps(_plain([{key: cell.get(key, []) for key in kept} for cell in cells]), sort_keys=True)
    except (ValueError, TypeError, KeyError, AttributeError):    # a solution, or a damaged notebook: its text
        pass
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value):
    """Text may be stored in one piece or in lines, and a result with its count: no difference to a reader."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items() if key != "execution_count"}
    if isinstance(value, list):
        return "".join(value) if all(isinstance(line, str) for line in value) else [_plain(part) for part in value]
    return value


def _names(name):
    """Where a file goes, and where newer lessons do: a.md, a (new lesson).md, a (new lesson 2).md, ..."""
    path = Path(name)
    yield name
    for n in count(1):
        mark = "(new lesson)" if n == 1 else f"(new lesson {n})"
        yield path.with_name(f"{path.stem} {mark}{path.suffix}").as_posix()


def _read_manifest(path):
    """(path of a copy -> its fingerprints, sentences). What is damaged or missing counts as empty."""
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
        return {name: {key: record[key] for key in ("given", "lesson")} for name, record in records.items()}, []
    except (FileNotFoundError, NotADirectoryError):
        return {}, []
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}, [_("{path} was damaged and has been made again; this once, every page there counts as changed",
                      path=path)]


def _write(path, text):
    """Written beside the file first, then renamed: neither a crash nor JupyterLab meets half a page."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        raise OSError(f"{path} cannot be written ({error.strerror})") from error
