"""What notebook 11 measures with: greedy texts read in several ways, its pictures, its record, its exercises."""
from mistral_edu import Model
from mistral_edu.config import MistralConfig
from mistral_edu.lab import check, recorded
from mistral_edu.lab.n11_cache import draw_filling, draw_margins, draw_work
from mistral_edu.lab.n11_cache.exercises import continue_text, update
from mistral_edu.lab.n11_cache.flips import at_once, compare, flips, greedy, margins, step_by_step
from mistral_edu.lab.n11_cache.stand_in_model import END, Reading

import mlx.core as mx
import pytest


@pytest.fixture(scope="module")
def small():
    mx.random.seed(0)
    return Model(MistralConfig(dim=32, n_layers=2, head_dim=8, hidden_dim=48, n_heads=4, n_kv_heads=2, window_size=None,
                               context_len=64, vocab_size=40))


def test_a_text_read_at_once_and_step_by_step_gives_the_same_logits_and_itself(small):
    said = greedy(small, [1, 5, 9], 6, eos_id=-1)
    whole, stepwise = at_once(small, [1, 5, 9], said), step_by_step(small, [1, 5, 9], said)
    assert whole.shape == stepwise.shape == (6, 40)
    assert mx.abs(whole - stepwise).max().item() < 1e-4
    assert whole.argmax(axis=-1).tolist() == said


def test_greedy_ends_with_the_end_token(small):
    first = greedy(small, [1, 5, 9], 1, eos_id=-1)[0]
    assert greedy(small, [1, 5, 9], 6, eos_id=first) == [first]


def test_flips_are_told_with_their_lead_and_whether_they_are_ties():
    a = mx.array([[1.0, 3.0, 0.0], [2.0, 2.25, 0.0], [2.0, 2.5, 0.0]])
    b = mx.array([[1.0, 3.0, 0.0], [2.25, 2.25, 0.0], [2.6, 2.5, 0.0]])
    assert margins(a).tolist() == [2.0, 0.25, 0.5]
    assert flips(a, b) == [1, 2]
    assert compare(a, b, story=7) == {"steps": 3, "gap": pytest.approx(0.6), "ties": 1,
                                      "flips": [[7, 1, 0.25, True], [7, 2, 0.5, False]]}


def test_what_is_recorded_says_that_a_cache_flips_nothing_and_bfloat16_ties():
    record = recorded("flips")
    cached, half_cached, formats = record["results"].values()
    assert record["stories"] == 40
    assert cached["steps"] == half_cached["steps"] == formats["steps"] > 6000
    assert cached["flips"] == half_cached["flips"] == [] and cached["gap"] < 1e-4
    leads, ties = zip(*((lead, tie) for _, _, lead, tie in formats["flips"]))
    assert 60 < formats["steps"] / len(leads) < 80 and max(leads) < 0.1      # "about one step in seventy"
    assert sum(ties) > 0.95 * len(ties)


def test_the_stand_in_for_a_model_notices_what_it_was_fed():
    whole = Reading(3)([4, 7, 7])
    read = Reading(3)
    one_by_one = mx.concatenate([read([token]) for token in (4, 7, 7)])
    assert mx.array_equal(whole, one_by_one)
    assert not mx.array_equal(whole[-1], Reading(3)([4, 7])[-1])             # a token fed twice
    assert not mx.array_equal(whole[-1], Reading(3)([7, 4, 7])[-1])          # another order
    assert mx.array_equal(read.copy()([4]), whole[:1])                       # a copy has read nothing
    with pytest.raises(TypeError, match="a list of ids"):
        read(5)


def loop(feed=lambda ids, said: said[-1:], stop=lambda token, end: token == end, row=-1):
    """A reader's loop: what it feeds, when it stops, which row it takes."""
    def continue_text(read, ids, n, end):
        said, new = [], ids
        while len(said) < n:
            said.append(int(read(new)[row].argmax()))
            if stop(said[-1], end):
                break
            new = feed(ids, said)
        return said
    return continue_text


