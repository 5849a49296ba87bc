"""An answer opened token by token: its numbers are the model's own, and a branch is what the model would have said."""
import asyncio
import sys

from mistral_edu import encode_chat, load, stream_generate
from mistral_edu.lab import inspect_answer
from mistral_edu.lab.kernel import is_there
from mistral_edu.lab.looking import answer as answer_module
from mistral_edu.lab.looking.answer import Answer
from mistral_edu.lab.looking.answer_as_html import live_page
from mistral_edu.lab.looking.inspector import INSTEAD, Inspector
from mistral_edu.lab.looking.writer import Step, Writer
from mistral_edu.prefill import Reader
from test_lab_map import Page

import mlx.core as mx
import pytest

pytestmark = pytest.mark.slow

STORY = "Tell me a story about a red ball."
ASKED = [{"role": "user", "content": STORY}]


@pytest.fixture(scope="module")
def tiny():
    return load(dtype="float32")


@pytest.fixture
def story(tiny):
    return inspect_answer(STORY, *tiny, n_tokens=25)


@pytest.fixture
def read(monkeypatch):
    """The number of tokens in each call of the model, as they come."""
    sizes, original = [], Reader.read

    def counted(reader, ids):
        sizes.append(len(ids))
        return original(reader, ids)

    monkeypatch.setattr(Reader, "read", counted)
    return sizes


def from_scratch(tiny, beginning, n_tokens, **settings):
    """An answer's tokens when its beginning is forced, by stream_generate without any cache from before."""
    model, tokenizer = tiny
    ids = encode_chat(ASKED, tokenizer) + beginning
    if len(beginning) == n_tokens:
        return beginning
    return beginning + [piece.token for piece in stream_generate(
        model, tokenizer, ids, max_tokens=n_tokens - len(beginning), **settings)]


def answer_of(tiny, *texts):
    """An Answer that says these texts, each token with probability 1/2, whatever the model thinks."""
    writer = Writer(*tiny, "Say it.")
    tokens = [token for text in texts for token in tiny[1].encode(text, bos=False)]
    taken = [writer._alternative(token, -0.6931) for token in tokens]
    return Answer(writer, [Step(*vars(one).values(), (one,)) for one in taken])


def test_the_answer_is_that_of_stream_generate(tiny, story):
    assert story.tokens == from_scratch(tiny, [], 25)
    assert story.text.startswith("Not far from here lived a boy")
    assert story.finish_reason == "length"


def test_the_same_without_a_model_for_tiny_is_loaded_once():
    first, second = (inspect_answer("Hello!", n_tokens=3) for _ in range(2))
    assert first.tokens == second.tokens and first.writer.model is second.writer.model


def test_probabilities_are_the_model_s_own(tiny, story):
    model, tokenizer = tiny
    prompt = encode_chat(ASKED, tokenizer)
    rows = mx.softmax(model(mx.array([prompt + story.tokens]))[0, len(prompt) - 1:-1], axis=-1)     # (25, V)
    for row, step in zip(rows, story.steps):
        assert step.probability == pytest.approx(row[step.token].item(), abs=1e-4)
        likeliest = -mx.sort(-row)[:5]
        assert [one.probability for one in step.alternatives] == pytest.approx(likeliest.tolist(), abs=1e-4)
        for one in step.alternatives:
            assert one.probability == pytest.approx(row[one.token].item(), abs=1e-4)
    costs = [-mx.log(row[token]).item() for row, token in zip(rows, story.tokens)]
    assert story.surprise == pytest.approx(sum(costs), abs=0.01)


def test_temperature_changes_what_is_taken_and_no_probability(tiny, story):
    hot = inspect_answer(STORY, *tiny, n_tokens=10, temperature=2.0, seed=1)
    assert hot.tokens != story.tokens[:10]
    assert [one.probability for one in hot.steps[0].alternatives][:5] == pytest.approx(
        [one.probability for one in story.steps[0].alternatives], abs=1e-4)


