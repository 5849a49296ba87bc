"""A record of the cells that a kernel has run: when each was sent, and which names it left unmade."""
import ast
import re
import time
from datetime import datetime, timedelta

from mistral_edu.language import N_

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
INSIDE = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def ended(error):
    """How a cell ended, in words, not yet translated: a missing name is not the cell's own fault."""
    if isinstance(error, KeyboardInterrupt):
        return N_("was stopped")
    return N_("lacked a name from above") if type(error) is NameError else N_("ended in an error")


class Cells:
    """Follows one shell: `code` and `id` of the running cell, whether it was `queued`, and what was left unmade.

    queued: it was sent before the cell before it had ended. The page dates what it sends, by a clock that may differ
    from ours, so we keep the time at which we were free again by the page's clock: a cell that did not wait began when
    it was sent, and took as long as we see; one that did wait began when we were free.

    Left unmade is what a cell that was stopped or failed had still to make: a name that stands for the same object, or
    for nothing, before and after it. As soon as it stands for another one, it is made.
    """

    def __init__(self, shell):
        self.shell = shell
        self.code, self.queued, self._unmade = "", False, {}
        self._before = {}                               # the names that the running cell makes, and what they were
        self.id = (self._request().get("metadata") or {}).get("cellId")     # of the cell in which listening begins
        self._sent = self._free = self._start = None    # by the page's clock; _start is that of the running cell
        self._started = self._ended = 0.0               # by ours, in seconds
        shell.events.register("pre_run_cell", self.begins)
        shell.events.register("post_run_cell", self.ends)

    def begins(self, info):
        self.code, self.id = self.python(info.raw_cell), getattr(info, "cell_id", None)
        sent = self._date_of_request()
        self.queued = None not in (sent, self._sent, self._free) and self._sent <= sent < self._free
        self._start, self._started = (self._free, self._ended) if self.queued else (sent, time.monotonic())
        self._sent = sent
        self._before = {name: self._object(name) for name in names_made(self.code)}

    def ends(self, result):
        self._ended = time.monotonic()
        if self._start:
            self._free = self._start + timedelta(seconds=self._ended - self._started)
        how = None
        if not result.success:
            error = result.error_in_exec or result.error_before_exec
            how = result.execution_count, ended(error)
        for name, before in self._before.items():
            self._unmade.pop(name, None)
            if how and self._object(name) == before:
                self._unmade[name] = how, before

    def left_unmade(self, name: str):
        """(In number, how it ended) of the cell that should have made this name last, but did not; or None."""
        how, then = self._unmade.get(name, (None, None))
        return how if self._object(name) == then else None

    def _object(self, name):
        """What a name stands for, by its id: to keep the object itself would keep a model's memory."""
        return id(self.shell.user_ns.get(name))

    def python(self, code) -> str:
        """A cell's code with its magics written as Python."""
        try:
            return self.shell.transform_cell(code)
        except SyntaxError:
            return code

    def _date_of_request(self):
        date = self._request().get("header", {}).get("date")
        if isinstance(date, str):
            date = datetime.fromisoformat(date.replace("Z", "+00:00"))
        return date

    def _request(self) -> dict:
        """The message by which the page asked for the running cell."""
        return getattr(self.shell, "get_parent", dict)()


def names_made(code: str) -> set:
    """The names that a cell's code binds at its top level.

    >>> sorted(names_made("import numpy as np\\nbest, rest = 1, [j for j in 'ab']\\ndef f(x): y = x"))
    ['best', 'f', 'np', 'rest']
    >>> names_made("def f(x):\\n    return x +")
    {'f'}
    >>> sorted(names_made("get_ipython().run_cell_magic('mistral', '--new -o found', 'Say hello.')"))
    ['found']
    """
    made = set()

    def visit(node):
        if isinstance(node, SCOPES):
            made.add(node.name)
        elif isinstance(node, ast.alias):
            made.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            made.add(node.id)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "run_cell_magic":
            made.update(_names_of_magic(*(getattr(each, "value", None) for each in node.args[:2])))
        if not isinstance(node, SCOPES + INSIDE):
            for child in ast.iter_child_nodes(node):
                visit(child)
    try:
        visit(ast.parse(code))
    except (SyntaxError, ValueError):       # it was never run; what it was to define can still be told
        made.update(re.findall(r"^(?:def|class)\s+(\w+)", code, flags=re.M))
    return made


def _names_of_magic(magic, options):
    """What `%%mistral` binds: the variable of -o, or else reply."""
    if magic != "mistral":
        return ()
    return re.findall(r"(?:-o|--output)[\s=]+(\w+)", options or "") or ["reply"]
