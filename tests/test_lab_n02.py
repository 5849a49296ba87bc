"""What notebook 02 works with: the record of the authors' tokenizers, its pictures, and what beginners write."""
from collections import Counter

from mistral_edu import load_tokenizer
from mistral_edu.lab import check, recorded
from mistral_edu.lab.exercises.bank import find
from mistral_edu.lab.n02_tokens import (
    dose_picture,
    label,
    languages_picture,
    library_merges,
    merge_picture,
    pieces_picture,
    random_words,
    respelled_picture,
    tiny_merges,
    told_stories,
)
from mistral_edu.lab.n02_tokens.pictures import boxes
from mistral_edu.lab.n02_tokens.record import QUESTION, fragment, record
from mistral_edu.tokenizer import byte_alphabet

import pytest


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer()


def visible(text):
    names = {byte: character for character, byte in byte_alphabet().items()}
    return "".join(names[byte] for byte in text.encode())


# ---- the record
@pytest.mark.slow
def test_the_record_is_what_the_authors_tokenizers_give():
    pytest.importorskip("mistral_common", reason="the authors' tokenizers; see extra test")
    stored, now = recorded("authors_tokenizers"), record()
    for changes in ("date", "versions"):
        stored.pop(changes), now.pop(changes)
    assert now == stored


def test_the_recorded_part_of_the_vocabulary_gives_the_recorded_pieces():
    """Merged by rank, the question and the indented line come out as the authors' tokenizer cuts them."""
    record = recorded("authors_tokenizers")
    lowest_first = find("2.4").reference
    for text, pieces, name in ((record["turn"]["question"], record["turn"]["pieces"][2:-1], "question"),
                               (record["indent"]["text"], record["indent"]["pieces"], "indent")):
        rank = {(left, right): rank for left, right, rank in record["merges"][name]["merges"]}
        assert lowest_first(("▁" + text).replace(" ", "▁"), rank) == pieces
    assert record["turn"]["question"] == QUESTION


def test_a_fragment_holds_what_a_text_can_use_and_nothing_else():
    vocabulary = {"vocab": {"▁": 0, "a": 1, "b": 2, "▁a": 3, "ab": 4, "ba": 5},
                  "merges": [["▁", "a"], ["b", "a"], ["a", "b"]]}
    assert fragment(vocabulary, "ab") == {"merges": [["▁", "a", 0], ["a", "b", 2]],
                                          "ids": {"▁": 0, "a": 1, "b": 2, "▁a": 3, "ab": 4}}


# ---- the library, and tiny's list
def test_library_merges_of_a_text_small_enough_to_count():
    """In " ab ab ac" the pair of space and a occurs three times; then that piece with b, twice; then with c, once."""
    assert library_merges(" ab ab ac", 3) == [("Ġ", "a"), ("Ġa", "b"), ("Ġa", "c")]


def test_merging_by_tinys_list_is_how_tiny_encodes(tokenizer):
    rank = {pair: n for n, pair in enumerate(tiny_merges())}
    for word in random_words(100):
        ids = tokenizer.encode(word.replace("Ġ", " "), bos=False)
        assert find("2.4").reference(word, rank) == [visible(tokenizer.token_text(id)) for id in ids]


def test_the_same_seed_tells_the_same_stories_and_words():
    assert told_stories(2, seed=3) == told_stories(2, seed=3) != told_stories(2, seed=4)
    assert random_words(5) == random_words(2000)[:5] and len(set(random_words(2000))) > 1800


# ---- pictures
@pytest.mark.parametrize("token_bytes, shown", [(b" the", "␣the"), (b"\xf0", "F0"), ("é".encode(), "é"), (b"\n", "↵"),
                                                ("한".encode(), "ED 95 9C"), (b"[INST]", "[INST]")])
def test_labels_show_spaces_and_bytes(token_bytes, shown):
    assert label(token_bytes) == shown


def test_boxes_stay_within_the_width_and_do_not_overlap():
    placed, height = boxes(["token"] * 40, width=4.0)
    lines = Counter(y for _, y, _ in placed)
    assert len(placed) == 40 and max(x + wide for x, _, wide in placed) <= 4.0
    assert len(lines) > 1 and height > max(lines)
    for (x, y, wide), (next_x, next_y, _) in zip(placed, placed[1:]):
        assert next_x > x + wide if next_y == y else next_x == 0


def test_pieces_are_counted(tokenizer):
    picture = pieces_picture(tokenizer, "The key 🙂")
    assert picture.caption == "9 characters, 12 bytes, 7 tokens: The | ␣key | ␣ | F0 | 9F | 99 | 82."
    assert picture.fig.axes[0].get_title(loc="left") == "7 tokens for 9 characters"
    assert pieces_picture(tokenizer, "").caption.startswith("0 characters, 0 bytes, 0 tokens")


def test_a_step_says_what_comes_next_and_what_to_say_when_nothing_does():
    picture = merge_picture([["Ġ", "at"]], [("a", "t")], Counter({("Ġ", "at"): 1}))
    assert picture.caption == "Merges: 1; tokens: 2; the next pair is Ġ + at, which occurs once."
    assert picture.alt == "The sentence in pieces: Ġ | at. The next pair is Ġ + at, which occurs once."
    equal = Counter({("Ġ", "t"): 3, ("t", "h"): 3, ("h", "e"): 1})
    picture = merge_picture([["Ġ", "t", "h", "e"]], [], equal, following=("t", "h"))
    assert picture.caption.endswith("the next pair is t + h, which occurs 3 times, equal with 1 more.")
    assert merge_picture([["Ġat"]], [("a", "t")], Counter()).caption == "Merges: 1; tokens: 1; no pair is left."