def test_a_token_that_is_none_of_the_likeliest_stands_last_among_the_alternatives(tiny):
    hot = inspect_answer(STORY, *tiny, n_tokens=30, n_alternatives=1, temperature=2.0, seed=1)
    rare = [step for step in hot.steps if step.token != step.alternatives[0].token]
    assert rare
    assert all(len(step.alternatives) == 2 and step.alternatives[1].token == step.token for step in rare)


@pytest.mark.parametrize("settings", [{}, {"temperature": 1.0, "seed": 3, "repetition_penalty": 1.2}],
                         ids=["greedy", "drawn"])
@pytest.mark.parametrize("step", [0, 6, 24])
def test_a_branch_equals_generation_from_scratch_with_that_token_forced(tiny, settings, step):
    answer = inspect_answer(STORY, *tiny, n_tokens=25, **settings)
    row = next(n for n, one in enumerate(answer.steps[step].alternatives) if one.token != answer.tokens[step])
    branch = answer.branch(step, row)
    token = answer.steps[step].alternatives[row].token
    assert branch.tokens == from_scratch(tiny, answer.tokens[:step] + [token], 25, **settings)
    assert branch.steps[:step] == answer.steps[:step]
    assert branch.steps[step].alternatives == answer.steps[step].alternatives


def test_a_branch_reads_only_what_is_new(story, read):
    prompt = len(story.writer.prompt_ids)
    branch = story.branch(20, 1)
    assert branch.reused_tokens == prompt + 20
    assert read == [1] * 4                          # the token that was put in, and the three before the last


def test_an_answer_that_begins_so_already_is_returned(story, read):
    other = story.branch(6, " girl")
    read.clear()
    assert story.branch(6, 1) is other
    assert story.branch(6, " boy") is story
    assert other.branch(6, " boy") is story         # the way back
    assert other.branch(8, other.steps[8].text) is other
    assert read == []
    assert story.branches == other.branches == [story, other]


def test_a_branch_belongs_to_the_answer_that_it_really_left(story):
    second = story.branch(6, 1)
    third = second.branch(2, 1)                     # before second left story
    fourth = second.branch(6, 2)                    # at the same place
    fifth = second.branch(8, 1)
    assert [answer.parent for answer in (third, fourth, fifth)] == [story, story, second]
    assert [answer.at for answer in (second, third, fourth, fifth)] == [6, 2, 6, 8]


def test_the_tree_in_text(tiny, capsys):
    answer = inspect_answer("The ball is in the barn. Where is the ball?", *tiny)
    answer.branch(5, 1)
    answer.branch(2, 1).branch(3, 1)
    answer.tree()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "0  0.00 nats: The ball is in the barn."
    beginnings = [line.split(" nats")[0] for line in lines if " nats" in line]
    assert [one.rsplit(" ", 1)[0] for one in beginnings] == ["0 ", "├─ 1 ", "└─ 2 ", "   └─ 3 "]
    step, before = answer.branches[1].steps[5], answer.steps[5]
    assert f'step 5, "{step.visible}" <0.01 for "{before.visible}" 1.00: …{step.text}' in lines[1]


def test_an_end_mark_is_a_step_and_can_be_chosen(tiny):
    answer = inspect_answer("The ball is in the barn. Where is the ball?", *tiny, n_alternatives=2048)
    assert answer.steps[-1].text == "</s>" and answer.finish_reason == "stop" and "</s>" not in answer.text
    earlier = answer.branch(2, "</s>")
    assert earlier.text == "The ball" and len(earlier.steps) == 3 and earlier.finish_reason == "stop"
    longer = answer.branch(len(answer.steps) - 1, next(
        n for n, one in enumerate(answer.steps[-1].alternatives) if one.text != "</s>"))
    assert longer.text.startswith(answer.text) and len(longer.steps) > len(answer.steps)


def test_an_interrupted_answer_goes_on_where_it_was(tiny, story):
    begun = story.begin_branch(3, 1)
    steps = begun.write()
    shown = [next(steps).token for _ in range(2)]
    steps.close()
    assert begun.tokens[4:] == shown and begun.finish_reason is None and "stopped before its end" in repr(begun)
    assert story.branch(3, 1) is begun
    assert begun.tokens == from_scratch(tiny, begun.tokens[:4], 25)


