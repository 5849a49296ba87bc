"""Other machines: other processors, other numbas, GPUs. The right path answers, and says why it is not a faster one.

What is tried for real: processes in which numba is missing, broken or switched off, or compiles for older processors
than this one, whose code this one can run. What is not: code for ARM is made, and found to be NEON's, but not run; for
GPUs and macOS only the choice is tried, with MLX's default device faked.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

from mistral_edu import load
from mistral_edu.fast import accelerate, compiled, cpu_engine, widened
from mistral_edu.fast.gpu.engine import GpuEngine
from mistral_edu.machine import blas
from mistral_edu.quantize import quantize
from small_environments import COMPILING, answer, make_environment, run
from small_models import random_model

import mlx.core as mx
import mlx.nn as nn
import pytest

CPU = cpu_engine.CpuEngine.name
FAST = Path(compiled.__file__).parent
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the engine is for Linux")


@pytest.fixture(scope="module")
def readable():
    """The story that all paths should tell."""
    path, text = answer("readable")
    assert path == "readable"
    return text


# --- other processors -------------------------------------------------------------------------------------------------

OLDER = {"x86_64": [("x86-64", ""), ("haswell", "+avx2,+fma,+bmi,+bmi2,+f16c")],
         "aarch64": [("generic", "+neon"), ("cortex-a57", "+neon")]}.get(os.uname().machine, [])
HAS_AVX512 = "avx512f" in " ".join(compiled.processor())


def made_for(name, features):
    """The environment in which numba compiles for this processor."""
    return dict(NUMBA_CPU_NAME=name, NUMBA_CPU_FEATURES=features)


@pytest.mark.slow
@pytest.mark.parametrize("name, features", OLDER)
def test_an_older_processor(name, features, readable, tmp_path, request):
    """numba compiles for it, this one runs that, and the numbers stay within the bounds of test_engine_equal."""
    settings = {**made_for(name, features), "XDG_CACHE_HOME": tmp_path}
    if name == "haswell":
        if not HAS_AVX512:
            pytest.skip("this processor has no AVX-512: what is compiled for it is code for a haswell already")
        settings = request.getfixturevalue("first").settings  # where kernels for it are compiled already
    path, text = answer("wait", **settings)
    assert path == CPU and text == readable
    done = run("-c", COMPARE, MISTRAL_EDU_ONEDNN=0, **settings)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1e-4


COMPARE = f"""if 1:
    import mlx.core as mx
    import mistral_edu
    from mistral_edu.fast import compiled
    from mistral_edu.bench.equal import gap, reference
    assert compiled.kernels(wait={COMPILING})
    worst, tokens = 0, mx.arange(1, 41)[None]
    for dtype, bits in (("float32", None), ("bfloat16", None), ("bfloat16", 8), ("bfloat16", 4)):
        model, _ = mistral_edu.load(dtype=dtype, bits=bits)
        exact = reference(model)
        worst = max(worst, gap(model(tokens), exact(tokens)), gap(model(tokens[:, :1]), exact(tokens[:, :1])))
        assert model.answered_by.startswith("cpu: "), model.answered_by
    print(worst)
