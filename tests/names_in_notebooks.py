"""Which top-level names of a notebook have two meanings, so that a cell which is run again would read the wrong one.

A name may be bound in several sections (`fig, ax = figure()`), as long as each cell that reads it binds it first: then
the cell can be run again at any time. Otherwise one section has to own the name.
"""
import ast
import re

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Cell(ast.NodeVisitor):
    """The names that a cell's code binds at the top level (name -> how), and those that it reads from other cells."""

    def __init__(self, code):
        tree = ast.parse(code)
        self.bound, self.outside, self.functions, self.later = {}, set(), {}, set()
        for statement in tree.body:
            self.statement = ast.dump(statement)
            self.visit(statement)
        self.outside |= self.later - set(self.bound)     # functions read when they are called: the order does not count

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load):
            if node.id not in self.bound:
                self.outside.add(node.id)
        else:
            self.bound.setdefault(node.id, self.statement)

    def visit_Assign(self, node):
        self.visit(node.value)                           # the right side is read before the left side is bound
        for target in node.targets:
            self.visit(target)

    def visit_AugAssign(self, node):
        self.visit(node.value)
        if isinstance(node.target, ast.Name) and node.target.id not in self.bound:
            self.outside.add(node.target.id)
        self.visit(node.target)

    def visit_For(self, node):
        for part in (node.iter, node.target, *node.body, *node.orelse):
            self.visit(part)

    def visit_alias(self, node):
        self.bound.setdefault((node.asname or node.name).split(".")[0], self.statement)

    def scope(self, node):
        if not isinstance(node, ast.Lambda):
            self.bound.setdefault(node.name, self.statement)
            self.functions[node.name] = free_names(node)
        self.later |= free_names(node)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = visit_ClassDef = scope

    def comprehension(self, node):
        targets = {name.id for part in node.generators for name in ast.walk(part.target) if isinstance(name, ast.Name)}
        for name in ast.walk(node):
            is_read = isinstance(name, ast.Name) and isinstance(name.ctx, ast.Load)
            if is_read and name.id not in targets | set(self.bound):
                self.outside.add(name.id)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = comprehension


def free_names(scope):
    """What a function reads and neither takes nor binds itself."""
    own, read = set(), set()
    for node in ast.walk(scope):
        if isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else own).add(node.id)
        elif isinstance(node, SCOPES) and not isinstance(node, ast.Lambda):
            own.add(node.name)
    return read - own


def names_with_two_meanings(notebook):
    """A sentence for each: a name that two sections bind differently, and that some cell reads without binding it."""
    section, meanings, readers, functions = "the opening", {}, {}, {}
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            section = (re.findall(r"^## (\S+)", source, flags=re.M) or [section])[-1]
        elif not source.startswith("%%"):
            names = Cell(re.sub(r"^[%!].*$", "", source, flags=re.M))
            for name, how in names.bound.items():
                meanings.setdefault(name, {}).setdefault(how, section)
            for name in names.outside.union(*(functions.get(function, ()) for function in names.outside)):
                readers.setdefault(name, cell["id"])
            functions.update(names.functions)
    return [f"{name}: bound in {' and '.join(dict.fromkeys(places.values()))}, and read in the cell {readers[name]}"
            for name, places in meanings.items() if len(set(places.values())) > 1 and name in readers]
