"""What could make the engine read memory that is not there, answer for code that is not its own, or hang."""
import os
import signal
import sys
import threading

from golden.models import in_chunks
from mistral_edu import load
from mistral_edu.attention import Attention
from mistral_edu.bench.equal import BF16_BOUND, QUANTIZED_BOUND, gap, reference
from mistral_edu.fast import accelerate, compiled, cpu_engine, detach, step
from mistral_edu.fast.attach import NO_ANSWER
from mistral_edu.machine import blas, processors
from mistral_edu.rope import rope_interleaved
from mistral_edu.transformer import Backbone, Model
from small_models import random_model

import mlx.core as mx
import mlx.nn as nn
import pytest

CPU = cpu_engine.CpuEngine.name
TOKENS = mx.random.randint(0, 2048, (1, 24), key=mx.random.key(5))

pytestmark = pytest.mark.usefixtures("kernels", "float32_products")


def one_at_a_time(model):
    return in_chunks(model, TOKENS, model.make_cache(), [1])


# --- shapes and memory ------------------------------------------------------------------------------------------------

def pruned(model):
    mlp = model.layers[1].mlp
    for layer in (mlp.gate_proj, mlp.up_proj):
        layer.weight = layer.weight[:64]
    mlp.down_proj.weight = mlp.down_proj.weight[:, :64]


def widened(model):
    mlp = model.layers[1].mlp
    for layer in (mlp.gate_proj, mlp.up_proj):
        layer.weight = mx.concatenate([layer.weight] * 64)
    mlp.down_proj.weight = mx.concatenate([mlp.down_proj.weight] * 64, axis=1) / 64


def more_words(model):
    for layer in (model.lm_head, model.model.embed_tokens):
        layer.weight = mx.concatenate([layer.weight, layer.weight[:640]])


@pytest.mark.parametrize("change", [pruned, widened, more_words])
def test_shapes_that_the_configuration_does_not_tell(change):
    """The readable code asks the arrays, and so does the engine then."""
    model = random_model()
    change(model)
    want = model(TOKENS)
    assert gap(accelerate(model)(TOKENS), want) < 1e-4 and model.answered_by == CPU
    assert gap(one_at_a_time(model), want) < 1e-4 and model.answered_by == CPU


@pytest.mark.parametrize("window", [None, 7])
def test_one_cache_spread_over_a_batch_or_cut_from_a_longer_one(window):
    model = accelerate(random_model(window_size=window))
    three = mx.concatenate([TOKENS[:, 9:14], TOKENS[:, 10:15], TOKENS[:, 11:16]])
    want = mx.concatenate([detach(model)(mx.concatenate([TOKENS[:, :9], row[None]], axis=1))[:, 9:] for row in three])
    accelerate(model)
    for spread in (lambda array: mx.broadcast_to(array, (3, *array.shape[1:])),
                   lambda array: mx.concatenate([array] * 3)[:, :, :9]):
        cache = model.make_cache()
        model(TOKENS[:, :9], cache)
        for layer in cache:
            layer.keys, layer.values = spread(layer.keys), spread(layer.values)
        got = [model(three[:, :3], cache)] + [model(three[:, i:i + 1], cache) for i in (3, 4)]
        assert gap(mx.concatenate(got, axis=1), want) < 1e-4 and model.answered_by == CPU


def test_matrices_in_8_and_in_4_bit_that_read_the_same_x():
    """A usual recipe: v_proj and down_proj in more bits than the rest."""
    model = random_model()
    nn.quantize(model, group_size=32, bits=4, class_predicate=lambda name, module: hasattr(module, "to_quantized")
                and (dict(bits=8, group_size=32) if name.endswith(("v_proj", "up_proj")) else True))
    exact = reference(model)(TOKENS)
    first, second = (one_at_a_time(accelerate(model)) for _ in range(2))
    assert gap(first, exact) < QUANTIZED_BOUND and mx.array_equal(first, second) and model.answered_by == CPU


def test_no_tokens_and_tokens_that_are_no_ids():
    model = accelerate(random_model())
    assert model(mx.zeros((0, 3), mx.int32)).shape == (0, 3, 2048)
    with pytest.raises(ValueError, match="ndices must be integral"):
        model(mx.array([[3.7]]))


def test_norms_in_float32_make_caches_in_float32():
    model = random_model()
    model.set_dtype(mx.bfloat16)
    for module in model.modules():
        if module.__class__.__name__ == "RMSNorm":
            module.weight = module.weight.astype(mx.float32)
    readable, fast = model.make_cache(), model.make_cache()
    model(TOKENS, readable)
    accelerate(model)(TOKENS, fast)
    assert fast[0].keys.dtype == readable[0].keys.dtype == mx.float32
    assert gap(model(TOKENS[:, :1], readable), model(TOKENS[:, :1], fast)) < BF16_BOUND


