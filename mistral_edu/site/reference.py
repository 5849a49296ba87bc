"""A reference made from docstrings: signature, docstring and source file of each public name."""
import ast
import html
import inspect
import re
import textwrap
from pathlib import Path

import mistral_edu
from mistral_edu import course, lab
from mistral_edu.site.markdown import Prose, code_html

# The names of mistral_edu by their use, as its __all__ has them; the rest is "the parts of the model".
LOADING = ("load", "load_model", "load_config", "load_tokenizer", "convert", "quantize", "CheckpointError")
GENERATION = ("generate", "stream_generate", "sample", "encode_chat", "Chat", "Tokenizer")
ARGUMENT = re.compile(r"^(\**\w+(?:, \**\w+)*): (?=\S)")
WIDE = 88


def reference_html(prose: Prose) -> str:
    """The page's main part."""
    parts = [name for name in mistral_edu.__all__ if name not in LOADING + GENERATION]
    groups = (("Loading", "mistral_edu", LOADING), ("Generation", "mistral_edu", GENERATION),
              ("Parts of the model", "mistral_edu", parts), ("In cells of notebooks", "mistral_edu.lab", lab.__all__))
    shown = [prose.html("# Reference\n\nThe public names, with their docstrings, which Shift+Tab shows in Jupyter.")]
    for title, module, names in groups:
        shown.append(prose.html(f"## {title}\n\n`from {module} import ...`"))
        home = mistral_edu if module == "mistral_edu" else lab
        entries = [entry_html(name, getattr(home, name), prose) for name in names]
        anchors = [anchor for level, anchor, _ in prose.headings if level == 3][-len(names):]
        links = [f'<a href="#{anchor}"><code>{name}</code></a>' for name, anchor in zip(names, anchors)]
        shown += [f'<p>{" ".join(links)}</p>\n', *entries]
    return "".join(shown)


def entry_html(name: str, thing, prose: Prose) -> str:
    """A function, or a class with the methods that it documents."""
    file = Path(inspect.getsourcefile(thing)).relative_to(course.PACKAGE.parents[1]).as_posix()
    made = [prose.html(f"### {name}"), code_html(signature(name, thing), "python"), docstring_html(thing, prose)]
    if inspect.isclass(thing):
        for method, value in vars(thing).items():
            what = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
            if not method.startswith("_") and inspect.isfunction(what) and what.__doc__:
                shown = f"{name}.{method}" if isinstance(value, property) else signature(f"{name}.{method}", what)
                made += ['<div class="method">', code_html(shown, "python"), docstring_html(what, prose), "</div>"]
    return f'<section>{"".join(made)}<p class="note">Source: <code>{html.escape(file)}</code></p></section>\n'


def signature(name: str, thing) -> str:
    """As the source writes it, without self; a dataclass by its fields. Long ones have an argument a line.

    >>> from mistral_edu.norm import RMSNorm
    >>> signature("RMSNorm", RMSNorm)
    'RMSNorm(dim: int, eps: float = 1e-05)'
    """
    node = ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]
    returns = ""
    if isinstance(node, ast.ClassDef):
        made = next((one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None)
        fields = [ast.unparse(one) for one in node.body if isinstance(one, ast.AnnAssign)]
        arguments = arguments_of(made.args) if made else fields
    else:
        arguments, returns = arguments_of(node.args), f" -> {written(node.returns)}" if node.returns else ""
    line = f"{name}({', '.join(arguments)}){returns}"
    if len(line) <= WIDE:
        return line
    return f"{name}(\n" + "".join(f"    {argument},\n" for argument in arguments) + f"){returns}"


def arguments_of(node: ast.arguments) -> list:
    """Each argument as it is written: name, type, default."""
    plain = [*node.posonlyargs, *node.args]
    defaults = [None] * (len(plain) - len(node.defaults)) + node.defaults
    given = [one_argument(argument, default) for argument, default in zip(plain, defaults)
             if argument.arg not in ("self", "cls")]
    rest = [f"*{ast.unparse(node.vararg)}"] if node.vararg else ["*"] if node.kwonlyargs else []
    named = [one_argument(argument, default) for argument, default in zip(node.kwonlyargs, node.kw_defaults)]
    return [*given, *rest, *named, *([f"**{ast.unparse(node.kwarg)}"] if node.kwarg else [])]


def one_argument(argument, default) -> str:
    name = argument.arg + (f": {written(argument.annotation)}" if argument.annotation else "")
    equals = " = " if argument.annotation else "="
    return name + (f"{equals}{ast.unparse(default)}" if default is not None else "")


def written(annotation) -> str:
    """A type; one that is written in quotes, since it is defined further down, without them."""
    return str(annotation.value) if isinstance(annotation, ast.Constant) else ast.unparse(annotation)


def docstring_html(thing, prose: Prose) -> str:
    """A docstring: paragraphs; lines that begin with the name of an argument, as a list; examples, as code."""
    shown = []
    for block in re.split(r"\n\s*\n", inspect.getdoc(thing) or ""):
        if block.lstrip().startswith(">>>"):
            shown.append(code_html(re.sub(r"\s*# doctest:.*", "", textwrap.dedent(block)), "pycon"))
        else:
            shown.append(prose.html(with_list(block)))
    return "".join(shown)


def with_list(block: str) -> str:
    """Markdown for a paragraph, in which what it says on arguments is a list.

    >>> print(with_list("Add.\\na, b: what\\n  to add.\\nReturns c."))
    Add.
    <BLANKLINE>
    - `a, b`: what to add.
    - Returns c.
    """
    lines = block.splitlines()
    starts = [n for n, line in enumerate(lines) if ARGUMENT.match(line)]
    if not starts:
        return block
    items = [lines[starts[0]]]
    for line in lines[starts[0] + 1:]:
        new = ARGUMENT.match(line) or re.match(r"(Returns|Raises|Yields)\b", line)
        items = [*items, line] if new else [*items[:-1], f"{items[-1]} {line.strip()}"]
    listed = "\n".join("- " + ARGUMENT.sub(r"`\1`: ", item) for item in items)
    return "\n".join(lines[:starts[0]]) + "\n\n" + listed
