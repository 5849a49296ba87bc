"""Functions of a notebook, pickled with what they name, so that another process can call them.

Pickle stores a function as the name of a module to import, and what a cell defines is in no module. Here such a
function travels as its source, with those of the notebook's names that it uses: functions likewise, modules by name,
arrays and data as they are.
"""
import ast
import importlib
import inspect
import io
import linecache
import pickle
import textwrap
import types


def dumps(value, what="the function") -> bytes:
    """The value as bytes for pickle.loads in a process that can import mistral_edu. what: its name in errors.

    Raises ValueError if a part of it cannot be sent: an open file, a lock, a function typed at a prompt.
    """
    file = io.BytesIO()
    try:
        Pickler(file, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    except (pickle.PicklingError, TypeError, AttributeError, OSError, RecursionError) as error:
        raise ValueError(f"{what} cannot be sent to another process: {error}. Numbers, text, arrays, lists and dicts "
                         "can, and functions written in a cell or a file; load models inside the function") from None
    return file.getvalue()


class Pickler(pickle.Pickler):
    def reducer_override(self, obj):
        if isinstance(obj, types.ModuleType):
            return importlib.import_module, (obj.__name__,)
        if isinstance(obj, types.FunctionType) and not importable(obj):
            if obj.__name__ == "<lambda>":
                raise pickle.PicklingError("a lambda has no name by which to find it there; write it with def")
            if obj.__closure__:
                raise pickle.PicklingError(f"{obj.__name__} uses {', '.join(obj.__code__.co_freevars)} of a function "
                                           "around it; pass them as arguments")
            source = textwrap.dedent(inspect.getsource(obj))
            file = f"<{obj.__name__}>" if obj.__code__.co_filename.startswith("<") else obj.__code__.co_filename
            # The names come after the function is made and known, so functions may name each other.
            return make_function, (obj.__name__, source, file), named(obj), None, None, give_names
        return NotImplemented


def importable(function):
    """Whether another process can import the module that a function names, and finds it there under its name."""
    module = function.__module__
    if module == "__main__" or "." in function.__qualname__:
        return False
    try:
        return getattr(importlib.import_module(module), function.__qualname__, None) is function
    except ImportError:
        return False


def named(function):
    """The globals that a function uses, those of functions inside it included."""
    names, codes = set(), [function.__code__]
    while codes:
        code = codes.pop()
        names |= set(code.co_names)
        codes += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return {name: function.__globals__[name] for name in sorted(names) if name in function.__globals__}


def make_function(name, source, file):
    """The function of this name that the source defines; its globals are its own."""
    where = f"<{name}>"
    linecache.cache[where] = len(source), None, source.splitlines(keepends=True), where  # so that errors show lines
    space = {"__name__": "__main__", "__builtins__": __builtins__}
    exec(compile(source, where, "exec"), space)
    return space[name]


def give_names(function, names):
    function.__globals__.update({name: value for name, value in names.items() if value is not function})


def run_source(group, source):
    """Run source in a rank, with `group`, `rank`, `size` and `mx`; the value of its last line, as in a cell."""
    import mlx.core as mx
    source = textwrap.dedent(source)
    linecache.cache["<ranks>"] = len(source), None, source.splitlines(keepends=True), "<ranks>"
    tree = ast.parse(source, "<ranks>")
    space = {"__name__": "__main__", "group": group, "rank": group.rank(), "size": group.size(), "mx": mx}
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    try:
        exec(compile(tree, "<ranks>", "exec"), space)
        return eval(compile(ast.Expression(last.value), "<ranks>", "eval"), space) if last else None
    except NameError as error:
        error.args = (f"{error}; a string is source, which knows group, rank, size and mx; a function of the notebook "
                      "is passed by its name, without quotes",)
        raise
