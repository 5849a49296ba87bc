import itertools

from mistral_edu import QuantizedKVCache, generate, load, load_tokenizer, sample, stream_generate
from mistral_edu.checkpoints.errors import NonFiniteWeights
from mistral_edu.generate import generate_ids
from mistral_edu.prefill import Reader, common_prefix
from mistral_edu.text.prompt import prompt_ids
from small_models import Counted, random_model

import mlx.core as mx
import numpy as np
import pytest

STORY = "Tell me a story about a red ball."
PROMPT = [1, 3, 500, 77, 900, 4]


@pytest.fixture(scope="module")
def model():
    return random_model()


@pytest.fixture(scope="module")
def tiny():
    return load("tiny", dtype="float32")


def tokens(pieces):
    return [piece.token for piece in pieces]


def uncached(model, ids, n, **sampling):
    """The plain way: the whole text through the model for every token. Returns tokens and their logprobs."""
    ids, n_prompt, logprobs = list(ids), len(ids), []
    for _ in range(n):
        logits = model(mx.array([ids]))[0, -1]
        ids.append(sample(logits, ids=ids, **sampling).item())
        logprobs.append((logits - mx.logsumexp(logits))[ids[-1]].item())
    return ids[n_prompt:], logprobs


# --- the same tokens as without any of the machinery ---

@pytest.mark.parametrize("temperature, seed", [(0.0, 0), (1.0, 0), (1.0, 7), (1.5, 1)])
def test_the_real_loop_writes_what_the_loop_written_out_writes(tiny, temperature, seed):
    model, tokenizer = tiny
    prompt = tokenizer.encode("Once upon a time there was")
    expected = generate_ids(model, prompt, 20, temperature, seed)
    assert generate(model, None, prompt, max_tokens=20, temperature=temperature, seed=seed) == expected
    assert len(expected) == 20


@pytest.mark.slow
def test_draws_of_the_loop_written_out_depend_on_the_seed(tiny):
    model, tokenizer = tiny
    prompt = tokenizer.encode("Once upon a time there was")
    assert generate_ids(model, prompt, 40, 1.0, seed=1) != generate_ids(model, prompt, 40, 1.0, seed=2)


@pytest.mark.parametrize("window", [None, 5])
@pytest.mark.parametrize("chunk", [1, 4, 256])
def test_tokens_equal_those_of_the_model_without_a_cache(window, chunk):
    model = random_model(window_size=window)
    pieces = list(stream_generate(model, None, PROMPT, max_tokens=20, prefill_chunk=chunk))
    expected, logprobs = uncached(model, PROMPT, 20)
    assert tokens(pieces) == expected and len(set(expected)) > 5
    np.testing.assert_allclose([piece.logprob for piece in pieces], logprobs, atol=1e-4)


def test_the_repetition_penalty_counts_prompt_and_answer(model):
    with_penalty = generate(model, None, PROMPT, max_tokens=20, repetition_penalty=3.0)
    assert with_penalty == uncached(model, PROMPT, 20, repetition_penalty=3.0)[0]
    assert with_penalty != generate(model, None, PROMPT, max_tokens=20)


def test_seeds(model):
    def answer(seed):
        return generate(model, None, PROMPT, max_tokens=15, temperature=1.0, seed=seed)
    assert answer(1) == answer(1) != answer(2)
    assert answer(None) != answer(None)


def test_a_longer_answer_starts_as_the_shorter_one(model):
    long, short = (generate(model, None, PROMPT, max_tokens=n, temperature=1.0, seed=3) for n in (12, 5))
    assert long[:5] == short


def test_each_token_is_drawn_anew():
    model = random_model()
    model.lm_head.weight = mx.zeros_like(model.lm_head.weight)  # every token as likely as every other
    drawn = generate(model, None, PROMPT, max_tokens=100, temperature=1.0, seed=0)
    assert len(set(drawn)) > 85  # of 2048; 97.6 are expected


def test_global_random_state_is_left_alone(model):
    mx.random.seed(5)
    expected = mx.random.uniform(shape=(3,)).tolist()
    mx.random.seed(5)
    generate(model, None, PROMPT, max_tokens=3, temperature=1.0, seed=1)
    assert mx.random.uniform(shape=(3,)).tolist() == expected


# --- what a piece says ---

@pytest.mark.parametrize("settings", [dict(), dict(temperature=0.9, seed=4), dict(stop=[" the", "."]),
                                      dict(max_tokens=3), dict(raw=True)])
