"""Small tokenizers of both kinds, written by hand, for tests."""
from string import ascii_letters

from mistral_edu.tokenizer import byte_alphabet

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

CONTROL = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]
WORDS = ["the", "hello", "world"]


def byte_level(path):
    """Byte-level BPE, as `tiny` and Tekken are."""
    blank = next(character for character, byte in byte_alphabet().items() if byte == ord(" "))
    pieces, merges = grow([blank + word for word in WORDS] + CONTROL, list(byte_alphabet()))
    tokenizer = Tokenizer(models.BPE(vocabulary(pieces), merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return save(tokenizer, path)


def sentencepiece(path):
    """SentencePiece with byte fallback, as converters wrote Mistral-7B v0.1: a normalizer puts the blank in front."""
    tokenizer = sentencepiece_without_blank()
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return save(tokenizer, path)


def metaspace(path):
    """The same, as later files are: a pre-tokenizer puts the blank in front."""
    tokenizer = sentencepiece_without_blank()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    return save(tokenizer, path)


def sentencepiece_without_blank():
    pieces, merges = grow(["▁" + word for word in WORDS] + CONTROL, ["▁", *ascii_letters, *"<>/[]"])
    vocab = vocabulary([f"<0x{byte:02X}>" for byte in range(256)] + pieces)
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    return tokenizer


def grow(words, pieces):
    """Pieces and merges that build each word letter by letter; even control tokens, as careless converters do."""
    merges = [(word[:n], word[n]) for word in words for n in range(1, len(word))]
    return pieces + [left + right for left, right in merges], list(dict.fromkeys(merges))


def vocabulary(pieces):
    return {piece: id for id, piece in enumerate(dict.fromkeys(CONTROL + pieces))}


def save(tokenizer, path):
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in CONTROL])
    tokenizer.save(str(path))
    return path


KINDS = {"byte_level": byte_level, "sentencepiece": sentencepiece, "metaspace": metaspace}
