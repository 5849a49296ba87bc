"""The engine and the readable model give the same logits and the same text, whichever way they are asked.

Bounds, and why they are what they are: mistral_edu/bench/equal.py. The readable side is float32 with the numbers that
the weights stand for, since MLX's own products in 16 bit and quantized round more than what is tested here.
"""
import signal
import threading

from golden.golden_cases import GROUPINGS
from golden.models import in_chunks
from mistral_edu import Chat, encode_chat, generate, load, stream_generate
from mistral_edu.bench import equal
from mistral_edu.bench.equal import BF16_BOUND, BOUND, PROMPTS, QUANTIZED_BOUND, ROUNDED_BOUND, gap, narrow, reference
from mistral_edu.cache import KVCache
from mistral_edu.fast import accelerate, cpu_engine, detach, onednn
from mistral_edu.prefill import Reader
from mistral_edu.quantize import quantize
from small_environments import run
from small_models import Counted
from small_models import random_model as larger_model
from test_transformer import CASES, golden

import mlx.core as mx
import pytest

CPU = cpu_engine.CpuEngine.name
FORMS = {"fp32": (mx.float32, None), "8 bit, fp32 scales": (mx.float32, 8), "4 bit, fp32 scales": (mx.float32, 4),
         "bf16": (mx.bfloat16, None), "8 bit": (mx.bfloat16, 8), "4 bit": (mx.bfloat16, 4)}

pytestmark = pytest.mark.usefixtures("kernels")


def in_form(model, form, group_size=32):
    """(the model in this form, accelerated; its reference)."""
    dtype, bits = FORMS[form]
    model.set_dtype(dtype)
    if bits:
        quantize(model, bits, group_size)
    mx.eval(model.parameters())
    return accelerate(model), reference(model)


def chunkings(window, length):
    """Ways to feed a text: all at once, alike chunks, and prompts of one and of several tokens, then one at a time."""
    W = window or 16
    sizes = {1, 3, W, 2 * W + 1, length}
    return [[size] for size in sorted(sizes) if size <= length] + [[first, 1] for first in (2, W + 1, length - 3)]


def bounds(form):
    """Without a cache; with one, against exact caches; against caches that round as the model's own do."""
    dtype, bits = FORMS[form]
    if onednn.status().library and (bits or dtype == mx.bfloat16):
        return BF16_BOUND, BF16_BOUND, BF16_BOUND
    bound = QUANTIZED_BOUND if bits else BOUND
    return (bound, bound, bound) if dtype == mx.float32 else (bound, BF16_BOUND, ROUNDED_BOUND)


def check_all_chunkings(model, exact, tokens, form):
    want, window = exact(tokens), model.config.window_size
    none, far, near = bounds(form)
    assert gap(model(tokens), want) < none and model.answered_by == CPU
    assert gap(model(tokens, last_only=True), want[:, -1:]) < none
    for sizes in chunkings(window, tokens.shape[1]):
        got = in_chunks(model, tokens, model.make_cache(), sizes)
        assert model.answered_by == CPU
        assert gap(got, want) < far, f"chunks of {sizes}"
        rounded = in_chunks(exact, tokens, narrow(model, model.make_cache()), sizes)
        assert gap(got, rounded) < near, f"chunks of {sizes}, rounded alike"


# --- logits -----------------------------------------------------------------------------------------------------------

def quick_and_slow():
    """Every golden model in every form; in the quick part one of each window in fp32, and one model in each form."""
    for n, name in enumerate(CASES):
        for form in FORMS:
            quick = n % len(GROUPINGS) == 1 if form == "fp32" else n == 2 * len(GROUPINGS)  # that has a window of 7
            yield pytest.param(name, form, marks=[] if quick else [pytest.mark.slow], id=f"{name}, {form}")


@pytest.mark.parametrize("name, form", list(quick_and_slow()))
def test_logits_of_the_golden_models_in_every_form_and_chunking(name, form):
    model, tokens, logits = golden(name)
    model, exact = in_form(model, form)
    if form == "fp32":
        assert gap(model(tokens), logits) < BOUND  # of Hugging Face transformers
    check_all_chunkings(model, exact, tokens[:1], form)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["fp32", "bf16", "4 bit"])