def test_lists_for_many_tokens_are_not_kept():
    """They hold keys and values of all layers."""
    model = accelerate(random_model(context_len=2000))
    for n in (300, 500, 700, 900, 1):
        model(mx.zeros((1, n), mx.int32))
    assert sum(B * L for B, L, _ in model.engine.stepper.steps) <= step.MOST_TOKENS


# --- code that was replaced -------------------------------------------------------------------------------------------

class Doubled(Model):
    def __call__(self, *arguments, **settings):
        return 2 * super().__call__(*arguments, **settings)


def no_mask(*_):
    return None


def interleaved(patch, model):
    patch.setattr(Attention, "rotate", staticmethod(rope_interleaved))


def unmasked(patch, model):
    patch.setattr(Backbone, "make_mask", no_mask)


def unmasked_here(patch, model):
    model.model.make_mask = no_mask


def doubled(patch, model):
    call = Model.__call__
    patch.setattr(Model, "__call__", lambda self, *rest, **settings: 2 * call(self, *rest, **settings))


@pytest.mark.parametrize("replace", [interleaved, unmasked, unmasked_here, doubled])
@pytest.mark.parametrize("when", ["before", "after"])
def test_code_of_the_readers_own_answers(replace, when, monkeypatch):
    model, plain = random_model(), random_model()
    if when == "after":
        accelerate(model)(TOKENS)
        assert model.answered_by == CPU
    replace(monkeypatch, model)
    if replace is unmasked_here:
        replace(monkeypatch, plain)
    if when == "before":
        accelerate(model)
    assert gap(model(TOKENS), plain(TOKENS)) < 1e-4
    by = model.answered_by
    assert by == CPU if when == "before" else by.startswith("readable: its weights or parts")


def test_a_subclass_answers_with_its_own_code():
    model = random_model()
    want = 2 * model(TOKENS)
    model.__class__ = Doubled
    assert gap(accelerate(model)(TOKENS), want) < 1e-4 and type(detach(model)) is Doubled


# --- gradients --------------------------------------------------------------------------------------------------------

def test_gradients_by_what_is_no_parameter():
    """A mask that is learned, keys of a cache, a number within attention: none of them may get a gradient of 0."""
    def by_mask(model):
        return mx.grad(lambda bias: (model(TOKENS, mask=bias)**2).mean())(mx.zeros((24, 24)))

    def by_keys(model):
        cache = model.make_cache()
        model(TOKENS[:, :9], cache)

        def loss(keys):
            mine = model.make_cache()
            for layer, known in zip(mine, cache):
                layer.keys, layer.values, layer.offset = known.keys, known.values, known.offset
            mine[0].keys = keys
            return (model(TOKENS[:, 9:12], mine)**2).mean()
        return mx.grad(loss)(cache[0].keys)

    def by_temperature(model):
        attend = model.layers[0].self_attn.attend

        def loss(temperature):
            model.layers[0].self_attn.attend = lambda q, *rest, **settings: attend(q * temperature, *rest, **settings)
            return (model(TOKENS)**2).mean()
        try:
            return mx.grad(loss)(mx.array(1.0))
        finally:
            del model.layers[0].self_attn.attend

    for gradient in (by_mask, by_keys, by_temperature):
        model = random_model()
        want = gradient(model)
        assert mx.abs(want).max() > 1e-4
        assert mx.allclose(gradient(accelerate(model)), want, rtol=1e-3, atol=1e-6), gradient.__name__
        assert model.answered_by.startswith("readable")


def test_a_cache_as_an_input_of_compiled_code():
    model = random_model()
    cache = model.make_cache()
    model(TOKENS[:, :9], cache)

    def go_on(tokens, held):
        mine = model.make_cache()
        for layer, (keys, values) in zip(mine, held):
            layer.keys, layer.values, layer.offset = keys, values, 9
        return model(tokens, mine)
    call = TOKENS[:, 9:12], [(layer.keys, layer.values) for layer in cache]
    want = go_on(*call)
    accelerate(model)
    assert gap(mx.compile(go_on)(*call), want) < 1e-4
    assert model.answered_by == f"readable: {NO_ANSWER}"
    assert gap(go_on(*call), want) < 1e-4 and model.answered_by == CPU


# --- threads and interrupts -------------------------------------------------------------------------------------------

