"""Where a tokenizer puts a space of its own, and the one that some files swallow.

SentencePiece puts a space before a text, always: " a" begins with two. A tokenizer.json says the same in several ways.
A normalizer that prepends does so before each stretch of text between added tokens. The pre-tokenizer Metaspace does it
"always" (before each stretch) or for the "first" stretch only, but not where a space is there already: then " a" and
"a" have the same ids, and a text that begins with a space is not given back. This is mended here, and nothing else.
"""
import tokenizers
from tokenizers.normalizers import Replace, Sequence

from mistral_edu.text.tokenizer_model import SPACE


def metaspace_of(pre_tokenizer):
    """The description of the Metaspace in a pre-tokenizer, wherever it stands in a Sequence; None without one."""
    if not pre_tokenizer:
        return None
    if pre_tokenizer.get("type") == "Metaspace":
        return pre_tokenizer
    inner = (metaspace_of(each) for each in pre_tokenizer.get("pretokenizers", ()))
    return next((found for found in inner if found), None)


def scheme(pre_tokenizer):
    """ "always", "first" or "never": where a Metaspace puts its space; None without a Metaspace.

    >>> scheme({"type": "Sequence",
    ...         "pretokenizers": [{"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}]})
    'always'
    """
    metaspace = metaspace_of(pre_tokenizer)
    if metaspace is None:
        return None
    older = "always" if metaspace.get("add_prefix_space", True) else "never"  # before there were three schemes
    return metaspace.get("prepend_scheme", older)


def swallows_a_space(tokenizer) -> bool:
    """Whether a tokenizer gives " a" and "a" the same ids."""
    return tokenizer.encode(" a", add_special_tokens=False).ids == tokenizer.encode("a", add_special_tokens=False).ids


def keep_first_space(tokenizer, pre_tokenizer) -> bool:
    """Mend a Metaspace that swallows a space, as SentencePiece has it; tokenizer is changed.

    Returns True where only the caller can do it, by one more space before a text that begins with one: a "first" that
    would be done before each stretch would change the others.
    """
    where = scheme(pre_tokenizer)
    if where not in ("always", "first") or not swallows_a_space(tokenizer):
        return False
    if where == "first":
        return True
    twice = Replace(tokenizers.Regex(f"\\A[ {SPACE}]"), SPACE * 2)
    tokenizer.normalizer = Sequence([tokenizer.normalizer, twice]) if tokenizer.normalizer else twice
    return False