@pytest.mark.parametrize("name", list(CASES)[::5])
def test_two_sequences_at_once(name, form):
    model, tokens, _ = golden(name)
    model, exact = in_form(model, form)
    check_all_chunkings(model, exact, tokens, form)


@pytest.mark.slow
@pytest.mark.parametrize("group_size", [64, 128])
@pytest.mark.parametrize("form", [form for form in FORMS if "bit" in form])
def test_every_group_size(form, group_size):
    model = larger_model(dim=128, hidden_dim=256, head_dim=64, window_size=7)
    model, exact = in_form(model, form, group_size)
    tokens = mx.random.randint(0, model.config.vocab_size, (1, 24), key=mx.random.key(3))
    check_all_chunkings(model, exact, tokens, form)


@pytest.fixture(scope="module")
def story(tiny):
    """(1, 300) ids of the embedded model's own language: more than twice its window of 128."""
    tokenizer = tiny[1]
    ids = [id for prompt in PROMPTS for id in encode_chat([{"role": "user", "content": prompt}], tokenizer)]
    return mx.array([(ids * 4)[:300]])


@pytest.fixture(scope="module")
def tiny():
    """Model and tokenizer in float32, for what asks for one model in both ways."""
    return load(dtype="float32")


@pytest.mark.slow
@pytest.mark.parametrize("form", list(FORMS))
def test_logits_of_the_embedded_model_past_its_window(form, story):
    dtype, bits = FORMS[form]
    model, _ = load(dtype=dtype, bits=bits)
    exact, (none, far, _) = reference(model), bounds(form)
    want = exact(story)
    assert gap(model(story), want) < none
    for sizes in ([1], [257], [131, 1]):
        assert gap(in_chunks(model, story, model.make_cache(), sizes), want) < far and model.answered_by == CPU


def test_the_bounds_tell_a_wrong_form_from_a_right_one():
    """The bounds are well below what a mistake changes: another window, rounded weights, one row a tenth too large."""
    name = next(name for name in CASES if name.startswith("window 7"))
    model, tokens, _ = golden(name)
    want = model(tokens)
    wider, _, _ = golden(name, window_size=8)
    assert gap(accelerate(wider)(tokens), want) > 3 * BF16_BOUND
    assert gap(accelerate(quantize(golden(name)[0], 8, 32))(tokens), want) > 10 * BOUND
    one_row, _, _ = golden(name)
    one_row.layers[0].mlp.down_proj.weight[5] *= 1.1
    assert gap(accelerate(one_row)(tokens), want) > 10 * BOUND
    assert gap(accelerate(model)(tokens), want) < BOUND


# --- greedy text ------------------------------------------------------------------------------------------------------

@pytest.mark.slow
@pytest.mark.parametrize("bits", [None, 8, 4])
def test_greedy_text_is_the_readable_one_wherever_the_margin_allows(bits, capsys):
    model, tokenizer = load(bits=bits)
    people = ("Anna", "Ben", "Clara", "David", "Emma", "Felix")
    prompts = [*PROMPTS, *(f"Tell me a story about {name}." for name in people),
               *(f"What is {a} plus {b}?" for a, b in ((1, 2), (6, 3), (8, 8), (9, 4), (2, 5), (10, 7)))]
    ids = [encode_chat([{"role": "user", "content": prompt}], tokenizer) for prompt in prompts]
    comparison = equal.compare(model, reference(model), ids, max_tokens=48)
    with capsys.disabled():
        print(f"\n{bits or 16} bit: {comparison}")
    assert comparison.tokens == 24 * 48 and model.answered_by == CPU
    assert comparison.largest_gap < BF16_BOUND
    assert comparison.widest_margin < 2 * comparison.largest_gap  # two logits, each off by the gap at most
    assert comparison.equal > 0.99 * comparison.tokens


def test_a_comparison_notices_another_model():
    model, _ = load(bits=4)
    comparison = equal.compare(model, reference(load(fast=False)[0]), [[1, 3, 500, 4]], max_tokens=30)
    assert comparison.largest_gap > BF16_BOUND


