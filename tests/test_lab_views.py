"""Views into an answer: their numbers are the model's own, and what they print is the same on every machine."""
from mistral_edu import encode_chat, generate, load_model, load_tokenizer
from mistral_edu.lab import attention_view, compare_answers, explore, lens_view, reach_view
from mistral_edu.lab.experiments.inside import logit_lens, record, silenced
from mistral_edu.lab.looking.attention import weights_of
from mistral_edu.lab.looking.comparing import Comparison, Place
from mistral_edu.lab.looking.lens import lens_of
from mistral_edu.lab.looking.reach import exchanged, regions
from mistral_edu.rope import rope
from test_lab_map import Page

import mlx.core as mx
import numpy as np
import pytest

pytestmark = pytest.mark.slow

STORY = "Tell me a story about a red ball"
QUESTION = "The ball is in the kitchen. The key is in the barn. Where is the key?"      # 22 tokens with its marks
TALK = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "The key is in the barn."}]


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
    assert all(words in page.words for words in ("<b>4</b> bit", "the first 5 are the same", "␣kitchen", "0.250"))
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
    with pytest.raises(ValueError, match="at least two"):
        compare_answers("Hi", {"one": model}, tokenizer)
    with pytest.raises(ValueError, match="got list"):
        compare_answers("Hi", [model, model], tokenizer)
    with pytest.raises(ValueError, match="'b': str"):
        compare_answers("Hi", {"a": model, "b": "tiny"}, tokenizer)


@pytest.fixture(scope="module")
def ids(tokenizer):
    return encode_chat([{"role": "user", "content": QUESTION}], tokenizer)


@pytest.fixture(scope="module")
def narrow(models):
    """With its window of 4 and 8 layers it reaches 24 places back."""
    return models["window 4"]


def by_hand(model, ids, layer, head, at):
    """The weights of one query, from the stream that enters the layer: softmax(q k / sqrt(head_dim)) in its window."""
    attention = model.layers[layer].self_attn
    x = model.layers[layer].input_layernorm(record(model, ids).states[layer])            # (L, dim)
    kv_head, dim = head * attention.n_kv_heads // attention.n_heads, model.config.head_dim
    q = rope(attention.q_proj(x)[None, None, :, head * dim:][..., :dim], 0)[0, 0]        # (L, head_dim)
    k = rope(attention.k_proj(x)[None, None, :, kv_head * dim:][..., :dim], 0)[0, 0]     # (L, head_dim)
    start = max(0, at + 1 - model.config.window_size)
    weights = np.zeros(len(ids))
    weights[start:at + 1] = np.array(mx.softmax(k[start:at + 1] @ q[at] / dim ** 0.5))
    return weights


@pytest.mark.parametrize("layer, head, at", [(0, 0, 21), (5, 4, 21), (3, 7, 14), (7, 3, 0)])
def test_weights_are_those_by_hand_and_those_that_a_recorded_run_has(model, narrow, ids, layer, head, at):
    for each in (model, narrow):
        weights = weights_of(each, ids, layer, head, at)
        assert weights == pytest.approx(by_hand(each, ids, layer, head, at), abs=1e-5)
        assert weights == pytest.approx(np.array(record(each, ids).pattern[layer, head, at]), abs=1e-6)
        assert weights.sum() == pytest.approx(1, abs=1e-5)


def test_nothing_goes_to_what_is_out_of_the_window_or_later(narrow, ids):
    weights = weights_of(narrow, ids, 2, 0, 10)
    assert (weights[:7] == 0).all() and (weights[11:] == 0).all() and (weights[7:11] > 0).all()


def test_the_caption_says_where_one_looks_and_what_the_window_hides(model, narrow, tokenizer, ids):
    whole = attention_view(QUESTION, model, tokenizer, 5, 4)
    most = int(weights_of(model, ids, 5, 4, 21).argmax())
    assert whole.caption.startswith("Layer 5 head 4, from “[/INST]” (21): ")
    assert f"({most}); " in whole.caption and "(tokens 0 to 21) adds up to 1.00" in whole.caption
    assert whole.caption.endswith("The window of 128 reaches to the first token.")
    cut = attention_view(ids, narrow, tokenizer, 5, 4, position=-2)
    assert cut.caption.endswith("The window of 4 begins at “␣is” (17); what stands before gets 0.")
    assert "(tokens 17 to 20)" in cut.caption


def test_the_rest_of_a_layer_does_not_matter_but_what_came_before_does(model, ids):
    before = weights_of(model, ids, 3, 7, 14)
    with silenced(model, feed_forwards=[3, 4]):
        assert (weights_of(model, ids, 3, 7, 14) == before).all()
    with silenced(model, feed_forwards=[0, 1, 2]):
        assert abs(weights_of(model, ids, 3, 7, 14) - before).max() > 0.01