"""


def test_kernels_are_kept_apart_for_each_processor_numba_and_source(monkeypatch):
    names = {compiled.digest()}
    with monkeypatch.context() as patch:
        patch.setenv("NUMBA_CPU_NAME", "nehalem")
        names.add(compiled.digest())
        patch.setenv("NUMBA_CPU_FEATURES", "+sse4.2")
        names.add(compiled.digest())
    with monkeypatch.context() as patch:
        patch.setattr(compiled, "PROCESSOR", ("flags",))
        names.add(compiled.digest())
    with monkeypatch.context() as patch:
        patch.setattr(compiled.importlib.metadata, "version", lambda name: "0.1")
        names.add(compiled.digest())
    with monkeypatch.context() as patch:
        patch.setattr(compiled, "SOURCES", compiled.SOURCES[:2])
        names.add(compiled.digest())
    assert len(names) == 6 and compiled.digest() in names
    assert any("flags" in line or "Features" in line for line in compiled.processor())


def test_no_source_names_instructions_of_one_processor():
    """But for that of a thread that waits, without which this would work, too."""
    for name in compiled.SOURCES:
        text = re.sub("(?m)^PAUSES = .*", "", (FAST / name).read_text()).lower()
        assert not [word for word in ("llvm.x86", "llvm.aarch64", "inlineasm", "inline_asm") if word in text]


EMIT = """if 1:
    import re, sys
    from pathlib import Path
    import llvmlite.binding as llvm
    source = Path(sys.argv[1]).read_text()
    # One function of numba's own, which counts who uses memory, comes in a form that only LLVM for x86 knows.
    source = re.sub(r"(%\\S+) = tail call i8 @llvm.x86.atomic.sub.cc.i64\\((ptr .*?), i64 1, i32 4\\)",
                    r"%users = atomicrmw sub \\2, i64 1 seq_cst \\n %last = icmp eq i64 %users, 1 \\n"
                    r" \\1 = zext i1 %last to i8", source.replace("ptr nonnull", "ptr"))
    source = re.sub(r"declare .*@llvm.x86.atomic.sub.cc.i64.*", "", source)
    for_arm = source.replace("void @llvm.x86.sse2.pause() #", "void @llvm.aarch64.hint(i32) #")  # as it is declared
    for_arm = for_arm.replace("@llvm.x86.sse2.pause()", "@llvm.aarch64.hint(i32 1)")
    assert "llvm.x86" not in for_arm
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    for triple, cpu, text in (("aarch64-unknown-linux-gnu", "generic", for_arm),
                              ("x86_64-unknown-linux-gnu", "sapphirerapids", source)):
        machine = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, opt=3)
        text = re.sub("target triple = .*", f'target triple = "{triple}"', text)
        text = re.sub("target datalayout = .*", f'target datalayout = "{machine.target_data}"', text)
        module = llvm.parse_assembly(text)
        module.verify()
        code = machine.emit_assembly(module)
        neon, fused, wide = (len(re.findall(pattern, code)) for pattern in (r"\\bfmla\\s+v\\d+\\.4s", r"vfmadd\\w*ps",
                                                                           r"%zmm"))
        print(triple.split("-")[0], cpu, neon, fused, wide)
"""


@pytest.mark.slow
def test_code_for_arm_and_for_avx512_can_be_made(first):
    """The LLVM code of the kernels, as it is made here, translated for other processors; not run."""
    done = run("-c", EMIT, *first.llvm)
    if "No available targets" in done.stderr or "unable to get target" in done.stderr.lower():
        pytest.skip("this llvmlite has no translator for ARM")
    assert done.returncode == 0, done.stderr
    counts = {tuple(line.split()[:2]): list(map(int, line.split()[2:])) for line in done.stdout.splitlines()}
    assert counts["aarch64", "generic"][0] > 50, counts  # multiply-and-add of four float32 at once
    assert counts["x86_64", "sapphirerapids"][1] > 50, counts


# --- numba that is not there, or not of use ---------------------------------------------------------------------------

def test_without_numba(readable, tmp_path):
    path, text = answer("wait", python=make_environment(tmp_path / "env", without=("numba", "llvmlite")))
    assert path.endswith("numba is not installed (pip install 'mistral-edu[cpu]')") and not path.startswith("cpu")
    assert path.startswith("wide: float32 products on OpenBLAS; ") or blas.status().library is None
    assert text == readable


@pytest.mark.slow
def test_with_a_numba_that_cannot_be_imported(readable, tmp_path):
    source = "raise ImportError('Numba needs NumPy 2.4 or less. Got NumPy 9.9.')"
    python = make_environment(tmp_path / "env", without=("numba",), fakes={"numba": source})
    path, text = answer("wait", python=python, XDG_CACHE_HOME=tmp_path)
    assert path.endswith("; the kernels could not be compiled: ImportError: Numba needs NumPy 2.4 or less. Got NumPy "
                         "9.9.")
    assert not path.startswith("cpu") and text == readable


@pytest.mark.slow
def test_with_numba_switched_off(readable, tmp_path):
    path, text = answer("wait", NUMBA_DISABLE_JIT=1, XDG_CACHE_HOME=tmp_path)
    assert path.endswith("the kernels could not be compiled: RuntimeError: NUMBA_DISABLE_JIT is set")
    assert not path.startswith("cpu") and text == readable


@pytest.mark.slow
def test_numba_switched_off_does_not_cost_the_kernels_that_are_kept():
    before = compiled_before()
    answer("wait", NUMBA_DISABLE_JIT=1)
    assert compiled.folder() == before and compiled.are_in(before)


# --- GPUs, and weights that the kernels do not read -------------------------------------------------------------------

@pytest.mark.parametrize("machine", ["arm64", "x86_64"])
def test_on_a_gpu_nothing_is_compiled_for_the_processor(machine, monkeypatch):
    """Metal on macOS, CUDA on Linux: MLX's own kernels are the fast ones there, and another engine calls them."""
    monkeypatch.setattr(mx, "default_device", lambda: mx.Device(mx.gpu))
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(compiled, "kernels", lambda wait=None: pytest.fail("nothing is to be compiled for a GPU"))
    assert accelerate(random_model()).answered_by == GpuEngine.name
    biased = random_model()
    biased.lm_head = nn.Linear(64, 2048)
    assert type(accelerate(biased)) is type(random_model())
    assert biased.answered_by == "readable: on the GPU, lm_head has a bias"


