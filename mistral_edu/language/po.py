"""Read a translation as translators keep it: a .po file of gettext, with an entry for each message.

    #: mistral_edu/lab/exercises/hints.py
    msgid "1 hint waits here"
    msgid_plural "{n} hints wait here"
    msgstr[0] "Hier wartet 1 Hinweis"
    msgstr[1] "Hier warten {n} Hinweise"

Python's own gettext reads only what msgfmt has compiled from it. Format: the GNU gettext manual, "The Format of PO
Files". An entry marked fuzzy has not been looked at since its message changed, so it does not count.
"""
import ast
import gettext
import re
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Catalog:
    """forms: message -> its translations, one for each plural form. plural: n -> the number of the form."""
    forms: dict = field(default_factory=dict)
    plural: Callable = lambda n: int(n != 1)

    def one(self, message):
        return self.forms.get(message, (message,))[0]

    def of_number(self, one, many, n):
        return self.forms.get(one, (one, many))[self.plural(n) if one in self.forms else int(n != 1)]


def read(text: str) -> Catalog:
    """The catalog in a .po file's text; entries without a translation are left out.

    >>> catalog = read('msgid "key"\\nmsgstr "Schlüssel"\\n\\nmsgid "ball"\\nmsgstr ""')
    >>> catalog.one("key"), catalog.one("ball")
    ('Schlüssel', 'ball')
    """
    entries = dict(filter(None, map(_entry, re.split(r"\n\s*\n", text))))
    rule = re.search(r"plural=([^;\n]+)", entries.pop("", ("",))[0])
    return Catalog(entries, gettext.c2py(rule[1]) if rule else Catalog.plural)


def _entry(lines):
    """(message, its translations); None for an entry that has none, or is fuzzy."""
    if re.search(r"^#,.*\bfuzzy\b", lines, flags=re.M):
        return None
    parts = {}
    for line in lines.splitlines():
        if line.startswith('"'):                            # goes on with the string above
            parts[name] += ast.literal_eval(line)           # noqa: F821
        elif line.startswith("msg"):
            name, string = line.split(" ", 1)
            parts[name] = ast.literal_eval(string)
    forms = tuple(string for name, string in parts.items() if name.startswith("msgstr"))
    return (parts["msgid"], forms) if forms and all(forms) else None
