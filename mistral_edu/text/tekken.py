"""The authors' tekken.json (Mistral Nemo and later): byte-level BPE, whose vocabulary is a list of byte strings.

The file has no list of merges. A token's place in the list, its rank, says how early it was learned, and two neighbours
are joined whenever their bytes together are a token, the lowest rank first. So the merges are all ways to cut a token
into two tokens, in the order of the ranks. Before that, a regular expression cuts the text into words, and no merge
crosses their borders. The control tokens have the first ids, the ranks follow. Source: mistral-common (tekken.py).
"""
import base64
from functools import cache

import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from mistral_edu.checkpoints.json_file import read_json
from mistral_edu.text.tokenizer_model import CONTROL, added_token

FILE = "tekken.json"
# The first control tokens, for files from before they listed them. The others are called <SPECIAL_20>, and so on.
CONTROL_TOKENS = ("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]",
                  "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]",
                  "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]")


def is_tekken(path) -> bool:
    """Whether a file's name says that it is one: tekken.json, tekken_240911.json.

    >>> from pathlib import Path
    >>> is_tekken(Path("tekken.json")), is_tekken(Path("tokenizer.json"))
    (True, False)
    """
    return path.name.startswith("tekken") and path.suffix == ".json"


def read_tekken(path):
    """(what a tokenizer.json would say, without the merges; the library's tokenizer). "version" is the file's, "v3".

    What is no whole tekken.json ends in a KeyError, TypeError or ValueError, or an Exception of the library.
    """
    tekken = read_json(path)
    config = tekken["config"]
    control = control_tokens(tekken.get("special_tokens"), config["default_num_special_tokens"])
    n_ranks = config["default_vocab_size"] - len(control)  # the list goes on: longer vocabularies begin with the same
    tokens = tekken["vocab"][:n_ranks]
    if [token["rank"] for token in tokens] != [*range(n_ranks)]:
        raise ValueError(f"the ranks of the first {n_ranks:,} tokens are not 0, 1, 2, ...")
    pieces = [spell(base64.b64decode(token["token_bytes"], validate=True)) for token in tokens]
    vocab = {piece: id for id, piece in enumerate([*control, *pieces])}
    if len(vocab) != len(control) + n_ranks:
        raise ValueError("two tokens are the same")
    description = {"version": config.get("version"), "decoder": {"type": "ByteLevel"},
                   "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split"}, {"type": "ByteLevel"}]},
                   "model": {"type": "BPE", "vocab": vocab},
                   "added_tokens": [added_token(text, id, CONTROL) for id, text in enumerate(control)]}
    return description, build(vocab, merges(pieces), control, config["pattern"])


def control_tokens(listed, n) -> list[str]:
    """The names of the n control tokens, by their ids. listed: the file's special_tokens, or None.

    >>> control_tokens([{"rank": 1, "token_str": "<s>"}, {"rank": 0, "token_str": "<unk>"}], 4)
    ['<unk>', '<s>', '<SPECIAL_2>', '<SPECIAL_3>']
    """
    known = enumerate(CONTROL_TOKENS) if listed is None else [(token["rank"], token["token_str"]) for token in listed]
    names = {id: f"<SPECIAL_{id}>" for id in range(n)} | dict(known)
    if len(names) != n:
        raise ValueError(f"control tokens with ids up to {max(names)} where it says default_num_special_tokens {n}")
    return [names[id] for id in range(n)]


def merges(pieces) -> list[tuple[str, str]]:
    """All pairs of pieces that make a piece, in the order of what they make.

    Where several pairs make the same, the longer left part goes first, so that in a run of one character the leftmost
    grows.

    >>> merges(["a", "b", "ab", "aa", "aaa"])
    [('a', 'b'), ('a', 'a'), ('aa', 'a'), ('a', 'aa')]
    """
    known = set(pieces)
    return [(piece[:n], piece[n:]) for piece in pieces for n in range(len(piece) - 1, 0, -1)
            if piece[:n] in known and piece[n:] in known]


def build(vocab, merges, control, pattern) -> tokenizers.Tokenizer:
    """The library's tokenizer. (To hand it the same as a tokenizer.json takes twice as long.)"""
    tokenizer = tokenizers.Tokenizer(models.BPE(vocab, merges))
    words = pre_tokenizers.Split(tokenizers.Regex(pattern), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([tokenizers.AddedToken(text, normalized=False, special=True) for text in control])
    return tokenizer


def spell(data) -> str:
    """Bytes in the printable alphabet of byte-level BPE.

    >>> spell(b" red")
    'Ġred'
    """
    return data.decode("latin-1").translate(_printable())


@cache
def byte_alphabet() -> dict[str, int]:
    """The printable character that byte-level BPE writes for each byte, as character -> byte. Source: GPT-2's encoder.

    >>> byte_alphabet()["A"], byte_alphabet()["Ġ"]
    (65, 32)
    """
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


@cache
def _printable():
    """byte -> character, as str.translate takes it."""
    return {byte: character for character, byte in byte_alphabet().items()}