def why(model):
    if compiled.kernels() is None:
        pytest.skip(compiled.why_not())
    return accelerate(model).answered_by


def test_float16_and_odd_numbers_of_bits(processor, monkeypatch):
    half, six = random_model(), quantize(random_model(), 6, 32)
    half.set_dtype(mx.float16)
    assert why(half).endswith("the compiled kernels do not read weights in mlx.core.float16")
    assert why(six).endswith("the compiled kernels do not read weights in 6 bit, mode affine")
    monkeypatch.setattr(widened, "is_too_large", lambda model: True)
    assert why(half) == "readable: the compiled kernels do not read weights in mlx.core.float16"


def test_a_changed_model_says_what_to_do(processor):
    model, tokens = random_model(), mx.array([[1, 5, 9]])
    assert why(model) == CPU
    model.model.norm.weight = 2 * model.model.norm.weight
    model(tokens)
    assert model.answered_by.startswith("readable: its weights or parts are not those")
    assert "accelerate(model)" in model.answered_by
    accelerate(model)(tokens)
    assert model.answered_by == CPU
    mx.compile(model)(tokens)
    assert model.answered_by == ("readable: the engine does not answer such a call "
                                 "(inside mx.compile, mx.grad or mx.vmap)")


def test_kernels_that_fail_while_nothing_else_is_there(processor, monkeypatch):
    """The readable code answers, before and after, and says why: float32 weights have no other engine."""
    failed = threading.Event()
    loader = threading.Thread(target=failed.wait, daemon=True)
    loader.start()
    for name, value in (("_kernels", None), ("_loader", loader), ("_trouble", ""), ("_kept", False)):
        monkeypatch.setattr(compiled, name, value)
    model, tokens = accelerate(random_model()), mx.array([[1, 5, 9]])
    want = random_model()(tokens)
    assert mx.array_equal(model(tokens), want) and model.answered_by.endswith("being compiled, once, in the background")
    monkeypatch.setattr(compiled, "_trouble", "OSError: the disk is full")
    failed.set()
    loader.join()
    for _ in range(2):
        assert mx.array_equal(model(tokens), want)
        assert model.answered_by == "readable: the kernels could not be compiled: OSError: the disk is full"


def test_without_asking_for_speed_there_is_nothing_to_explain():
    assert load(fast=False)[0].answered_by == "readable"


# --- the cache folder -------------------------------------------------------------------------------------------------

