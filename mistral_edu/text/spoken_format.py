"""Which chat format a model speaks: its template, where it has one, is compared with the authors' formats (chat.py)."""
import warnings

from mistral_edu.chat import FORMATS, native_version
from mistral_edu.text.messages import check_messages

SAMPLES = ([{"role": "user", "content": "Question"}],
           [{"role": "system", "content": "System"}, {"role": "user", "content": "Question"}],
           [{"role": "user", "content": "Question"}, {"role": "assistant", "content": "Answer"},
            {"role": "user", "content": "Again"}])


def spoken_format(tokenizer) -> str:
    """The format that a model speaks: a name of FORMATS, or "template". `tokenizer.spoken` remembers it.

    A chat template that writes one question as an authors' format does, spaces aside, speaks that format; then the
    authors' way counts, and a difference is told in a warning. Any other template is followed.
    """
    template = tokenizer.chat_template
    return native_version(tokenizer) if template is None else format_of(template, tokenizer)


def format_of(template, tokenizer) -> str:
    """The format that a chat template writes; see spoken_format."""
    native = native_version(tokenizer)
    candidates = dict.fromkeys([native, native.replace("v7", "v3")])  # a v3 file may name the marks of v7, too
    shown = [said_by(template, sample, tokenizer) for sample in SAMPLES]
    ours = {version: [FORMATS[version].encode(*check_messages(sample), tokenizer) for sample in SAMPLES]
            for version in candidates}

    def likeness(version):
        texts = [tokenizer.decode(ids, skip_special=False) for ids in ours[version][:2]]
        return sum(text is not None and "".join(text.split()) == "".join(want.split())
                   for (text, _), want in zip(shown, texts))

    version = max(candidates, key=likeness)  # of equals the first
    if not likeness(version):
        return "template"
    for (text, ids), wanted in zip(shown, ours[version]):
        if text is not None and ids != wanted:
            want = tokenizer.decode(wanted, skip_special=False)
            warnings.warn(f"{template.path}: the chat template writes {text[:200]!r}, and the authors' own encoder, in "
                          f"format {version}, {want[:200]!r}. The authors' form is sent; version=\"template\" sends "
                          "the other")
            break
    return version


def said_by(template, messages, tokenizer):
    """(text, ids) of messages as a template writes them; (None, None) where it refuses them."""
    try:
        parts = template.parts(messages, messages[-1]["role"] != "assistant")
    except ValueError:
        return None, None
    return "".join(text for text, _ in parts), tokenizer.encode_parts(parts)