def test_streamed_text_joined_is_generate(tiny, settings):
    settings = {"max_tokens": 24, **settings}
    pieces = list(stream_generate(*tiny, STORY, **settings))
    assert "".join(piece.text for piece in pieces) == generate(*tiny, STORY, **settings)
    assert [piece.finish_reason for piece in pieces[:-1]] == [None] * (len(pieces) - 1)
    assert pieces[-1].finish_reason in ("stop", "length", "stop_string")


def test_an_answer_reads_as_decode_without_the_blank_of_the_format(tiny):
    model, tokenizer = tiny
    pieces = list(stream_generate(model, tokenizer, "Hello!", max_tokens=30))
    assert "".join(piece.text for piece in pieces) == tokenizer.decode(tokens(pieces)).removeprefix(" ")
    raw = list(stream_generate(model, tokenizer, "Hello!", max_tokens=30, raw=True))
    assert "".join(piece.text for piece in raw) == tokenizer.decode(tokens(raw))


def test_forms_of_a_prompt(tiny):
    model, tokenizer = tiny
    as_text = generate(model, tokenizer, "Hello!", max_tokens=10)
    assert as_text == generate(model, tokenizer, [{"role": "user", "content": "Hello!"}], max_tokens=10)
    ids = [tokenizer.bos_id, 3, *tokenizer.encode(" Hello!", bos=False), 4]
    for form in (ids, tuple(ids), mx.array(ids), np.array(ids)):
        assert generate(model, tokenizer, form, max_tokens=10) == as_text


def test_the_numbers_of_a_piece(model):
    pieces = list(stream_generate(model, None, PROMPT, max_tokens=4))
    assert [piece.generation_tokens for piece in pieces] == [1, 2, 3, 4]
    assert {(piece.prompt_tokens, piece.reused_tokens, piece.text) for piece in pieces} == {(6, 0, "")}
    assert all(piece.prompt_tps > 0 and piece.generation_tps > 0 and 0 < piece.peak_memory < 100 for piece in pieces)
    assert all(piece.logprobs == [] for piece in pieces)


def test_logprobs_are_those_of_the_model_before_any_filter(tiny):
    model, tokenizer = tiny
    ids = [tokenizer.bos_id, 3, *tokenizer.encode(" Hello!", bos=False), 4]
    piece = next(stream_generate(model, tokenizer, ids, logprobs=5, temperature=0.7, top_k=2, seed=0))
    logits = model(mx.array([ids]))[0, -1]
    expected = np.array(logits - mx.logsumexp(logits))
    assert [id for id, _, _ in piece.logprobs] == list(np.argsort(-expected)[:5])
    np.testing.assert_allclose([p for _, _, p in piece.logprobs], np.sort(expected)[::-1][:5], atol=1e-4)
    assert piece.logprob == pytest.approx(expected[piece.token], abs=1e-4)
    assert all(text == tokenizer.token_text(id) for id, text, _ in piece.logprobs)


# --- where an answer ends ---

def test_the_end_token_ends_the_answer_and_is_no_text(tiny):
    model, tokenizer = tiny
    *_, last = stream_generate(model, tokenizer, "Hello!", max_tokens=60)
    assert (last.token, last.text, last.finish_reason) == (tokenizer.eos_id, "", "stop")


def test_max_tokens(model):
    *_, last = stream_generate(model, None, PROMPT, max_tokens=7)
    assert (last.generation_tokens, last.finish_reason) == (7, "length")


def test_the_context_ends_the_answer():
    model = random_model(context_len=16)
    pieces = list(stream_generate(model, None, PROMPT, max_tokens=100))
    assert len(PROMPT) + len(pieces) == 16 and pieces[-1].finish_reason == "length"
    with pytest.raises(ValueError, match="takes 16 tokens, and the context of this model has 16.*shorten the prompt"):
        generate(model, None, [5] * 16)


def test_a_stop_string_that_spans_pieces_is_cut_out_whole(tiny):
    pieces = [piece for piece in stream_generate(*tiny, STORY, max_tokens=24)]
    text = "".join(piece.text for piece in pieces)
    for n in (5, 12, 20):
        stop = pieces[n].text[-1] + pieces[n + 1].text[:1]  # its letters come from two pieces
        assert len(stop) == 2
        stopped = list(stream_generate(*tiny, STORY, max_tokens=24, stop=["nowhere in there", stop]))
        assert "".join(piece.text for piece in stopped) == text[:text.index(stop)]
        assert stopped[-1].finish_reason == "stop_string"


