"""The language in which the course speaks to a learner: English as the code has it, or a translation of it.

Sentences stand in the code in English: `_("case {n} of {count}", n=2, count=4)`. A translation is one file beside this
one, `de.po`, which a translator edits and po.py reads as it is: nothing has to be compiled. What it lacks stays
English. A text is translated when it is shown, not when it is defined: so `language("de")` holds from then on, and
constants, hints and slips stay plain English strings (marked N_ unless an exercise holds them). English is the default
whatever the system's language is, since stored outputs are compared with it; MISTRAL_EDU_LANG=de or `language("de")`
chooses another. Numbers, names in code and what a model says are never translated, nor are errors of the library
(ValueErrors about files, shapes, settings), which readers look up in English.
`make language TO=de` (mistral_edu/course/translations.py) brings a file up to date and says what it lacks.
"""
import os
import re
import warnings
from contextlib import contextmanager
from pathlib import Path

from mistral_edu.language.po import Catalog, read

FOLDER = Path(__file__).parent
VARIABLE = "MISTRAL_EDU_LANG"
ENGLISH = "en"
_chosen = ENGLISH, Catalog()


def _(message: str, /, **values) -> str:
    """The message in the chosen language, its {placeholders} filled in if values are given."""
    text = _chosen[1].one(message)
    return text.format(**values) if values else text


def ngettext(one: str, many: str, n: int, /, **values) -> str:
    """The same for a message about {n} things, in the form that goes with n: in English `one` for 1, else `many`."""
    return _chosen[1].of_number(one, many, n).format(n=n, **values)


def N_(message: str) -> str:
    """Marks a constant that is translated where it is shown."""
    return message


def language(name: str) -> None:
    """Speak this language from now on: "en", or one whose file is here. Raises ValueError, which names them.

    >>> language("tlh")
    Traceback (most recent call last):
    ValueError: there is no translation into 'tlh'; expected one of de, en... CONTRIBUTING.md says how to add one
    """
    global _chosen
    short = re.split("[-_.]", name.strip().lower())[0]         # de_AT.UTF-8
    if short not in languages():
        raise ValueError(f"there is no translation into {name!r}; expected one of {', '.join(languages())}. "
                         "CONTRIBUTING.md says how to add one")
    file = FOLDER / f"{short}.po"
    _chosen = short, Catalog() if short == ENGLISH else read(file.read_text(encoding="utf-8"))


@contextmanager
def speaking(name: str):
    """Speak this language for a while: `with speaking("de"): ...`; afterwards the one spoken before."""
    before = current()
    language(name)
    try:
        yield
    finally:
        language(before)


def own_name(name: str) -> str:
    """What a language calls itself, as its file translates "English"; its letters where it does not.

    >>> own_name("en"), own_name("de")
    ('English', 'Deutsch')
    """
    with speaking(name):
        word = _("English")
    return word if word != "English" or name == ENGLISH else name


def languages() -> list:
    """Those there are: English, and those that have a file here."""
    return sorted({ENGLISH, *(path.stem for path in FOLDER.glob("*.po"))})


def current() -> str:
    """The chosen one.

    >>> current()
    'en'
    """
    return _chosen[0]


def translations_in(script: str) -> dict:
    """{English: translation} of the messages in a script, and perhaps of some that only look like it."""
    return {message: forms[0] for message, forms in _chosen[1].forms.items() if message in script}


if os.environ.get(VARIABLE):
    try:
        language(os.environ[VARIABLE])
    except ValueError as error:
        warnings.warn(f"{VARIABLE}: {error}", stacklevel=1)