def test_a_context_that_fills_up_ends_an_answer_and_its_branches(tiny):
    model, tokenizer = tiny
    prompt = [tokenizer.bos_id] * (model.config.context_len - 3)
    answer = inspect_answer(prompt, model, tokenizer)
    assert len(answer.steps) <= 3
    assert len(answer.branch(0, 1).steps) <= 3


def test_every_token_can_be_seen(tiny):
    answer = answer_of(tiny, "é\n", " 🙂", "\u202e<b>")
    shown = "".join(step.visible for step in answer.steps)
    assert shown.endswith("↵␣<F0><9F><99><82><E2><80><AE><b>")
    assert answer.text.endswith("🙂\u202e<b>")
    assert "\u202e" not in repr(answer) and "<U+202E>" in repr(answer).splitlines()[1]


def test_text_from_the_middle_of_a_character_has_that_character(tiny):
    answer = answer_of(tiny, "a🙂b")
    start = answer.tokens.index(tiny[1].encode("🙂", bos=False)[-1])
    assert answer.writer.text(answer.tokens, start) == "🙂b"


def test_the_words_of_an_answer_are_rounded(story):
    lines = repr(story).splitlines()
    assert lines[:3] == ["25 tokens, cut off at the most tokens it could have; surprise 10.92 nats in all:",
                         story.text, "step  token            probability   nats  instead"]
    assert lines[3] == "   0  ␣Not                    0.78   0.25  ␣In 0.08, ␣Once 0.04, ␣There 0.04, ␣Long 0.04"
    assert len(lines) == 3 + 25


@pytest.mark.parametrize("arguments, message", [
    ({"model": "tiny"}, "a model comes with its tokenizer"),
    ({"max_tokens": 5}, "does not know max_tokens; it takes seed, temperature, .* n_tokens"),
    ({"n_tokens": 0}, "at least 1; got 0 and 5"),
    ({"n_alternatives": 0}, "at least 1; got 60 and 0"),
    ({"temperature": -1}, "temperature should be 0"),
])
def test_what_cannot_be_asked_is_said(arguments, message):
    with pytest.raises(ValueError, match=message):
        inspect_answer("Hello!", **arguments)


def test_a_branch_that_is_not_there_is_said(story):
    with pytest.raises(ValueError, match="steps 0 to 24; got 25"):
        story.branch(25, 0)
    with pytest.raises(ValueError, match="steps 0 to 24; got -1"):
        story.branch(-1, 0)
    for missing in (5, " tiger"):
        with pytest.raises(ValueError, match="step 6 has no alternative .*Choose one of 0 ' boy', 1 ' girl'"):
            story.branch(6, missing)
    assert story.branches == [story]


def test_the_still_page_is_complete(story):
    page = Page(story._repr_html_())
    told = [tag["aria-label"] for tag in page.all("input")]
    assert len(told) == 25
    assert told[6] == "step 6: ␣boy, probability 0.17, surprise 1.77 nats"
    assert [n for n, tag in enumerate(page.all("input")) if "checked" in tag] == [12]      # the most surprising
    assert story.text in page.words and "<s>[INST] Tell me a story about a red ball.[/INST]" in page.words
    assert all(word in page.words for word in ("␣girl", "␣cheerful", "✓ taken", "␣One"))
    assert page.all("button") == [] and page.all("script") == []


def test_bars_are_as_high_as_the_surprise_in_nats_and_full_from_five_on(tiny):
    answer = answer_of(tiny, "a")
    rare = Writer(*tiny, "Hi")._alternative(answer.tokens[0], -7.0)
    answer.steps.append(Step(*vars(rare).values(), (rare,)))
    tokens = [tag["style"] for tag in Page(answer._repr_html_()).all("label")]
    assert tokens == ["--s:0.14", "--s:1"]                      # 0.69 / 5, and 7 / 5 cut to 1


