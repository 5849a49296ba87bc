"""What notebook 02 compares with: the `tokenizers` library, trained on the reader's text, and text for the trainer."""
import json
import random

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from mistral_edu.tiny import FOLDER
from mistral_edu.tiny.world import sample


def told_stories(n, seed=0, split="train") -> str:
    """n stories of the small world, one after another, each with a space before it; each seed has its own."""
    r = random.Random(seed)
    return "".join(" " + sample(r, split, "story").turns[0][1] for _ in range(n))


def library_merges(text, n_merges) -> list[tuple[str, str]]:
    """The merges that the library's byte-level BPE trainer learns from a text, in order."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator([text], trainers.BpeTrainer(
        vocab_size=len(alphabet) + n_merges, initial_alphabet=alphabet, show_progress=False))
    return merges_of(tokenizer.to_str())


def tiny_merges() -> list[tuple[str, str]]:
    """The merges of the embedded model's tokenizer, in order, as its tokenizer.json lists them."""
    return merges_of((FOLDER / "tokenizer.json").read_text(encoding="utf-8"))


def merges_of(tokenizer_json) -> list[tuple[str, str]]:
    """The merges in a tokenizer.json's text: each is "le ft" or ["le", "ft"], by the age of the file."""
    merges = json.loads(tokenizer_json)["model"]["merges"]
    return [tuple(merge.split(" ") if isinstance(merge, str) else merge) for merge in merges]
