"""One tokenizer, written in many ways: the same ids, the text back as it was, and added tokens with their flags."""
import json

from mistral_edu.checkpoints.errors import CheckpointError, UnsupportedCheckpoint
from mistral_edu.tokenizer import SPACE, Tokenizer
from small_tokenizers import KINDS

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

BLANKS = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
TWICE = {"type": "Replace", "pattern": {"Regex": f"\\A{SPACE}"}, "content": SPACE * 2}


def metaspace(scheme, **more):
    return {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": scheme, "split": False, **more}


def sequence(kind, *parts):
    return {"type": "Sequence", {"normalizer": "normalizers", "pre_tokenizer": "pretokenizers"}[kind]: list(parts)}


# As 7B v0.1 was published, and as transformers 4 and 5 have written the same tokenizer.model since.
LAYOUTS = {
    "a normalizer": ({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": SPACE}, BLANKS]}, None),
    "first": (None, metaspace("first")),
    "always": (None, metaspace("always")),
    "always, as older files say it": (None, {"type": "Metaspace", "replacement": SPACE, "add_prefix_space": True,
                                             "split": False}),
    "always, in a sequence": (sequence("normalizer", BLANKS), sequence("pre_tokenizer", metaspace("always"))),
    "always, the blank doubled": (sequence("normalizer", BLANKS, TWICE),
                                  sequence("pre_tokenizer", metaspace("always"))),
    "first, in a sequence": (sequence("normalizer", BLANKS), sequence("pre_tokenizer", metaspace("first"))),
    "first, two sequences deep": (None, sequence("pre_tokenizer", sequence("pre_tokenizer", metaspace("first")))),
}
IN_EVERY_STRETCH = [name for name in LAYOUTS if "first" not in name]


def description(layout, added=(), base=KINDS["sentencepiece"], folder=None):
    path = base(folder / "base.json")
    told = json.loads(path.read_text())
    told["normalizer"], told["pre_tokenizer"] = LAYOUTS[layout]
    n = len(told["model"]["vocab"])
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    told["added_tokens"] += [{**flags, "id": n + k, **token} for k, token in enumerate(added)]
    return told


def write(folder, told):
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(told))
    return path


@pytest.fixture(scope="module", params=LAYOUTS)
def pair(request, tmp_path_factory):
    """(the tokenizer in this layout, the same in the first)."""
    folders = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("other")
    return [Tokenizer(write(folder, description(layout, folder=folder)))
            for folder, layout in zip(folders, (request.param, "a normalizer"))]


TEXTS = ["hello world", " hello world", "    the", " ", "   ", "a  b   c", "\n x", "x ", " 🙂", "", "\tthe",
         "[INST] hello"]


@pytest.mark.parametrize("text", TEXTS)
def test_all_layouts_give_the_same_ids_and_the_text_back(pair, text):
    here, there = pair
    assert here.encode(text) == there.encode(text)
    assert here.decode(here.encode(text)) == text


@given(text=st.text().filter(lambda text: SPACE not in text))
def test_any_text_comes_back(pair, text):
    here, there = pair
    assert here.encode(text) == there.encode(text) and here.decode(here.encode(text)) == text


MIDDLE = ["hello<t>world", "hello <t> world", "<t>hello", " <t>hello", "<t> hello", "<t><t>hello", "hello<t>", "<t>",
          "hello <t>", " <t> ", "the<u>world", "<u><t>  hello"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_texts_with_added_tokens_come_back(layout, tmp_path):
    told = description(layout, [{"content": "<t>"}, {"content": "<u>"}], folder=tmp_path)
    tokenizer = Tokenizer(write(tmp_path, told))
    library = tokenizers.Tokenizer.from_str(json.dumps(told))
    for text in MIDDLE:
        ids = tokenizer.encode(text, bos=False)
        assert tokenizer.decode(ids) == text, text
        stream = tokenizer.stream()
        assert "".join([stream.add(id) for id in ids]) + stream.finish() == text
        stretches = text.replace("<u>", "<t>").split("<t>")
        if not any(stretch.startswith(" ") for stretch in stretches):      # else the library loses a blank
            assert ids == library.encode(text, add_special_tokens=False).ids, text


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("flag", ["normalized", "lstrip", "rstrip", "single_word"])
def test_added_tokens_keep_their_flags(layout, flag, tmp_path):
    told = description(layout, [{"content": "<t>", flag: True}], folder=tmp_path)
    tokenizer, library = Tokenizer(write(tmp_path, told)), tokenizers.Tokenizer.from_str(json.dumps(told))
    for text in ("hello<t>world", "hello <t>world", "<t>hello", "hello  <t>", "a<t>-<t>b"):
        assert tokenizer.encode(text, bos=False) == library.encode(text, add_special_tokens=False).ids, text


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_answer_after_a_mark_is_shown_without_the_blank_of_its_stretch(layout, tmp_path):
    told = description(layout, [{"content": "<|assistant|>", "special": True}], folder=tmp_path)
    tokenizer = Tokenizer(write(tmp_path, told))
    ids = tokenizer.encode_parts([("<|assistant|>", False), ("hello", True)])
    stream = tokenizer.stream(before=ids[:1])
    assert "".join(stream.add(id) for id in ids[1:]) + stream.finish() == "hello"
    assert (tokenizer.token_text(ids[1])[:1] == " ") == (layout in IN_EVERY_STRETCH)


def spoilt(change):
    def told(folder):
        sound = description("first", folder=folder)
        change(sound)
        return sound
    return told


def two_ids(told):
    told["model"]["vocab"]["hello"] = told["model"]["vocab"]["[INST]"]


def other_id(told):
    next(token for token in told["added_tokens"] if token["content"] == "[INST]")["id"] = 17


def half_a_pair(told):
    told["added_tokens"] = [token for token in told["added_tokens"] if token["content"] != "[/INST]"]


def prefix(told):
    told["model"]["continuing_subword_prefix"] = "##"


def suffix(told):
    told["model"]["end_of_word_suffix"] = "</w>"


def one_id_for_two(told):
    told["added_tokens"].append({**told["added_tokens"][0], "content": "<new>", "id": told["added_tokens"][1]["id"]})


@pytest.mark.parametrize("change, words", [
    (two_ids, r"id \d+ stands for .* and for "),
    (other_id, r"the added token '\[INST\]' has id 17, and in the vocabulary"),
    (half_a_pair, r"of the two marks \[INST\] and \[/INST\] only \[INST\] is a control token"),
    (one_id_for_two, r"id 1 stands for '<s>' and for '<new>'"), (prefix, "continuing_subword_prefix is '##'"),
    (suffix, "end_of_word_suffix is '</w>'")])
def test_settings_that_change_the_meaning_are_refused_at_loading(change, words, tmp_path):
    with pytest.raises(UnsupportedCheckpoint, match=words):
        Tokenizer(write(tmp_path, spoilt(change)(tmp_path)))


def test_a_training_s_settings_are_switched_off(tmp_path):
    told = description("first", folder=tmp_path)
    plain = Tokenizer(write(tmp_path, told)).encode("hello the world")
    once = {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}
    told["post_processor"] = {"type": "Sequence", "processors": [once, once]}
    told["truncation"] = {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}
    told["padding"] = {"strategy": {"Fixed": 20}, "direction": "Left", "pad_to_multiple_of": None, "pad_id": 2,
                       "pad_type_id": 0, "pad_token": "</s>"}
    told["model"]["dropout"] = 0.9
    assert Tokenizer(write(tmp_path, told)).encode("hello the world") == plain


def test_a_broken_post_processor_is_no_obstacle(tmp_path):
    told = description("first", folder=tmp_path)
    told["post_processor"] = {"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}, "x": 1}
    assert Tokenizer(write(tmp_path, told)).decode(Tokenizer(write(tmp_path, told)).encode("hello")) == "hello"


@pytest.mark.parametrize("text", ["[" * 5000 + "]" * 5000, '{"model": ' + "[" * 3000 + "]" * 3000 + "}"])
def test_a_file_nested_without_end_is_an_error_of_ours(text, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(text)
    with pytest.raises(CheckpointError, match="tokenizer.json"):
        Tokenizer(path)