@pytest.mark.parametrize("position", [None, 8, 24])
def test_the_lens_is_that_of_notebook_10_and_ends_in_the_models_own_probabilities(model, tokenizer, position):
    ids = encode_chat(TALK, tokenizer)
    at = len(ids) - 1 if position is None else position
    found = lens_of(model, ids, at)
    assert found == pytest.approx(np.array(logit_lens(model, record(model, ids))[:, at]), abs=1e-5)
    assert found[-1] == pytest.approx(np.array(probabilities(model, ids)[at]), abs=1e-4)


def test_what_came_is_the_next_token_of_the_text_or_the_models_choice(model, tokenizer):
    told = encode_chat(TALK, tokenizer).index(tokenizer.encode(" barn", bos=False)[0])
    assert lens_view(TALK, model, tokenizer, position=told).caption.startswith(f"After “␣barn” ({told}) came “.”. ")
    last = lens_view(QUESTION, model, tokenizer)
    assert last.caption.startswith("After “[/INST]” (21) came “␣The”. Its probability after 0 to 8 layers: 0.00 ")
    assert last.caption.endswith("After the last: “␣The” 1.00.")


def test_regions_of_a_text(narrow, model):
    assert regions(30, narrow.config) == {"in the window": range(26, 30), "through the layers": range(5, 26),
                                          "out of reach": range(0, 5)}
    assert [len(places) for places in regions(22, model.config).values()] == [22, 0, 0]
    assert [len(places) for places in regions(9, load_model(window_size=None).config).values()] == [9, 0, 0]
    assert [len(places) for places in regions(9, load_model(window_size=1).config).values()] == [1, 0, 8]


def test_an_exchange_changes_nothing_out_of_reach_and_something_within(narrow, tokenizer):
    ids = encode_chat(TALK, tokenizer)                                                   # 30 tokens
    change = exchanged(narrow, ids, [0, 4, 5, 25, 26, 29])
    assert change[0] == 0 and change[4] == 0
    assert all(change[n] > 0 for n in (5, 25, 26, 29))
    other = [*ids[:25], ids[26], *ids[26:]]
    gap = mx.abs(narrow(mx.array([other]))[0, -1] - narrow(mx.array([ids]))[0, -1]).max().item()
    assert change[25] == pytest.approx(gap, rel=1e-3)


def test_the_caption_says_what_is_reached(narrow, model, tokenizer):
    view = reach_view(TALK, narrow, tokenizer)
    assert view.caption.startswith("A window of 4 in 8 layers reaches 8 x 3 = 24 places back. The first 5 of 30 tokens")
    assert view.caption.endswith("out of reach 0 exactly.")
    untouched = reach_view(QUESTION, model, tokenizer, exchanges=0).caption
    assert untouched == ("A window of 128 in 8 layers reaches 8 x 127 = 1,016 places back. The text begins 21 places "
                         "back, so nothing is out of reach.")


def test_any_text_is_drawn_as_it_is(model, tokenizer):
    """Dollars would start a formula, and a font lacks some letters; no warning, no error."""
    text = "$x_1$ <b>é你😀</b> \\n\n\t$"
    for view in (attention_view(text, model, tokenizer, 0, 0), lens_view(text, model, tokenizer),
                 reach_view(text, model, tokenizer, exchanges=1), reach_view([1], model, tokenizer)):
        assert view.png().startswith(b"\x89PNG")
    alt = attention_view("<script>", model, tokenizer, 0, 0)
    assert "<script" not in alt.html() and len(alt.alt) > len(alt.caption)


def test_pictures_follow_sliders(model, tokenizer):
    def look(layer=5, head=4, position=21):
        return attention_view(QUESTION, model, tokenizer, layer, head, position)

    explorer = explore(look, layer=(0, 7), head=(0, 7), position=(0, 21))
    first = explorer.caption
    explorer.controls["layer"].value = 2
    assert explorer.caption.startswith("Layer 2 head 4") and explorer.caption != first


@pytest.mark.parametrize("arguments, message", [
    (dict(layer=8, head=0), "no layer 8"), (dict(layer=0, head=9), "no head 9"),
    (dict(layer=0, head=0, position=22), "one of the 22 tokens"), (dict(layer=0, head=0, position=1.0), "got 1.0")])
def test_places_that_are_not_there_are_named(model, tokenizer, arguments, message):
    with pytest.raises(ValueError, match=message):
        attention_view(QUESTION, model, tokenizer, **arguments)


def test_texts_that_do_not_fit_are_refused(model, tokenizer):
    for view in (lens_view, reach_view):
        with pytest.raises(ValueError, match="1 to 1,024 tokens"):
            view([1] * 1025, model, tokenizer)
        with pytest.raises(ValueError, match="not in the vocabulary"):
            view([1, 5000], model, tokenizer)