# --- everything above the logits --------------------------------------------------------------------------------------

def both_ways(model, ask):
    """What `ask` returns with the readable code and with the engine."""
    detach(model)
    readable = ask()
    assert model.answered_by == "readable"
    accelerate(model)
    fast = ask()
    assert model.answered_by == CPU
    return readable, fast


SETTINGS = [{"temperature": 0.8, "seed": 7}, {"temperature": 1.2, "top_k": 40, "seed": 1}, {"stop": [" ball", "."]},
            {"temperature": 1.0, "top_p": 0.9, "min_p": 0.02, "seed": 2}, {"repetition_penalty": 1.2},
            {"prefill_chunk": 3}]


@pytest.mark.parametrize("settings", [{}, *(pytest.param(one, marks=pytest.mark.slow) for one in SETTINGS)], ids=str)
def test_pieces_are_the_same(tiny, settings):
    model, tokenizer = tiny

    def ask():
        return list(stream_generate(model, tokenizer, "Tell me a story about a red ball.", max_tokens=60, logprobs=3,
                                    **settings))

    readable, fast = both_ways(model, ask)
    assert len(readable) == len(fast) > 3
    for a, b in zip(readable, fast):
        same = ("text", "token", "prompt_tokens", "reused_tokens", "generation_tokens", "finish_reason")
        assert [getattr(a, name) for name in same] == [getattr(b, name) for name in same]
        assert b.logprob == pytest.approx(a.logprob, abs=1e-3)
        assert [(id, text) for id, text, _ in a.logprobs] == [(id, text) for id, text, _ in b.logprobs]
        assert [p for *_, p in b.logprobs] == pytest.approx([p for *_, p in a.logprobs], abs=1e-3)


@pytest.mark.slow
def test_a_conversation_is_the_same_and_reads_as_little(tiny):
    def ask():
        chat = Chat(*tiny, max_tokens=60)
        seen = []
        for text in ("Tell me a story about a red ball.", "Who are you?", "What is 7 plus 5?"):
            pieces = list(chat.stream(text))
            seen.append((pieces[-1].reused_tokens, pieces[-1].prompt_tokens, pieces[-1].finish_reason))
        chat.undo()
        chat.edit(0, "Hello!")
        stream = chat.stream("Tell me a story.")
        for _ in range(5):
            next(stream)
        chat.stop()
        list(stream)
        return chat.messages, seen, chat("And then?")

    readable, fast = both_ways(tiny[0], ask)
    assert readable == fast and readable[1][1][0] > 0


@pytest.mark.parametrize("window", [None, 7])
@pytest.mark.parametrize("form", ["fp32", "4 bit"])
def test_a_cache_goes_from_one_to_the_other_and_on(form, window):
    """Engine and readable code (both on the same weights, the readable one rounding no more) take turns."""
    model = larger_model(window_size=window)
    model, exact = in_form(model, form)
    tokens = mx.random.randint(0, 2048, (1, 40), key=mx.random.key(8))
    want = in_chunks(exact, tokens, narrow(model, model.make_cache()), [1])
    for first, second in ((model, exact), (exact, model)):
        cache = model.make_cache()
        views = {id(model): cache, id(exact): narrow(model, cache)}
        got = []
        for start, end, by in ((0, 11, first), (11, 12, second), (12, 13, first), (13, 14, first), (14, 30, second),
                               (30, 31, first), (31, 40, first)):
            got.append(by(tokens[:, start:end], views[id(by)]))
        assert gap(mx.concatenate(got, axis=1), want) < bounds(form)[-1]
        assert model.answered_by == CPU and {layer.offset for layer in cache} == {40}


@pytest.mark.parametrize("window, length", [(7, 7), (7, 14), (16, 32), (None, 256)])
@pytest.mark.parametrize("form", ["fp32", "bf16"])
def test_a_chunk_that_fills_the_buffer(form, window, length):
    """MLX makes such a chunk the buffer: rows with gaps between them, if they lay so in a longer chunk."""
    model, exact = in_form(larger_model(window_size=window, context_len=300), form)
    tokens = mx.random.randint(0, 2048, (1, length + 4), key=mx.random.key(8))
    got = in_chunks(model, tokens, model.make_cache(), [length, 1])
    assert gap(got, in_chunks(exact, tokens, narrow(model, model.make_cache()), [length, 1])) < bounds(form)[-1]