def test_answers_are_told_with_their_tokens():
    picture = respelled_picture(["a", "b", "c"], ["", "respelled", "newest"], "No.", False)
    assert picture.caption == ("3 tokens, 2 of them (orange) from respelled words; the last word respelled (thick "
                               "frame) is c. The answer is wrong: No.")


def test_doses_and_languages_are_told_in_numbers():
    assert dose_picture((0, 4), [12, 6], 12, 38).caption.endswith("of about 38: 12 with 0, 6 with 4.")
    languages = recorded("authors_tokenizers")["languages"]
    picture = languages_picture(languages, ("7B v0.3", "small"), ("Tekken", "large"))
    assert picture.fig.axes[0].get_title(loc="left") == "Hindi takes 7.2 times the tokens of English"
    assert "Greek 84 and 33" in picture.caption


# ---- what beginners wrote in place of the answers, and a word of the checker's sentence
def by_index(word, rank):
    pieces = list(word)
    merges = sorted(rank, key=rank.get)
    for pair in merges:
        at = 0
        while at < len(pieces) - 1:
            if (pieces[at], pieces[at + 1]) == pair:
                pieces[at:at + 2] = [pieces[at] + pieces[at + 1]]
            at += 1
    return pieces


def joined_text(word, rank):
    return " ".join(find("2.4").reference(word, rank))


def forgets_a_single_letter(word, rank):
    pieces = list(word)
    while True:
        pairs = list(zip(pieces, pieces[1:]))
        best = min(pairs, key=lambda pair: rank.get(pair, float("inf")))
        if best not in rank:
            return pieces
        at = pairs.index(best)
        pieces = pieces[:at] + ["".join(best)] + pieces[at + 2:]


def returns_within_the_loop(word, rank):
    pieces = list(word)
    while known := sorted((rank[pair], at) for at, pair in enumerate(zip(pieces, pieces[1:])) if pair in rank):
        at = known[0][1]
        return pieces[:at] + [pieces[at] + pieces[at + 1]] + pieces[at + 2:]
    return pieces


def highest_rightmost(word, rank):
    pieces = list(word)
    while known := [(rank[pair], at) for at, pair in enumerate(zip(pieces, pieces[1:])) if pair in rank]:
        at = max(known)[1]
        pieces[at:at + 2] = [pieces[at] + pieces[at + 1]]
    return pieces


def bytes_joined(token_bytes):
    return b"".join(token_bytes).decode()


def latin(token_bytes):
    return [piece.decode("latin-1") for piece in token_bytes]


def ignores_each_and_adds(token_bytes):
    texts = []
    for piece in token_bytes:
        texts.append(piece.decode("utf-8", "ignore"))
    return texts


def cuts_by_characters(token_bytes):
    texts, waiting = [], b""
    for piece in token_bytes:
        text = (waiting + piece).decode(errors="ignore")
        waiting = (waiting + piece)[len(text):]         # characters are counted, and bytes are cut off
        texts.append(text)
    return texts


def clears_too_early(token_bytes):
    texts, waiting = [], b""
    for piece in token_bytes:
        try:
            texts.append((waiting + piece).decode())
        except UnicodeDecodeError:
            texts.append("")
            waiting = piece
        else:
            waiting = b""
    return texts


@pytest.mark.parametrize("number, answer, words", [
    ("2.4", by_index, "you go through the list once"),
    ("2.4", forgets_a_single_letter, "the minimum of nothing"),
    ("2.4", returns_within_the_loop, "only one merge is made"),
    ("2.4", highest_rightmost, "you take the highest rank"),
    ("2.4", joined_text, "expected ['abc', 'ab'], yours gives"),
    ("2.5", bytes_joined, "one text for each token"),
    ("2.5", cuts_by_characters, "by its number of characters"),
    ("2.5", latin, "the bytes are UTF-8"),
    ("2.5", ignores_each_and_adds, "decode each token alone and drop"),
    ("2.5", clears_too_early, "keep them all until it is whole"),
])
def test_what_beginners_write_is_answered_to_the_point(number, answer, words):
    assert words in " ".join(check(number, answer).message.split())


def all_at_once(word, rank):
    """minbpe's way: every occurrence of the lowest pair is joined before the next look."""
    pieces = list(word)
    while known := [rank[pair] for pair in zip(pieces, pieces[1:]) if pair in rank]:
        lowest, joined = min(known), []
        for piece in pieces:
            if joined and rank.get((joined[-1], piece)) == lowest:
                joined[-1] += piece
            else:
                joined.append(piece)
        pieces = joined
    return pieces


def with_a_decoder(token_bytes):
    import codecs
    decoder = codecs.getincrementaldecoder("utf-8")()
    return [decoder.decode(piece) for piece in token_bytes]


def test_another_right_answer_passes():
    assert check("2.5", with_a_decoder)


def test_joining_every_occurrence_is_right_for_lists_from_a_training_only():
    exercise = find("2.4")
    differ = [args for args in exercise.cases if all_at_once(*args) != exercise.reference(*args)]
    assert differ == [("xyxy", {("x", "y"): 1, ("xy", "x"): 0})]      # no training learns xyx before xy
    assert "join one place, the leftmost" in " ".join(check("2.4", all_at_once).message.split())