def test_kernels_that_arrive_while_many_threads_ask(monkeypatch, kernels):
    """One of them attaches the engine; the model's class stays one step away from its own."""
    arrived = threading.Event()
    loader = threading.Thread(target=arrived.wait, daemon=True)
    loader.start()
    for name, value in (("_kernels", None), ("_loader", loader), ("_kept", False)):
        monkeypatch.setattr(compiled, name, value)
    models = [accelerate(random_model()) for _ in range(20)]
    for model in models:
        model.set_dtype(mx.bfloat16)
        accelerate(model)
    tokens, problems = [[1, 5, 9]], []

    def ask():
        try:
            with mx.stream(mx.new_stream(mx.cpu)):
                for model in models:
                    mx.eval(model(mx.array(tokens)))
        except Exception as error:
            problems.append(error)
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    compiled._kernels = kernels
    arrived.set()
    for thread in threads:
        thread.join(60)
    assert problems == []
    for model in models:
        model(mx.array(tokens))
        assert model.answered_by == CPU and type(model).__base__ is Model and type(detach(model)) is Model


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no alarm here")
def test_a_signals_handler_may_ask_the_model():
    model, answers = accelerate(random_model()), []
    want = detach(random_model())(TOKENS[:, :1])

    def handler(*_):
        answers.append(model(TOKENS[:, :1]))
        signal.setitimer(signal.ITIMER_REAL, 0.002)  # not earlier: on a slow machine one would come within the other
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.002)
    try:
        for _ in range(200):
            model(TOKENS)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert answers and all(gap(answer, want) < 1e-4 for answer in answers)


@pytest.mark.parametrize("L", [1, 5])
def test_an_interrupt_while_keys_are_stored_leaves_all_layers_alike(L, monkeypatch):
    model = accelerate(random_model())
    cache, want = model.make_cache(), model(TOKENS)
    model(TOKENS[:, :9], cache)
    store = type(cache[0]).store

    def interrupted(layer, keys, values):
        if layer is cache[1]:
            raise KeyboardInterrupt
        store(layer, keys, values)
    with monkeypatch.context() as patch:
        patch.setattr(type(cache[0]), "store", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model(TOKENS[:, 9:9 + L], cache)
    assert {layer.offset for layer in cache} == {9}
    assert gap(model(TOKENS[:, 9:9 + L], cache), want[:, 9:9 + L]) < 1e-4


def test_layers_that_hold_different_tokens_are_an_error():
    model = accelerate(random_model())
    cache = model.make_cache()
    model(TOKENS, cache)
    cache[1].trim(2)
    for one in (model, detach(model)):
        with pytest.raises(ValueError, match="these hold 22 to 24"):
            one(TOKENS[:, :1], cache)


@pytest.mark.skipif(blas.status().library is None, reason="no OpenBLAS here")
def test_an_interrupt_leaves_the_blas_its_threads(monkeypatch):
    library = blas._in_use(blas.status().library)
    before, set_threads = library.openblas_get_num_threads(), library.openblas_set_num_threads

    class Interrupted:
        openblas_get_num_threads = library.openblas_get_num_threads
        calls = 0

        def openblas_set_num_threads(self, n):
            set_threads(n)
            Interrupted.calls += 1
            if Interrupted.calls == 1:
                raise KeyboardInterrupt
    monkeypatch.setattr(blas, "_in_use", lambda path: Interrupted())
    set_threads(2)
    try:
        with pytest.raises(KeyboardInterrupt), blas.one_thread():
            pass
        assert library.openblas_get_num_threads() == 2
    finally:
        set_threads(before)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks of a process with threads")
def test_a_child_leaves_descriptors_alone_that_are_not_its_own():
    model = accelerate(load()[0])
    model(mx.array([[1, 5, 9]]))
    from mistral_edu.fast.team import team
    ends = team(compiled.kernels()).pipe
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(ends[0])
            os.dup2(os.open(os.devnull, os.O_RDONLY), ends[1])      # a file of its own, under a number of the team's
            team(compiled.kernels())
            code = 0 if os.fstat(ends[1]) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# --- processors -------------------------------------------------------------------------------------------------------

def test_the_quota_of_the_groups_of_this_process_counts(monkeypatch, tmp_path):
    """As systemd's CPUQuota sets it, and a container that shares the groups of its host."""
    (tmp_path / "job.slice" / "run").mkdir(parents=True)
    (tmp_path / "self").write_text("0::/job.slice/run\n")
    monkeypatch.setattr(processors, "CGROUP", tmp_path)
    monkeypatch.setattr(processors, "SELF", tmp_path / "self")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert processors.processors() == 8
    (tmp_path / "job.slice" / "cpu.max").write_text("250000 100000\n")
    (tmp_path / "job.slice" / "run" / "cpu.max").write_text("max 100000\n")
    assert processors.processors() == 3