def test_folders_that_nobody_used_for_a_month_are_removed(tmp_path):
    now = time.time()
    for name, days in (("new", 1), ("old", 31), ("own", 400)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kernels.nbc").write_text("")
        os.utime(tmp_path / name, (now - days * 86400,) * 2)
    compiled.remove_unused(tmp_path, tmp_path / "own")
    assert {place.name for place in tmp_path.iterdir()} == {"new", "own"}
    compiled.remove_unused(tmp_path / "missing", tmp_path)
    compiled.remove_unused(tmp_path / "new" / "kernels.nbc", tmp_path)


def test_to_use_a_folder_counts(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    place = compiled.folder()
    assert tmp_path in place.parents
    os.utime(place, (0, 0))
    assert compiled.folder() == place and time.time() - place.stat().st_mtime < 60


def test_where_no_folder_can_be_written_a_process_has_one_of_its_own_and_removes_it(tmp_path):
    (tmp_path / "file").write_text("")
    done = run("-c", "from mistral_edu.fast import compiled; from pathlib import Path\n"
               f"compiled.cache_folder = lambda: Path({str(tmp_path / 'file')!r})\n"
               "print(compiled.folder(), compiled.folder(), compiled.folder().is_dir())", TMPDIR=tmp_path)
    own, again, is_there = done.stdout.split()
    assert own == again and is_there == "True" and not Path(own).exists()
    assert Path(own).parents[2] == tmp_path  # remove_unused looks at all that lies beside the kernels


def test_kernels_are_there_when_all_are(tmp_path, monkeypatch):
    """numba writes those of a short function long before those of a long one. Who comes in between has to wait."""
    calls = []
    monkeypatch.setattr(compiled, "_compile_apart", lambda place: calls.append("wait"))
    monkeypatch.setattr(compiled, "load", lambda place: calls.append("load") or compiled.__class__)
    for name in ("_kernels", "_kept"):
        monkeypatch.setattr(compiled, name, None)
    (tmp_path / "kernels.open_list.nbc").write_text("")
    compiled._bring(tmp_path)
    (tmp_path / compiled.MARK).touch()
    compiled._bring(tmp_path)
    assert calls == ["wait", "load", "load"]


# For a process of its own: kernels that are there already, put into the folder a second later, as if just compiled.
STAND_IN = """if 1:
    import shutil, sys, time
    from mistral_edu.fast import compiled
    def put_there(place):
        time.sleep(1)
        shutil.copytree(sys.argv[1], place, dirs_exist_ok=True)
        print("put there", end=" ")
    compiled._compile_apart = put_there
"""


def compiled_before():
    if compiled.kernels() is None:
        pytest.skip(compiled.why_not())
    return compiled.folder()


@pytest.mark.slow
def test_damaged_kernels_are_made_again(tmp_path):
    """An empty file, as a power cut leaves one, is no kernels."""
    place = tmp_path / "mistral_edu" / "kernels" / compiled.digest()
    shutil.copytree(compiled_before(), place)
    *_, largest = sorted(place.rglob("*.nbc"), key=lambda file: file.stat().st_size)
    code = STAND_IN + ("    assert compiled.kernels(wait=100), compiled.why_not()\n"
                       "    print(len(compiled.kernels().run.stats.cache_hits))")
    assert run("-c", code, compiled.folder(), XDG_CACHE_HOME=tmp_path).stdout == "1\n"
    largest.write_bytes(b"")
    done = run("-c", code, compiled.folder(), XDG_CACHE_HOME=tmp_path)
    assert done.stdout == "put there 1\n", done.stderr
    assert largest.stat().st_size > 10_000


LASTING = """if 1:
    import sys, time
    from pathlib import Path
    from mistral_edu.fast import compiled
    begun = Path(sys.argv[1])
    if sys.argv[2] == "own":
        compiled.cache_folder = lambda: begun.parent / "file"
    work = "import os, time; open(%r, 'w').write(str(os.getpid())); time.sleep(3); open(%r, 'w')"
    compiled.COMPILE = compiled.COMPILE.replace("compiled.compile_into(sys.argv[1])",
                                                work % (str(begun), str(begun.with_name("end"))))
    assert compiled.kernels() is None
    while not (begun.exists() and begun.read_text()):
        time.sleep(0.05)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["own", "kept"])
def test_a_compilation_outlives_its_starter_and_an_interrupt_where_somebody_gains_by_it(kept, tmp_path):
    """Something else that takes three seconds stands in for it. Not with run(), which ends all that it has started."""
    (tmp_path / "file").write_text("")
    environment = {**os.environ, "PYTHONPATH": str(FAST.parents[1]), "XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", LASTING, str(tmp_path / "begun"), kept], env=environment, check=True)
    if kept == "kept":
        os.kill(int((tmp_path / "begun").read_text()), signal.SIGINT)
    deadline = time.monotonic() + (30 if kept == "kept" else 4)
    while time.monotonic() < deadline and not (tmp_path / "end").exists():
        time.sleep(0.1)
    assert (tmp_path / "end").exists() == (kept == "kept")


# --- the first answer of a new installation ---------------------------------------------------------------------------

WATCHED = """if 1:
    import sys
    import mistral_edu
    from mistral_edu.fast import compiled
    compiled.COMPILE += '''
    import os  # where the kernels were compiled there is LLVM code; where they were waited for there are none
    if "mistral_edu.fast.kernels" in sys.modules:
        code = sys.modules["mistral_edu.fast.kernels"].run.inspect_llvm().values()
        open(sys.argv[1] + "/" + str(os.getpid()) + ".ll", "w").write("".join(code))
'''
    model, tokenizer = mistral_edu.load()
    mistral_edu.generate(model, tokenizer, "Hello!", max_tokens=3)
    print(model.answered_by)
    assert compiled.kernels(wait=%d), compiled.why_not()
    mistral_edu.generate(model, tokenizer, "Hello!", max_tokens=3)
    print(model.answered_by)
    print(len(compiled.kernels().run.stats.cache_hits))
""" % COMPILING


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Two processes that start together where nothing was compiled, and no home can be written.

    Where this processor has AVX-512 they compile for a haswell, for test_an_older_processor: it takes half a minute.
    settings: the environment. lines: what each has printed. folder: the one that they share. llvm: a file for each
    compilation.
    """
    folder = tmp_path_factory.mktemp("first")
    settings = dict(XDG_CACHE_HOME="/proc/nowhere", TMPDIR=folder, **(made_for(*OLDER[-1]) if HAS_AVX512 else {}))
    with ThreadPoolExecutor(2) as both:
        done = list(both.map(lambda _: run("-c", WATCHED, **settings), range(2)))
    assert [result.returncode for result in done] == [0, 0], done
    return SimpleNamespace(settings=settings, folder=folder, lines=[result.stdout.splitlines() for result in done],
                           llvm=list(folder.rglob("*.ll")))


@pytest.mark.slow
def test_the_first_compilation_delays_nothing_and_a_read_only_home_is_survived(first):
    """An answer at once, by another path that says how often this will be so; and the kernels come in the end."""
    for before, after, _ in first.lines:
        often = f"once until {first.folder}/mistral_edu-{os.getuid()} is emptied"
        assert before.endswith(f"the kernels are being compiled, {often}, in the background") and after == CPU
        assert not before.startswith("cpu")


@pytest.mark.slow
def test_two_processes_compile_once(first):
    """The second one finds the lock, waits, and loads what the first has made."""
    assert len(first.llvm) == 1
    assert [n_loaded for *_, n_loaded in first.lines] == ["1", "1"]
    assert len(list(first.folder.rglob("*.nbc"))) == 3  # one per function that Python calls


FIRST = """if 1:
    import threading, time
    join, waits = threading.Thread.join, set()
    threading.Thread.join = lambda thread, seconds=None: waits.add(seconds) or join(thread, seconds)
    import mistral_edu
    model, tokenizer = mistral_edu.load()
    text = mistral_edu.generate(model, tokenizer, "Hello!", max_tokens=10)
    print(time.process_time(), waits - {0}, model.answered_by, sep=" | ")
"""


@pytest.mark.slow
def test_the_first_answer_takes_three_seconds_more_at_most_and_the_path_says_why_it_is_slower(tmp_path):
    """Than without any kernels: what compiling may cost. By the processor's time, which other programs do not change;
    and no thread is waited for."""
    alone = run("-c", FIRST.replace("load()", "load(fast=False)"), XDG_CACHE_HOME=tmp_path / "a", OMP_NUM_THREADS=1)
    first = run("-c", FIRST, XDG_CACHE_HOME=tmp_path / "b", OMP_NUM_THREADS=1)
    usual, *_ = alone.stdout.strip().split(" | ")
    seconds, waits, path = first.stdout.strip().split(" | ")
    print(f"first answer {seconds} s, {usual} s by the readable code")
    assert float(seconds) < float(usual) + 3 and waits == "set()"
    assert path.endswith("the kernels are being compiled, once, in the background") and not path.startswith("cpu")


def on_a_terminal(*argv, **environment):
    """What `mistral-edu` prints where a person watches: a pseudo terminal is its stderr."""
    import pty
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-m", "mistral_edu", *argv], stdin=subprocess.DEVNULL, stderr=theirs,
                               stdout=subprocess.PIPE, text=True, start_new_session=True,
                               env={**os.environ, **environment})
    out, _ = process.communicate(timeout=120)
    os.killpg(process.pid, 9)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 10_000):
            shown += piece
    except OSError:  # Linux says so at the end of a terminal
        pass
    os.close(ours)
    return out, shown.decode()


