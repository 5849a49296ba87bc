"""Views into an answer: their numbers are the model's own, and what they print is the same on every machine."""
import mlx.core as mx
import pytest
from test_lab_map import Page

from mistral_edu import encode_chat, generate, load_model, load_tokenizer
from mistral_edu.lab import compare_answers
from mistral_edu.lab.looking.comparing import Comparison, Place

STORY = "Tell me a story about a red ball"


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer()


@pytest.fixture(scope="module")
def model():
    return load_model(dtype="float32", fast=False)


@pytest.fixture(scope="module")
def models(model):
    return {"window 128": model, "window 4": load_model(dtype="float32", window_size=4, fast=False)}


@pytest.fixture(scope="module")
def compared(models, tokenizer):
    return compare_answers(STORY, models, tokenizer, max_tokens=20)


def probabilities(model, ids):
    """After each of ids, by one call of the model: (L, vocab_size)."""
    return mx.softmax(model(mx.array([ids]))[0].astype(mx.float32), axis=-1)


def test_answers_are_those_of_generate(compared, models, tokenizer):
    for name, model in models.items():
        assert compared.texts[name] == generate(model, tokenizer, STORY, max_tokens=20)


def test_the_place_is_the_first_that_differs_and_its_probabilities_are_the_models_own(compared, models, tokenizer):
    first, other = compared.answers.values()
    place, = compared.places
    n = compared.same["window 4"]
    assert place.n == n and first[:n] == other[:n] and first[n] != other[n]
    assert place.tokens == [first[n], other[n]]
    assert compared.same["window 128"] == len(first)
    ids = encode_chat([{"role": "user", "content": STORY}], tokenizer) + first[:n]
    for name, model in models.items():
        own = probabilities(model, ids)[-1, mx.array(place.tokens)].tolist()
        assert place.chances[name] == pytest.approx(own, abs=1e-4)
    assert place.chances["window 128"][0] > place.chances["window 128"][1]         # greedy: each took its likeliest
    assert place.chances["window 4"][1] > place.chances["window 4"][0]


def test_a_model_beside_itself_says_the_same(model, tokenizer):
    same = compare_answers("What is 7 plus 5?", {"a": model, "b": model}, tokenizer)
    assert str(same) == "a, 11 tokens:\n    7 + 5 = 12.\nb: the same 11 tokens."
    assert same.places == []


def test_three_models_that_part_at_one_place_share_a_table(models, model, tokenizer):
    three = compare_answers(STORY, {**models, "again": models["window 4"], "tiny": model}, tokenizer, max_tokens=20)
    place, = three.places
    assert len(place.tokens) == 2 and list(place.chances) == ["window 128", "window 4", "again", "tiny"]
    assert "tiny: the same 20 tokens." in str(three)


def made_up(tokenizer, first, other, chances=((0.5, 0.25), (0.25, 0.5))):
    """A comparison of two answers given as text, which end there."""
    answers = {name: tokenizer.encode(text, bos=False) + [tokenizer.eos_id]
               for name, text in (("16 bit", first), ("<b>4</b> bit", other))}
    comparison = Comparison(tokenizer, encode_chat([{"role": "user", "content": "?"}], tokenizer), answers, [])
    n = comparison.same["<b>4</b> bit"]
    tokens = [ids[n] for ids in answers.values()]
    comparison.places.append(Place(n, tokens, dict(zip(answers, map(list, chances)))))
    return comparison


def test_the_table_as_text(tokenizer):
    assert str(made_up(tokenizer, "The key is in the barn.", "The key is in the kitchen.")) == """\
16 bit, 8 tokens:
    The key is in the barn.
<b>4</b> bit, 8 tokens, of which the first 5 are the same:
    The key is in the [[kitchen]].

After 5 tokens, “The key is in the”, the probability of:
                       ␣barn  ␣kitchen
    16 bit             0.500     0.250
    <b>4</b> bit       0.250     0.500"""


def test_the_same_as_html(tokenizer):
    page = Page(made_up(tokenizer, "The key is in the barn.", "The key is in the kitchen.")._repr_html_())
    assert all(words in page.words for words in ("<b>4</b> bit", "of which the first 5 are the same", "␣kitchen", "0.250"))
    assert [tag["scope"] for tag in page.all("th")] == ["col", "col", "row", "row"]


def test_markup_is_shown_and_never_works(tokenizer):
    html = made_up(tokenizer, "<i>a</i>", "<script>alert(1)</script>")._repr_html_()
    assert "<script" not in html and "<i>" not in html and "<b>4" not in html
    assert "&lt;i&gt;a&lt;/i&gt;" in html


def test_an_end_and_a_part_of_a_character_have_names(tokenizer):
    ended = made_up(tokenizer, "The key", "The")
    assert "The [[</s>]]" not in str(ended) and "The[[</s>]]" in str(ended)
    in_bytes = made_up(tokenizer, "é", "è")                          # 2 bytes each, of which the first is the same
    assert "[[è]]" in str(in_bytes) and "A9" in str(in_bytes) and "A8" in str(in_bytes)


def test_what_cannot_be_compared_is_refused(model, tokenizer):
    with pytest.raises(ValueError, match="two at least"):
        compare_answers("Hi", {"one": model}, tokenizer)
    with pytest.raises(ValueError, match="got list"):
        compare_answers("Hi", [model, model], tokenizer)
    with pytest.raises(ValueError, match="'b': str"):
        compare_answers("Hi", {"a": model, "b": "tiny"}, tokenizer)