def test_text_held_back_for_a_stop_string_comes_at_the_end(tiny):
    text = generate(*tiny, STORY, max_tokens=12)
    assert generate(*tiny, STORY, max_tokens=12, stop=text[-4:] + "#") == text


# --- the prompt is read in chunks, and only what is new ---

def test_prefill_reports_its_progress(model):
    calls = []
    next(stream_generate(model, None, [5] * 10, prefill_chunk=4, on_prefill=lambda *progress: calls.append(progress)))
    assert calls == [(4, 10), (8, 10), (10, 10)]


@pytest.mark.parametrize("bits", [None, 8])
def test_a_given_cache_is_continued(bits):
    model = random_model(window_size=9)
    cache = model.make_cache(bits=bits)
    generate(model, None, PROMPT, max_tokens=1, cache=cache)  # one token is sampled from the prompt, and not read
    both = generate(model, None, [8, 9], max_tokens=6, cache=cache)
    assert both == generate(model, None, PROMPT + [8, 9], max_tokens=6, cache=model.make_cache(bits=bits))
    assert cache[0].offset == len(PROMPT) + 2 + 5


def test_a_given_cache_takes_room_in_the_context():
    model = random_model(context_len=16)
    cache = model.make_cache()
    generate(model, None, [5] * 9, max_tokens=1, cache=cache)
    with pytest.raises(ValueError, match="takes 16 tokens"):
        generate(model, None, [6] * 7, cache=cache)


def test_the_next_token_is_under_way_when_one_is_handed_out(model):
    counted = Counted(model)
    stream = stream_generate(counted, None, PROMPT, max_tokens=3)
    ahead = [(next(stream) and counted.tokens_read) - len(PROMPT) for _ in range(3)]
    assert ahead == [1, 2, 2]  # the last is never read


def test_common_prefix():
    pairs = ([], [1]), ([1, 2], [1, 2]), ([1, 2, 3], [1, 2]), ([1, 5], [1, 6])
    assert [common_prefix(*pair) for pair in pairs] == [0, 2, 2, 1]


@pytest.mark.parametrize("window", [None, 50])
@pytest.mark.parametrize("bits", [None, 8])
def test_a_reader_reads_only_what_differs(window, bits):
    model = random_model(window_size=window)
    counted = Counted(model)
    reader = Reader(counted, bits=bits)
    first = generate(counted, None, PROMPT, max_tokens=10, cache=reader)
    assert reader.ids == PROMPT + first[:-1]
    counted.tokens_read = 0
    longer = PROMPT + first[:4] + [11, 12]
    piece = next(stream_generate(counted, None, longer, cache=reader, max_tokens=1))
    assert (piece.reused_tokens, counted.tokens_read) == (len(PROMPT) + 4, 2)
    assert piece.token == generate(model, None, longer, max_tokens=1, cache=model.make_cache(bits))[0]
    fresh = next(stream_generate(model, None, longer, max_tokens=1, cache=model.make_cache(bits)))
    assert piece.logprob == pytest.approx(fresh.logprob, abs=1e-4)


def test_a_reader_that_starts_again_keeps_its_kind_of_cache():
    model = random_model(window_size=4)
    reader = Reader(model, bits=8)
    generate(model, None, PROMPT, max_tokens=10, cache=reader)
    piece = next(stream_generate(model, None, PROMPT[:4] + [9], cache=reader))  # further back than the ring reaches
    assert piece.reused_tokens == 0
    assert all(isinstance(layer, QuantizedKVCache) for layer in reader.cache)


def test_the_same_prompt_again_reads_one_id(model):
    reader = Reader(model)
    first = generate(model, None, PROMPT, max_tokens=5, cache=reader)
    piece = next(stream_generate(model, None, PROMPT, cache=reader))
    assert (piece.reused_tokens, piece.token) == (len(PROMPT) - 1, first[0])


# --- interrupts: what the reader says it has read is what the cache holds ---

def resumes_as_fresh(model, reader, ids):
    """Whether going on from whatever state the reader is in gives the logits of a fresh computation."""
    reader.model = model
    reader.resume(ids)
    assert [layer.offset for layer in reader.cache] == [len(reader.ids)] * model.config.n_layers
    logits = reader.read(mx.array(ids[len(reader.ids):]))
    return mx.abs(logits - model(mx.array([ids]))[0, -1]).max().item() < 1e-4


