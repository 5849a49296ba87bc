"""What an answer needs: the statements that make its function, and those that make what it uses, and so on.

Whole pages take up to a minute, and a student's page may stop, loop or draw anywhere in it. So none is run: only the
imports, functions and values on which the answer rests are, each taken from the student's own cells, and from the
stored page where the student's have lost it.
"""
import ast
import re
import symtable

from mistral_edu.lab.kernel.cells import names_made


def python_of(source: str) -> str:
    """A cell's text with its magics out of the way, where it has any; no line is moved.

    >>> python_of("%%time\\nx = 1\\nif x:\\n    %matplotlib inline\\n!ls")
    '# %%time\\nx = 1\\nif x:\\n    pass\\npass'
    """
    if is_python(source):
        return source                               # a line of it may begin with % all the same
    source = re.sub(r"^%%", "# %%", source)
    return re.sub(r"^([ \t]*)[%!].*", r"\1pass", source, flags=re.M)


def is_python(source: str) -> bool:
    """Whether Python can read a text at all."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def pieces(sources, at: int, name: str, page) -> list:
    """[(text of a cell, numbers of its statements)] in the order in which they are to be run.

    sources: texts of the student's cells, `at` the one that defines `name`; page: texts of the stored page's. Raises
    SyntaxError where the answer's own cell has one; other cells that are not Python are passed over.
    """
    own = [_Statements(source) for source in sources]
    ast.parse(own[at].source)
    stored = [_Statements(source) for source in page]
    found, seen = [], set()

    def visit(wanted):
        if wanted in seen:
            return
        seen.add(wanted)
        cell = _maker(wanted, own, at) or _maker(wanted, stored, len(stored))
        for n in cell.makers(wanted) if cell else ():
            take(cell, n)

    def take(cell, n):
        if (id(cell), n) not in seen:
            seen.add((id(cell), n))
            for used in _globals_used(cell.body[n]):
                visit(used)
            found.append((cell.source, n))

    for cell in own:                                # `from math import *` may make anything
        for n in cell.makers("*"):
            take(cell, n)
    visit(name)
    return [(source, [n]) for source, n in found]


class _Statements:
    """The statements of a cell; none where it is not Python."""

    def __init__(self, source):
        self.source = python_of(source)
        self.body = ast.parse(self.source).body if is_python(self.source) else []
        self.made = [names_made(ast.unparse(node)) for node in self.body]

    def makers(self, name):
        return [n for n, made in enumerate(self.made) if name in made]


def _maker(name, cells, at):
    """The cell that makes a name: the answer's own, else the last one before it, else the first one after it."""
    order = [*cells[at:at + 1], *reversed(cells[:at]), *cells[at + 1:]]
    return next((cell for cell in order if cell.makers(name)), None)


def _globals_used(node):
    """The names that a statement takes from outside, in its functions too."""
    tables = [symtable.symtable(ast.unparse(node), "cell", "exec")]
    for table in tables:
        tables += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (table.get_type() == "module" or symbol.is_global()):
                yield symbol.get_name()