def test_a_cache_restored_from_another_ones_state():
    model, exact = in_form(larger_model(), "fp32")
    tokens = mx.random.randint(0, 2048, (1, 9), key=mx.random.key(8))
    cache, twin = model.make_cache(), model.make_cache()
    model(tokens[:, :-1], cache)
    for one, other in zip(cache, twin):
        other.restore(one.state, one.meta)
    assert gap(model(tokens[:, -1:], twin), exact(tokens)[:, -1:]) < BOUND and model.answered_by == CPU


@pytest.mark.parametrize("where", ["before", "middle", "after"])
@pytest.mark.parametrize("call", [1, 2, 6])
@pytest.mark.parametrize("window", [None, 16])
def test_an_interrupt_leaves_a_cache_from_which_the_engine_goes_on(window, call, where):
    model, prompt = accelerate(larger_model(window_size=window)), [1, 5, 9, 40, 2, 77]
    want = generate(model, None, prompt, max_tokens=12)
    counted = Counted(model)
    reader = Reader(counted)
    counted.interrupt_at, counted.where = call, where
    with pytest.raises(KeyboardInterrupt):
        list(stream_generate(counted, None, prompt, max_tokens=12, cache=reader))
    counted.interrupt_at = None
    assert generate(counted, None, prompt, max_tokens=12, cache=reader) == want and model.answered_by == CPU


INTERRUPTED = """if 1:
    import signal, time
    import mistral_edu
    from mistral_edu import generate, load
    from mistral_edu.fast import compiled
    from mistral_edu.prefill import Reader
    assert compiled.kernels(wait=200)
    model, _ = load(dtype="float32", window_size=16)
    answer = lambda **settings: generate(model, None, [1, 5, 9, 40, 2, 77], max_tokens=30, **settings)
    want, reader, interrupts = answer(), Reader(model), 0
    def answer_again():  # and how long it takes now
        began = time.perf_counter()
        assert answer(cache=reader) == want, f"another answer after {interrupts} interrupts"
        return time.perf_counter() - began
    answer_again()
    usual = answer_again()
    signal.signal(signal.SIGALRM, signal.default_int_handler)  # raises KeyboardInterrupt, as Ctrl-C does
    for n in range(60):
        try:
            signal.setitimer(signal.ITIMER_REAL, usual * (n + 1) / 60)
            answer(cache=reader)
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            interrupts += 1
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        usual = answer_again()
    print(interrupts, model.answered_by)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that sends signals")
def test_ctrl_c_at_any_moment_does_no_harm():
    """Sixty signals, wherever they strike: in compiled code, between layers, while a cache takes a token in,
    while a lock is taken. In a process of its own, since one that waits for ever could not say so."""
    done = run("-c", INTERRUPTED, timeout=300)
    assert done.returncode == 0, done.stderr
    interrupts, path = done.stdout.strip().split(" ", 1)
    assert int(interrupts) > 20 and path == CPU


def test_a_chat_can_be_stopped_from_another_thread(tiny):
    model, tokenizer = tiny
    accelerate(model)
    chat, pieces = Chat(model, tokenizer), []
    for piece in chat.stream("Tell me a story about a red ball.", max_tokens=60):
        pieces.append(piece)
        if len(pieces) == 5:
            another = threading.Thread(target=chat.stop)
            another.start()
            another.join()
    assert len(pieces) == 5 and len(chat.messages) == 2
    assert chat("Hello!", temperature=0.0) and model.answered_by == CPU


def test_a_cache_without_a_window_serves_a_model_with_one(tiny):
    model, tokenizer = tiny
    tokens = mx.array([tokenizer.encode("The ball is in the kitchen. " * 30)[:200]])
    exact = reference(model)
    got = in_chunks(accelerate(model), tokens, [KVCache() for _ in model.layers], [131, 1])
    assert gap(got, exact(tokens)) < BOUND and model.answered_by == CPU