@pytest.mark.slow
def test_a_terminal_is_told_that_kernels_are_compiled_and_a_program_is_not(tmp_path):
    out, shown = on_a_terminal("generate", "Hello!", "--max-tokens", "3", XDG_CACHE_HOME=str(tmp_path / "a"))
    assert shown.count("Compiling kernels") == 1 and "in the background, once. Answers get faster" in shown
    assert "kernels" not in out and out.strip()
    done = run("-m", "mistral_edu", "generate", "Hello!", "--max-tokens", "3", XDG_CACHE_HOME=tmp_path / "b")
    assert done.returncode == 0 and done.stderr == ""


@pytest.mark.slow
def test_a_large_model_waits_for_its_kernels_and_says_so(tmp_path):
    code = STAND_IN + """
    import mistral_edu
    from mistral_edu.fast import cpu_engine
    cpu_engine.is_too_large = lambda model: True
    model, tokenizer = mistral_edu.load()
    print(model.answered_by)
"""
    done = run("-c", code, compiled_before(), XDG_CACHE_HOME=tmp_path)
    assert done.stdout == f"put there {CPU}\n", done.stderr
    assert done.stderr == ("Compiling kernels for this processor, once. A model as large as this one waits for them, "
                           "60 seconds at most.\n")
    done = run("-c", code, compiled.folder(), XDG_CACHE_HOME=tmp_path)
    assert done.stdout == f"{CPU}\n" and done.stderr == ""