def test_what_is_hardly_possible_is_left_out_of_the_still_page_and_can_be_taken_in_the_live_one(story):
    still, live = (Page(page).words for page in (story._repr_html_(), live_page(story)))
    unlikely = story.steps[1].alternatives[-1]                  # after "Not", "far" has 1.00
    assert unlikely.probability < 0.005
    row = f"{unlikely.visible}<0.01"
    assert row not in still and row in live
    assert len(Page(live_page(story)).all("button")) == 25 * 4


def test_markup_in_prompt_and_answer_is_text(tiny):
    markup = '<img src=x onerror="alert(1)"></label><script>alert(2)</script>'
    answer = answer_of(tiny, markup)
    answer.writer.prompt_ids = tiny[1].encode(markup)
    for html in (answer._repr_html_(), live_page(answer)):
        page = Page(html)
        assert page.all("img") == page.all("script") == []
        assert not any("onerror" in tag for tag in page.all("input") + page.all("span") + page.all("button"))
        assert markup in page.words


def test_the_live_one_writes_while_other_things_run_and_stops_with_what_it_has(story):
    async def kernel():
        inspector, ran = Inspector(story), 0
        inspector.do({"step": "6", "row": "1"})
        assert inspector.writing is False and inspector.answer.number == 1
        while len(inspector.answer.steps) < 12:                 # a cell, once for each token at least
            await asyncio.sleep(0)
            ran += 1
        assert inspector.writing and ran >= 5
        inspector.do({"stop": "now"})
        assert not inspector.writing and "stopped before its end" in inspector.state
        await asyncio.sleep(0)
        half = list(inspector.answer.tokens)
        for _ in range(5):
            await asyncio.sleep(0)
        assert inspector.answer.tokens == half
        inspector.do({"answer": "0"})
        assert inspector.answer is story
        inspector.do({"step": "6", "row": "1"})                 # the same again goes on
        await inspector.task
        return inspector

    inspector = asyncio.run(kernel())
    assert inspector.answer.finish_reason == "length" and "Answer 1: 25 tokens" in inspector.state
    assert inspector.answer.tokens == inspect_answer(STORY, n_tokens=25).branch(6, 1).tokens


def test_of_two_clicks_in_a_moment_none_is_lost(story):
    story.branch(6, 1)

    async def kernel():
        inspector = Inspector(story)
        for number in ("0", "1"):                               # as the front end sends them, one right after the other
            inspector._handle_custom_msg({"answer": number}, [])
        await asyncio.sleep(0.1)
        return inspector

    assert asyncio.run(kernel()).answer.number == 1


def test_a_branch_made_meanwhile_does_not_mix_with_the_one_that_is_written(tiny, story):
    async def kernel():
        inspector = Inspector(story)
        inspector.do({"step": "6", "row": "1"})
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        other = story.branch(3, 1)                              # a cell
        await inspector.task
        return inspector.answer, other

    begun, other = asyncio.run(kernel())
    assert other.tokens == from_scratch(tiny, other.tokens[:4], 25)
    assert begun.finish_reason is None                          # the other one took the cache
    begun.go_on()
    assert begun.tokens == from_scratch(tiny, begun.tokens[:7], 25)


def test_an_error_of_the_model_is_told_in_the_page(story, monkeypatch):
    inspector = Inspector(story)
    monkeypatch.setattr(Reader, "read", lambda *_: 1 / 0)
    inspector.do({"step": "6", "row": "1"})
    assert "The model stopped with ZeroDivisionError" in inspector.state and not inspector.writing
    assert inspector.answer.tokens[:7] == story.branches[1].tokens


def test_words_stand_where_no_widget_is_shown(story):
    data, _ = Inspector(story)._repr_mimebundle_()
    assert data["text/plain"] == INSTEAD and "application/vnd.jupyter.widget-view+json" in data


def test_in_a_kernel_without_anywidget_one_sentence_says_what_to_do(story, monkeypatch, capsys):
    assert not is_there()
    monkeypatch.setattr(answer_module.kernel, "is_there", lambda: True)
    monkeypatch.setitem(sys.modules, "mistral_edu.lab.looking.inspector", None)
    story._ipython_display_()
    assert "install anywidget" in capsys.readouterr().out
