"""What notebook 18 asks, draws and checks: its questions, its pictures, the record, what beginners write."""
from mistral_edu import encode_chat, load_tokenizer
from mistral_edu.lab import check, recorded
from mistral_edu.lab.n18_prompts import draw_distances, draw_next, draw_ranking, short_questions, told_and_asked
from mistral_edu.lab.n18_prompts.exercises import BLANKS, CLOSE, END, EXERCISES, OPEN, S, conversation, mend, words
from mistral_edu.lab.n18_prompts.pictures import furthest_recalled, standard_error

import pytest


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer()


def test_questions_are_short_different_and_of_eight_kinds(tokenizer):
    asked = short_questions(tokenizer, 8)
    assert len(asked) == len({each.text for each in asked}) == 64
    assert len({each.task for each in asked}) == 8
    assert max(len(each.prompt) for each in asked) <= 32
    assert all(each.prompt == [S, OPEN, *words(" " + each.text), CLOSE] for each in asked)


@pytest.mark.parametrize("between", ["sums, as turns", "sums, in one text", "news, in one text"])
def test_the_fact_lies_as_far_back_as_is_said(tokenizer, between):
    distances = []
    for n_between in (1, 5, 9):
        for back, item in told_and_asked(tokenizer, n_between, between, n=3):
            assert tokenizer.token_text(item.prompt[-1 - back]) == f" {item.meta[1]}"
            assert item.prompt.count(OPEN) == (n_between + 1 if between == "sums, as turns" else 1)
            assert ("+" in item.text or "+" in tokenizer.decode(item.prompt)) == between.startswith("sums")
            distances.append(back)
    assert distances[0] < distances[3] < distances[6]


@pytest.mark.slow
def test_the_record_is_what_the_authors_encoder_writes():
    pytest.importorskip("mistral_common", reason="the authors' files lie in its wheel; see extra test")
    from mistral_edu.lab.n18_prompts.record import record
    stored, anew = recorded("authors_formats"), record()
    assert all(stored[part] == anew[part] for part in ("talk", "files", "formats"))


def test_between_v1_and_v3_words_move_up_by_the_new_control_tokens():
    formats = recorded("authors_formats")["formats"]
    old, new = (dict(zip(formats[name]["pieces"], formats[name]["ids"])) for name in ("v1", "v3"))
    assert {new[piece] - old[piece] for piece in set(old) & set(new) - {"<s>", "</s>"}} == {768}
    assert formats["v2"]["ids"] == formats["v3"]["ids"]


def test_the_conversation_of_the_exercise_is_that_of_the_library(tokenizer):
    for texts, in EXERCISES[0].cases:
        messages = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]
        assert conversation(texts) == encode_chat(messages, tokenizer, version="v3")


def test_blanks_are_those_of_the_tokenizer(tokenizer):
    assert {id for id in range(tokenizer.vocab_size) if tokenizer.token_text(id) in (" ", "\n")} == BLANKS
    assert [S, END, OPEN, CLOSE] == [tokenizer.control_ids[name] for name in ("<s>", "</s>", "[INST]", "[/INST]")]


def test_what_is_mended_is_as_in_training_and_stays_so():
    trained = [S, OPEN, *words(" What is 3 + 4?"), CLOSE]
    for spoilt in (trained, trained[1:], [S, S, *trained], [*trained, 225], [*trained[1:], 203, 225]):
        assert mend(spoilt, BLANKS) == trained == mend(mend(spoilt, BLANKS), BLANKS)


# What beginners wrote: the checker's sentence holds these words.
def loop_with_index(texts):
    ids = [S]
    for k in range(0, len(texts), 2):
        ids += [OPEN] + words(" " + texts[k]) + [CLOSE] + words(" " + texts[k + 1]) + [END]
    return ids


def typed(texts):
    return "".join(f"[INST] {text}[/INST]" if n % 2 == 0 else f" {text}</s>" for n, text in enumerate(texts))


def appended(texts):
    ids = [S]
    for n, text in enumerate(texts):
        for part in ([OPEN, words(" " + text), CLOSE] if n % 2 == 0 else [words(" " + text), END]):
            ids.append(part)
    return ids


def end_once(texts):
    ids = [S]
    for n, text in enumerate(texts):
        ids += [OPEN, *words(" " + text), CLOSE] if n % 2 == 0 else words(" " + text)
    return ids + [END]


def space_apart(texts):
    ids = [S]
    for n, text in enumerate(texts):
        spaced = [*words(" "), *words(text)]
        ids += [OPEN, *spaced, CLOSE] if n % 2 == 0 else [*spaced, END]
    return ids


def space_behind_questions(texts):
    ids = [S]
    for n, text in enumerate(texts):
        ids += [OPEN, *words(f" {text} "), CLOSE] if n % 2 == 0 else [*words(" " + text), END]
    return ids


def by_pairs(texts):
    ids = [S]
    for question, answer in zip(texts[::2], texts[1::2]):
        ids += [OPEN, *words(" " + question), CLOSE, *words(" " + answer), END]
    return ids


def stripped(ids, blanks):
    while ids[-1] in blanks:
        ids.pop()
    while ids[0] == S:
        ids.pop(0)
    return [S] + ids


