"""Imports point one way: CONTRIBUTING.md lists the layers, and each module imports from its layer or a lower one."""
import ast
import re
from functools import cache
from pathlib import Path

import mistral_edu

HOME = Path(mistral_edu.__file__).parent
FILES = {".".join(path.relative_to(HOME.parent).with_suffix("").parts).removesuffix(".__init__"): path
         for path in HOME.rglob("*.py")}
# `%load_ext mistral_edu` calls a function of the package's root: it alone reaches up, when it is called.
REACHES_UP = {("mistral_edu", "mistral_edu.lab.prompting")}


def layers():
    """[names of the modules and rooms in it] for each layer of CONTRIBUTING.md, the lowest first."""
    text = (HOME.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    listed = re.search(r"```text\n(.*?)```", text[text.index("Imports point one way"):], re.S)[1]
    return [[f"mistral_edu.{name}" if name != "mistral_edu" else name for name in line.split()]
            for line in reversed(listed.strip().splitlines())]


LAYERS = layers()


def layer_of(module):
    """The number of a module's layer: that of the longest name which it is, or lies in."""
    fits = [(len(name), n) for n, names in enumerate(LAYERS) for name in names
            if module == name or (name != "mistral_edu" and module.startswith(name + "."))]
    assert fits, f"{module} is in no layer of CONTRIBUTING.md"
    return max(fits)[1]


def without_types(tree):
    """A file's code without what stands under `if TYPE_CHECKING`, which never runs: names for annotations alone."""
    tree.body = [node for node in tree.body
                 if not (isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING")]
    return tree


def imports(module, path):
    """The modules of this package that a file imports, at its top or inside a function."""
    for node in ast.walk(without_types(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}, line {node.lineno}: a relative import; write from mistral_edu..."
            if node.module.split(".")[0] == "mistral_edu":
                for alias in node.names:
                    full = f"{node.module}.{alias.name}"
                    yield full if full in FILES else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "mistral_edu")


@cache
def edges():
    """{module: the other modules of this package that it imports}"""
    return {module: {found for found in imports(module, path) if found != module} for module, path in FILES.items()}


def test_every_module_imports_from_its_own_layer_or_a_lower_one():
    wrong = [f"{module} (layer {layer_of(module)}) imports {found} (layer {layer_of(found)})"
             for module, all_found in edges().items() for found in sorted(all_found)
             if layer_of(found) > layer_of(module) and (module, found) not in REACHES_UP]
    assert not wrong, "\n".join(wrong)


def test_no_imports_form_a_circle():
    """Modules whose imports are all taken away already are taken away next; what is left at the end goes in circles."""
    left = {module: {found for found in all_found if (module, found) not in REACHES_UP}
            for module, all_found in edges().items()}
    while free := [module for module, all_found in left.items() if not all_found & left.keys()]:
        for module in free:
            del left[module]
    assert not left, f"in circles, or above one: {sorted(left)}"


def test_every_name_in_the_list_is_there_and_only_once():
    names = [name for layer in LAYERS for name in layer]
    assert len(names) == len(set(names)) and set(names) <= FILES.keys()


def test_the_model_does_not_know_what_makes_it_fast():
    assert layer_of("mistral_edu.transformer") < layer_of("mistral_edu.fast")
