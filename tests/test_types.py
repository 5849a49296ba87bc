"""What is public says which types it takes and gives, and mypy finds that the code agrees."""
import inspect
import subprocess
import sys
from functools import cache
from pathlib import Path

import mistral_edu
from mistral_edu import lab

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
# A benchmark's rows go through these files, from the process that measures one to the table that shows it.
ROWS = {f"mistral_edu/bench/{name}.py"
        for name in ("compare", "measure", "results", "rounds", "row", "tables", "work")}
PUBLIC = {f"{home.__name__}.{name}": getattr(home, name) for home in (mistral_edu, lab) for name in home.__all__}


def functions(name, thing):
    """(name, function) of a function, or of the methods that a class has of this package, but for private ones."""
    if not inspect.isclass(thing):
        return [(name, thing)]
    ours = [parent for parent in thing.__mro__ if parent.__module__ == thing.__module__]
    own = {key: getattr(value, "fget", None) or getattr(value, "func", None) or getattr(value, "__func__", value)
           for parent in ours for key, value in vars(parent).items()
           if key in ("__init__", "__call__") or not key.startswith("_")}
    return [(f"{name}.{key}", fn) for key, fn in own.items()
            if inspect.isfunction(fn) and fn.__module__ == thing.__module__]


def without_types(fn):
    """The parameters of a function that have no type, and "return" where it does not say what it gives."""
    signature = inspect.signature(fn)
    lacking = [name for name, one in signature.parameters.items()
               if one.annotation is one.empty and name not in ("self", "cls")]
    says = signature.return_annotation is not signature.empty or fn.__name__ == "__init__"
    return lacking if says else [*lacking, "return"]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_functions_and_methods_say_their_types(name):
    assert {where: lacking for where, fn in functions(name, PUBLIC[name]) if (lacking := without_types(fn))} == {}


def test_a_lacking_type_is_found():
    class Thing:
        def __init__(self, size):
            self.size = size

        def grow(self, by: int):
            self.size += by

        @property
        def area(self) -> int:
            return self.size**2

    Thing.__init__.__module__ = Thing.grow.__module__ = Thing.area.fget.__module__ = Thing.__module__
    found = {name: without_types(fn) for name, fn in functions("Thing", Thing)}
    assert found == {"Thing.__init__": ["size"], "Thing.grow": ["return"], "Thing.area": []}


@cache
def mypy_says(program):
    """What mypy says about the files that pyproject.toml names, and about a program that uses them: two lists."""
    done = subprocess.run([sys.executable, "-m", "mypy", *SETTINGS["files"], program], capture_output=True, text=True,
                          cwd=ROOT)
    assert not done.stderr, done.stderr
    *lines, _ = done.stdout.splitlines()  # the last one says how many there are
    about_program = [line for line in lines if Path(line.split(":")[0]).name == program.name]
    return [line for line in lines if line not in about_program], about_program


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Four calls, of which the last two are wrong."""
    path = tmp_path_factory.mktemp("types") / "uses_mistral_edu.py"
    path.write_text("import mistral_edu\n"
                    "mask = mistral_edu.create_attention_mask(4, window=2)\n"
                    "model, tokenizer = mistral_edu.load(bits=4)\n"
                    "mistral_edu.create_attention_mask('four')\n"
                    "model.make_cache('4')\n")
    return path


def test_mypy_looks_into_every_file_that_defines_a_public_name():
    home = Path(mistral_edu.__file__).parent.parent
    files = {Path(inspect.getsourcefile(thing)).relative_to(home).as_posix() for thing in PUBLIC.values()}
    assert set(SETTINGS["files"]) == files | ROWS


def test_types_and_code_agree(program):
    ours, _ = mypy_says(program)
    assert ours == []


def test_wrong_calls_are_found(program):
    _, found = mypy_says(program)
    assert [line.split(":")[1] for line in found] == ["4", "5"] and all("arg-type" in line for line in found), found


def test_those_who_install_the_package_get_its_types():
    assert (Path(mistral_edu.__file__).parent / "py.typed").is_file()
