"""Exercises of notebook 02: merging by rank, and showing bytes as text while they arrive."""
import random

from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n02_tokens.slips import (
    alone_dropped,
    alone_replaced,
    as_python_writes_bytes,
    cut_by_characters,
    each_once,
    empty_word,
    highest_first,
    in_given_order,
    joined_everywhere,
    last_half_only,
    leftmost_pair,
    longest_piece,
    never_cleared,
    no_end,
    one_byte_one_character,
    one_merge,
    one_text,
    one_walk,
    raises,
    rest_thrown_away,
    rightmost_of_equals,
    skips_what_is_not_whole,
    so_far_replaced,
    unknown_too,
    waits_too_long,
    whole_each_time,
)
from mistral_edu.lab.n02_tokens.tokenizers_library import tiny_merges
from mistral_edu.lab.recorded import recorded

LETTERS = "aaabcdeeeeghhiiillmnnooorrsstttuwy"         # as often as they are in English, roughly
RANDOM_WORDS, FIRST_MERGES = 2000, 400                  # so few merges that a slow answer is checked in seconds, too


def random_words(n=RANDOM_WORDS, seed=0) -> list[str]:
    """Random letters behind a space, as byte-level BPE writes it: words that nobody has trained on."""
    r = random.Random(seed)
    return ["Ġ" + "".join(r.choices(LETTERS, k=r.randint(2, 11))) for _ in range(n)]


# ---- 2.4: lowest rank first
def lowest_first(word, rank):
    """Again and again, the two neighbours of the lowest rank are joined, the leftmost of them first."""
    pieces = list(word)
    while known := [(rank[pair], at) for at, pair in enumerate(zip(pieces, pieces[1:])) if pair in rank]:
        _, at = min(known)
        pieces[at:at + 2] = [pieces[at] + pieces[at + 1]]
    return pieces


def rank_of(merges):
    return {pair: n for n, pair in enumerate(merges)}


def indent_case():
    """Four spaces between two letters, and the part of Mistral's vocabulary that they can use."""
    record = recorded("authors_tokenizers")
    word = ("▁" + record["indent"]["text"]).replace(" ", "▁")
    return word, {(left, right): rank for left, right, rank in record["merges"]["indent"]["merges"]}


# ---- 2.5: bytes as they arrive
def shown(token_bytes):
    """The text that each token completes; half a character waits for its other half."""
    texts, so_far, before = [], b"", ""
    for piece in token_bytes:
        so_far += piece
        text = so_far.decode(errors="ignore")
        texts.append(text[len(before):])
        before = text
    return texts


def one_by_one(text):
    return [bytes([byte]) for byte in text.encode()]


