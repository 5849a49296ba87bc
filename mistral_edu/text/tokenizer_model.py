"""The authors' tokenizer.model, read without the sentencepiece package, into what a tokenizer.json would say.

The file is a protocol buffer: fields one after the other, each a number that names it and a value. Of them we need the
pieces, in the order of their ids, and a few switches. Source: sentencepiece_model.proto.

SentencePiece keeps no list of merges. It joins, again and again, the two neighbours whose joint piece has the highest
score, the leftmost first. So the merges are all ways to cut a piece into two pieces, and the scores are their order.
"""
import struct

from mistral_edu.checkpoints.errors import UnsupportedCheckpoint

SPACE = "▁"  # U+2581, how SentencePiece writes a space. In a text it is not kept: it comes back as " ".
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)  # what a piece may be
UNIGRAM, BPE = 1, 2


def read_model(path) -> dict:
    """A tokenizer.model as a tokenizer.json's description. Raises UnsupportedCheckpoint for a kind that we don't read.

    What is no such file at all ends in an IndexError, struct.error, KeyError or ValueError.
    """
    model = fields(path.read_bytes())
    pieces = [read_piece(piece) for piece in model[1]]  # [(text, score, kind), ...]: the place in the list is the id
    trainer, normalizer = (fields(model[number][0]) for number in (2, 3))
    found = {"type": trainer.get(3, [UNIGRAM])[0], "byte_fallback": trainer.get(35, [0])[0],
             "normalization rules": len(normalizer.get(2, [b""])[0]), "adds a space": normalizer.get(3, [1])[0],
             "removes extra spaces": normalizer.get(4, [1])[0]}
    expected = dict(zip(found, (BPE, 1, 0, 1, 0)))
    if found != expected:
        raise UnsupportedCheckpoint(f"{path}: expected a SentencePiece model such as Mistral's, {expected}, "
                                    f"found {found}; take the tokenizer of a Mistral-7B")
    vocab = {text: id for id, (text, _, _) in enumerate(pieces)}
    scores = {text: score for text, score, kind in pieces if kind == NORMAL}
    return {"version": "1.0", "truncation": None, "padding": None, "post_processor": None, "pre_tokenizer": None,
            "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": SPACE},
            "decoder": None,  # Tokenizer joins bytes itself
            "added_tokens": [added_token(text, id, kind) for id, (text, _, kind) in enumerate(pieces)
                             if kind in (UNKNOWN, CONTROL, USER_DEFINED)],
            "model": {"type": "BPE", "vocab": vocab, "merges": merges(scores), "byte_fallback": True,
                      "unk_token": next(text for text, _, kind in pieces if kind == UNKNOWN), "fuse_unk": True}}


def merges(scores) -> list[list[str]]:
    """All pairs of pieces that make a piece, the highest score first; scores: text -> score of every normal piece.

    Runs of spaces have one score among them. There the longer left part goes first, so that the leftmost run grows.

    >>> merges({"a": -3, "b": -4, "ab": -1, "aba": -2})
    [['a', 'b'], ['ab', 'a']]
    """
    pairs = [(piece[:n], piece[n:]) for piece in scores for n in range(1, len(piece))
             if piece[:n] in scores and piece[n:] in scores]
    return [list(pair) for pair in sorted(pairs, key=lambda pair: (-scores["".join(pair)], -len(pair[0])))]


def added_token(text, id, kind):
    """A token that is found in text as a whole (user-defined), or never (the others, once their text stays text)."""
    return {"id": id, "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": kind != USER_DEFINED}


def read_piece(data) -> tuple[str, float, int]:
    """Text, score and kind of one piece; what is not written has its default."""
    piece = fields(data)
    (score,) = struct.unpack("<f", piece.get(2, [bytes(4)])[0])
    return piece[1][0].decode("utf-8"), score, piece.get(3, [NORMAL])[0]


def fields(data) -> dict[int, list]:
    """A protocol buffer as field number -> its values, in order: numbers, or bytes for all else.

    >>> fields(bytes([0x0A, 2, 104, 105, 0x18, 0xAC, 2]))    # field 1: "hi"; field 3: 300
    {1: [b'hi'], 3: [300]}
    """
    values, at = {}, 0
    while at < len(data):
        key, at = number(data, at)
        kind = key & 7
        if kind == 0:
            value, at = number(data, at)
        else:
            length = {1: 8, 5: 4}.get(kind)
            if kind == 2:
                length, at = number(data, at)
            if length is None or at + length > len(data):
                raise ValueError(f"byte {at} of {len(data)} is not where a field can be")
            value, at = data[at:at + length], at + length
        values.setdefault(key >> 3, []).append(value)
    return values


def number(data, at) -> tuple[int, int]:
    """A number written in groups of seven bits, the lowest first, and the place after it."""
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at
