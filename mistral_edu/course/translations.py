"""Bring a translation up to date, and say what it lacks.

    python -m mistral_edu.course.translations de        # begins mistral_edu/language/de.po if it is not there

Messages are found where they stand: in the code, as _("..."), N_("...") and ngettext(...), in Python, JavaScript and
the site's template; in the exercises of all notebooks, whose hints and slips are translated when they are shown; in the
names of the map's boxes and what COURSE says of each notebook. What is already translated stays. Where an English
message has changed a little, its translation is kept but marked fuzzy: the English is shown until somebody has looked
at it and taken the mark away.
Babel, a library for this, reads and writes the file.
"""
import argparse
import ast
import re
import sys
from collections import Counter
from functools import cache
from io import BytesIO

from babel.messages import Catalog
from babel.messages.pofile import read_po, write_po

from mistral_edu import course
from mistral_edu.lab.exercises.bank import exercises_of, room_of
from mistral_edu.lab.showing.map.boxes import BOXES
from mistral_edu.language import FOLDER
from mistral_edu.machine.whole_files import write_text

PACKAGE = FOLDER.parent
MARKS = {"_": 1, "N_": 1, "ngettext": 2}                    # a call that marks a message, and in how many forms
HEADER = "# What mistral-edu says to a learner. CONTRIBUTING.md says how a translation is made."
NOISE = re.compile(r'^"(?!Language:|Plural-Forms|Content-Type)[A-Z][\w-]+: .*\n', flags=re.M)    # of Babel's header


@cache
def messages() -> Catalog:
    """All messages, in English, each with the files in which it stands."""
    found = Catalog(charset="utf-8")
    for ending, marked in (("py", in_python), ("js", in_javascript), ("html", in_javascript)):
        for file in sorted(PACKAGE.rglob(f"*.{ending}")):
            for message in marked(file):
                found.add(message, locations=[(file.relative_to(PACKAGE.parent).as_posix(), None)])
    for box in BOXES:
        for words in filter(None, (box.name, box.which)):
            found.add(words, locations=[("mistral_edu/lab/showing/map/boxes.py", None)])
    for notebook in course.COURSE:
        for words in (notebook.title, notebook.ends):
            found.add(words, locations=[("mistral_edu/course/__init__.py", None)])
        room = f"{room_of(notebook.number)}/exercises.py".replace(".", "/", 2)
        for exercise in exercises_of(notebook.number):
            for sentence in (*(sentence for wrong, sentence in exercise.slips), *exercise.hints):
                found.add(sentence, locations=[(room, None)])
    return found


def in_python(file):
    """The messages marked in a file: a string, or both forms of one about n things."""
    calls = [node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        n = MARKS.get(getattr(call.func, "id", ""), 0)
        forms = [part.value for part in call.args[:n] if isinstance(part, ast.Constant)]
        if n and len(forms) == n:                           # not _(sentence), of what is marked elsewhere
            yield forms[0] if n == 1 else tuple(forms)


def in_javascript(file):
    """Those of _("..."), which are always in double quotes; in a template, too."""
    return re.findall(r'(?<!\w)_\("([^"]+)"', file.read_text(encoding="utf-8"))


def updated(text: str, language: str) -> str:
    """The text of a .po file, with all messages of today and no others."""
    catalog = read_po(BytesIO(text.encode()), locale=language)
    catalog.update(messages())
    catalog.obsolete.clear()
    for message in catalog:
        message.flags.discard("python-format")              # "100 %" is no placeholder: ours are {names}
        if not _is_whole(message):
            message.flags.discard("fuzzy")
    catalog.header_comment, catalog.fuzzy = HEADER, False
    written = BytesIO()
    write_po(written, catalog, width=120, include_lineno=False)
    header, entries = written.getvalue().decode().split("\n\n", 1)
    return NOISE.sub("", header + "\n") + "\n" + entries


def lacking(text: str) -> dict:
    """{file: messages that it shows and the .po file does not translate}."""
    catalog = read_po(BytesIO(text.encode()))
    known = {message.id for message in catalog if message.id and not message.fuzzy and _is_whole(message)}
    lacks: dict = {}
    for message in messages():
        if message.id and message.id not in known:
            for file, _line in message.locations:
                lacks.setdefault(file, []).append(message.id)
    return lacks


def _is_whole(message):
    return all(message.string) if isinstance(message.string, tuple) else bool(message.string)


def coverage(text: str) -> list:
    """A line for each file that shows messages: how many of them are translated."""
    lacks = lacking(text)
    counted = Counter(file for message in messages() if message.id for file, _line in message.locations)
    return [f"{n - len(lacks.get(file, ())):4} of {n:4}  {file}" for file, n in sorted(counted.items())]


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mistral_edu.course.translations",
                                     description="Bring a translation up to date, and say what it lacks.")
    parser.add_argument("language", help="two letters, such as de")
    language = parser.parse_args(arguments).language
    if not re.fullmatch("[a-z]{2,3}", language):
        print(f"a language is given by its two or three letters, such as de; got {language!r}", file=sys.stderr)
        return 2
    path = FOLDER / f"{language}.po"
    text = updated(path.read_text(encoding="utf-8") if path.is_file() else "", language)
    write_text(path, text)
    print(*coverage(text), sep="\n")
    lacks = {message for found in lacking(text).values() for message in found}
    n = sum(bool(message.id) for message in messages())
    print(f"{n - len(lacks)} of {n} messages are translated; {path.relative_to(PACKAGE.parent)} holds all of them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