EXERCISES = (
    Exercise(
        "2.4", minutes=9, points=3,
        cases=(
            ("abcab", {("b", "c"): 0, ("a", "b"): 1, ("a", "bc"): 2}),
            ("aaaaa", {("a", "a"): 0}),
            ("xyz", {("a", "b"): 0}),
            ("a", {("a", "b"): 0}),
            ("abc", {("a", "b"): 5, ("ab", "c"): 7, ("b", "c"): 3}),
            ("xyxy", {("x", "y"): 1, ("xy", "x"): 0}),
            indent_case(),
            *((word, rank) for rank in [rank_of(tiny_merges()[:FIRST_MERGES])] for word in random_words()),
        ),
        reference=lowest_first,
        slips=(
            (each_once, "you go through the list once. That agrees with tiny's list, whose later merges never make a "
                        "pair of lower rank; in this list they do, so look for the lowest rank again after each merge"),
            (in_given_order, "you go through `rank` in the order in which it is written down; its numbers say which "
                             "pair comes first, and that has to be asked again after each merge"),
            (joined_everywhere, "you join the pair wherever it occurs; join one place, the leftmost, then look again: "
                                "the new piece may make a pair of a lower rank"),
            (lambda word, rank: lowest_first(word, {pair: n for pair, n in rank.items() if n}),
             "the pair of rank 0 is never joined: 0 counts as false in `if rank.get(pair)`; ask "
             "`if pair in rank`"),
            (leftmost_pair, "you join the first pair from the left that is in `rank`; of all pairs there, the one of "
                            "the lowest rank comes first"),
            (one_walk, "you walk through the word once, from left to right; the lowest rank of all comes first, "
                       "wherever it stands"),
            (highest_first, "you take the highest rank; the pair that was learned first has the lowest"),
            (one_merge, "only one merge is made; go on until no pair of neighbours is in `rank`"),
            (rightmost_of_equals, "where two places have the same rank, the left one is joined first"),
            (longest_piece, "you look for the longest known piece from the left; BPE knows only merges, and their "
                            "order decides"),
            (no_end, "some pairs are not in `rank`; look only at those that are, and stop when there is none"),
            (empty_word, "a word in one piece has no pairs, and the minimum of nothing is an error; return it as "
                         "it is"),
            (unknown_too, "you join pairs that are not in `rank` too; stop when no pair of neighbours is in it"),
        ),
        hints=(
            "By hand: write down a, b, c, a, b. Which pairs of neighbours are in `rank`, and which of them has the "
            "lowest rank? Join that one, and ask again.",
            "zip(pieces, pieces[1:]) gives the pairs of neighbours, enumerate their places. Keep (rank[pair], place) "
            "of those that are in `rank`; min finds the lowest rank, and of equal ones the leftmost.",
            "A loop: make that list; if it is empty, return the pieces; else join the two at that place with "
            "pieces[at:at + 2] = [pieces[at] + pieces[at + 1]].",
        ),
    ),
    Exercise(
        "2.5", minutes=6, points=2,
        cases=(
            ([b"caf", b"\xc3", b"\xa9", b"!"],),
            (one_by_one("a🙂bc"),),
            ([b"Hello", b" there"],),
            ([b"x\xc3", b"\xa9y"],),
            (one_by_one("한국"),),
        ),
        reference=shown,
        slips=(
            (alone_replaced, "you decode each token alone; half a character alone is no text, and becomes U+FFFD"),
            (alone_dropped, "you decode each token alone and drop what is not whole, so the character is lost; keep "
                            "its first half for the next token"),
            (so_far_replaced, 'errors="replace" shows U+FFFD for a half that is still waiting; errors="ignore" leaves '
                              "it out until it is whole"),
            (whole_each_time, "each entry is the whole text so far; show only what is new"),
            (skips_what_is_not_whole, "each token needs its text: an empty one where nothing is whole yet"),
            (waits_too_long, "nothing is lost, but it comes late: a token may end one character and begin the next, "
                             "and what is whole can be shown at once"),
            (last_half_only, "a character may take three or four tokens: keep them all until it is whole, not only the "
                             "last"),
            (one_text, "return a list with one text for each token, not the whole text"),
            (one_byte_one_character, "Latin-1 makes a character of each byte; the bytes are UTF-8, in which é is two"),
            (never_cleared, "what has been shown is shown again: once the waiting bytes have become text, empty the "
                            "list of those that wait"),
            (cut_by_characters, "you cut off what has been shown by its number of characters; what waits are bytes, "
                                "and é takes two: len(text.encode())"),
            (rest_thrown_away, "together with what is shown, you throw away bytes that still wait: a token may end "
                               "one character and begin the next"),
            (as_python_writes_bytes, "str(b\"caf\") is what Python prints for bytes, with the b and the quotes; "
                                     "bytes become text with .decode()"),
            (raises, "half a character alone cannot be decoded; join it with the bytes before it"),
        ),
        hints=(
            "What can be shown after the second token, when the é is half there? And after the third?",
            'Keep all bytes so far. so_far.decode(errors="ignore") is the text of the characters that are whole.',
            "The new part is text[len(before):], where before is the text after the previous token.",
        ),
    ),
)