@pytest.mark.parametrize("window, bits", [(None, None), (None, 8), (8, None)])
@pytest.mark.parametrize("where", ["before", "middle", "after"])
@pytest.mark.parametrize("call", [1, 2, 3, 6, 9])
def test_an_interrupt_leaves_the_reader_usable(window, bits, where, call):
    model = random_model(window_size=window)
    counted = Counted(model)
    counted.interrupt_at, counted.where = call, where
    reader = Reader(counted, bits=bits)
    with pytest.raises(KeyboardInterrupt):
        generate(counted, None, PROMPT, max_tokens=20, prefill_chunk=4, cache=reader)
    if bits is None:
        assert resumes_as_fresh(model, reader, PROMPT + [5, 6, 7])
    else:
        reader.model = model
        assert generate(model, None, PROMPT, max_tokens=5, cache=reader) == generate(
            model, None, PROMPT, max_tokens=5, cache=model.make_cache(bits))


def test_a_closed_stream_leaves_the_reader_usable(model):
    reader = Reader(model)
    stream = stream_generate(model, None, PROMPT, cache=reader)
    given = tokens(itertools.islice(stream, 3))
    stream.close()
    assert reader.ids == PROMPT + given
    assert resumes_as_fresh(model, reader, PROMPT + given + [9])


def test_an_error_in_the_progress_callback_leaves_the_reader_usable(model):
    def fail(done, total):
        raise RuntimeError("no progress")
    reader = Reader(model)
    with pytest.raises(RuntimeError, match="no progress"):
        generate(model, None, PROMPT, prefill_chunk=2, on_prefill=fail, cache=reader)
    assert reader.ids == PROMPT[:2] and resumes_as_fresh(model, reader, PROMPT)


# --- errors ---

@pytest.mark.parametrize("prompt, settings, complaint", [
    ([], {}, "the prompt is empty"),
    ([5, 2048], {}, r"ids \[2048\] are not in the vocabulary; expected 0 to 2047"),
    ([-1], {}, r"ids \[-1\]"),
    (mx.array([PROMPT]), {}, r"expected ids of shape \(L,\), got \(1, 6\)"),
    ("Hello", {}, "needs a tokenizer"),
    ([{"role": "user", "content": "Hello"}], {}, "needs a tokenizer"),
    (PROMPT, {"stop": "x"}, "stop strings need a tokenizer"),
    (PROMPT, {"stop": ["x", ""]}, "stop takes strings that are not empty"),
    (PROMPT, {"max_tokens": 0}, "at least 1"),
    (PROMPT, {"prefill_chunk": 0}, "at least 1"),
    (PROMPT, {"logprobs": -1}, "at least 0"),
    (PROMPT, {"seed": -1}, "seed should be a whole number"),
    (PROMPT, {"seed": 0.5}, "seed should be a whole number"),
    (PROMPT, {"temperature": -1}, "temperature should be 0 .*; got -1"),
])
def test_errors(model, prompt, settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        generate(model, None, prompt, **settings)


@pytest.mark.parametrize("prompt, words", [
    ({"role": "user", "content": "Hi"}, "a string, a list of messages, or a list of ids; got dict .*goes into a list"),
    (b"Hello", "got bytes"), (7, "got int"), (None, "got NoneType"),
    ([1, 2.5, 3], "number 1 of the prompt is '2.5', of type float"),
    ([True, False], "number 0 of the prompt is 'True', of type bool"), (["Hi"], "number 0 of the prompt is 'Hi'"),
    ([{"role": "user", "content": "Hi", "tool_calls": [1]}], "message 0 has tool_calls"),
    ([{"role": "user", "content": [{"type": "image_url"}]}], "tools and pictures are not taught here")])
def test_what_is_no_prompt_is_refused_in_words(prompt, words):
    with pytest.raises(ValueError, match=words):
        prompt_ids(prompt, load_tokenizer())


def test_a_text_that_cannot_fit_is_refused_before_it_is_encoded(monkeypatch):
    model, tokenizer = load()
    monkeypatch.setattr(tokenizer, "encode", None)           # whoever calls it fails
    with pytest.raises(ValueError, match=r"the prompt takes [\d,]+ tokens at least, and the context .* has 1,024"):
        generate(model, tokenizer, "word " * 100_000)
    longest = max(len(tokenizer.token_bytes(id)) for id in range(tokenizer.vocab_size))
    assert longest <= tokenizer.longest_token                # in Tekken's alphabet a byte may take two


def test_a_weight_so_large_that_products_overflow_is_an_error():
    model = random_model()
    model.layers[0].mlp.up_proj.weight = 1e38 * model.layers[0].mlp.up_proj.weight      # finite, every one
    with pytest.raises(NonFiniteWeights, match="logits are not numbers"):
        generate(model, None, [1, 3, 5, 4], max_tokens=3)