def append_in_place(read, ids, n, end):
    for _ in range(n):
        token = read(ids)[-1].argmax().item()
        ids.append(token)
        if token == end:
            break
    return ids


@pytest.mark.parametrize("label, answer, words", [
    ("11.3", lambda cache, k, v: (k, v), "only the new keys and values come back"),
    ("11.3", lambda cache, k, v: (mx.concatenate([cache[0], k], axis=2), mx.concatenate([cache[1], v], axis=2)),
     "before the first token the cache is None"),
    ("11.3", lambda cache, k, v: update(cache, k, v)[0], "expected 2 results"),
    ("11.3", lambda cache, k, v: (k, v) if cache is None else tuple(
        mx.concatenate(pair, axis=1) for pair in zip(cache, (k, v))), "axis 1 counts the kv heads"),
    ("11.3", lambda cache, k, v: None, "returns None"),
    ("11.4", loop(feed=lambda ids, said: ids + said), "the whole text is fed each time"),
    ("11.4", loop(feed=lambda ids, said: said), "all new tokens are fed each time"),
    ("11.4", loop(feed=lambda ids, said: said[-1]), "read takes a list"),
    ("11.4", loop(row=0), "row 0 holds the logits after the first token"),
    ("11.4", loop(stop=lambda token, end: False), "does not stop at the end token"),
    ("11.4", loop(feed=lambda ids, said: ids + said, stop=lambda token, end: False), "does not stop at the end token"),
    ("11.4", lambda read, ids, n, end: [token for token in continue_text(read, ids, n, end) if token != end],
     "end token is left out"),
    ("11.4", lambda read, ids, n, end: continue_text(read, ids, n + 1, end), "one token too many"),
    ("11.4", lambda read, ids, n, end: ids + continue_text(read, ids, n, end), "the prompt is part of the result"),
    ("11.4", lambda read, ids, n, end: continue_text(read, ids, 10**6, end)[:n],
     "the loop has to stop after n new ones"),
    ("11.4", append_in_place, "the prompt is part of the result. And the whole text is fed each time"),
])
def test_what_beginners_write_is_answered_to_the_point(label, answer, words):
    assert words in " ".join(check(label, answer).message.split())


def test_other_ways_to_the_same_answer_pass():
    assert check("11.3", lambda cache, k, v: (k, v) if cache is None else tuple(
        mx.concatenate([held, new], axis=-2) for held, new in zip(cache, (k, v))))

    def first_read_before_the_loop(read, ids, n, end):
        token = mx.argmax(read(ids)[-1]).item()
        said = [token]
        while token != end and len(said) < n:
            token = mx.argmax(read([token])[-1]).item()
            said.append(token)
        return said
    assert check("11.4", first_read_before_the_loop)
    assert continue_text(Reading(2), [9, 1, 1, 8], 12, END)[-1] == END       # one case ends early


def test_the_pictures_say_their_numbers():
    caption = draw_filling(["a", "b", "c", "d"], n_prompt=2, step=1, n_layers=3, bytes_per_token=100).caption
    assert caption == ("Step 1: 3 tokens in the text. Without a cache all 3 are computed; with it, 1, and the keys and "
                       "values of 2 are read, 200 bytes. After the step the cache holds 3.")
    assert "Without a cache all 2 are computed; with it, 2" in draw_filling(["a", "b", "c"], 2, 0, 3, 100).caption
    work = draw_work([100, 200], [100, 50], n_prompt=4)
    assert work.fig.axes[0].get_title(loc="left") == "In all, 2.0 times as many multiplications without a cache"
    assert draw_work([100], [100], n_prompt=4).caption.startswith("4 tokens of prompt, 1 new: 1.00e+02")
    leads = draw_margins([12.0, 0.01, 5.0], 0.2, 1e-5, [1], [("dog", "cat")])
    assert leads.caption == ("1 of 3 steps differ: step 1, dog or cat, lead 0.010. At the other steps the likeliest "
                             "token leads by 5 at least.")