BEGINNERS = [
    ("18.2", lambda texts: [S, *(id for n, text in enumerate(texts)
                                 for id in ([OPEN, *words(text), CLOSE] if n % 2 == 0 else [*words(text), END]))],
     "each text begins with a space"),
    ("18.2", loop_with_index, "IndexError"),
    ("18.2", lambda texts: [id for n, text in enumerate(texts) for id in
                            ([S, OPEN, *words(" " + text), CLOSE] if n % 2 == 0 else [*words(" " + text), END])],
     "<s> stands once"),
    ("18.2", lambda texts: [S, *words(typed(texts))], "typed as text, become ordinary tokens"),
    ("18.2", lambda texts: words("<s>" + typed(texts)), "marks that are typed as text"),
    ("18.2", lambda texts: "<s>" + typed(texts), "ids are wanted, not a text"),
    ("18.2", appended, "a list, which now lies inside yours"),
    ("18.2", lambda texts: encode_chat(texts, load_tokenizer()), "message 0: expected"),
    ("18.2", end_once, "not the whole conversation"),
    ("18.2", lambda texts: [*conversation(texts), END], "not the whole conversation"),
    ("18.2", by_pairs, "as zip does it"),
    ("18.2", lambda texts: [S, *(id for n, text in enumerate(texts) for id in
                                 ([OPEN, *words(text + " "), CLOSE] if n % 2 == 0 else [*words(text + " "), END]))],
     "in front of a text, and not behind it"),
    ("18.2", lambda texts: "".join(f"[INST] {text} [/INST]" if n % 2 == 0 else f"{text}</s>"
                                   for n, text in enumerate(texts)), "ids are wanted, not a text"),
    ("18.2", space_apart, "encoded by itself"),
    ("18.2", space_behind_questions, "none behind it"),
    ("18.2", lambda texts: [S, *conversation(["", *texts])[4:]], "exchanged"),
    ("18.4", lambda ids, blanks: mend(ids, {203, 225}), "as the argument blanks"),
    ("18.4", lambda ids, blanks: mend(ids, blanks)[:mend(ids, blanks).index(CLOSE) + 1], "ends at the first [/INST]"),
    ("18.4", lambda ids, blanks: [S] + [id for id in ids if id not in blanks and id != S], "blanks in the middle"),
    ("18.4", lambda ids, blanks: ids[1:-1], "expected ["),
    ("18.4", lambda ids, blanks: [S, *(id for id in mend(ids, blanks) if id != S)], "further on"),
    ("18.4", lambda ids, blanks: ids.strip(), "AttributeError"),
    ("18.4", lambda ids, blanks: ids.remove(S), "returns None"),
    ("18.4", lambda ids, blanks: ids if ids[-1] not in blanks else ids[:-1], "exactly one <s>"),
    ("18.4", lambda ids, blanks: [id for id in ids if id not in blanks], "blanks in the middle"),
    ("18.4", lambda ids, blanks: [S] + [id for id in ids if id not in blanks], "blanks in the middle"),
    ("18.4", lambda ids, blanks: load_tokenizer().encode(load_tokenizer().decode(ids).strip()), "without decoding it"),
    ("18.4", lambda ids, blanks: words(load_tokenizer().decode(ids, skip_special=False).strip()),
     "without decoding it"),
]


@pytest.mark.parametrize("label, answer, expected", BEGINNERS)
def test_what_beginners_write_is_answered_to_the_point(label, answer, expected):
    assert expected in " ".join(check(label, answer).message.split())


def test_a_list_of_the_caller_is_not_to_be_changed():
    assert "Begin with a copy, such as list(ids)" in " ".join(check("18.4", stripped).message.split())


def test_the_ranking_has_the_least_harmful_on_top_and_says_its_numbers():
    picture = draw_ranking({"": "as in training", "A": "a", "B": "b"}, {"B": 1, "A": 30, "": 60}, 64)
    assert picture.caption == "Right answers of 64: as in training 60; a 30; b 1."
    ax, = picture.fig.axes
    assert [label.get_text().split()[0] for label in ax.get_yticklabels()] == ["as", "A", "B"]
    assert ax.get_title(loc="left") == "2 of 2 lose more than half of the answers"


def test_a_standard_error_is_that_of_a_share():
    assert standard_error(16, 64) == pytest.approx(100 * (0.25 * 0.75 / 64) ** 0.5)
    assert 0 < standard_error(0, 64) < 2


def test_first_tokens_are_told_from_one_percent_on():
    assert draw_next(["1", "2"], [0.9, 0.001], 0.95, "a space").caption == (
        "The prompt ends with a space. The first token: “1” 90 %. All ten digits together: 95 %.")


def test_distances_tell_up_to_where_nothing_is_lost():
    strips = {"near": [(40, True), (90, False)], "far": [(300, True), (500, True), (600, False), (700, True)]}
    picture = draw_distances(strips, 127, 1016)
    assert picture.caption == ("So many tokens back, nothing is lost yet: near: up to 40; far: up to 500. "
                               "The window reaches 127 tokens back, all layers 1,016.")
    ax, = picture.fig.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["near:\nall up to 40", "far:\nall up to 500"]
    assert ax.get_title(loc="left") == "A fact lasts longest when followed by far"
    assert furthest_recalled([(5, False)]) == 0
