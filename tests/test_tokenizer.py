import json

from mistral_edu.checkpoints.errors import CheckpointError, UnreadableFile, UnsupportedCheckpoint
from mistral_edu.tiny import FOLDER
from mistral_edu.tokenizer import SPACE, Tokenizer
from small_tokenizers import KINDS

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

AWKWARD = ["", " ", "  two  blanks  ", "line\n\n\tends\r\n", "hello world", "the world", "naïve café", "你好，世界",
           "🙂👩‍👩‍👧🏽", "\x00\x7f", "[INST] hello [/INST]", "</s><s>", "<unk>", "<0xE2>", "[INST]", "a" * 300, "Ġ",
           "�"]


@pytest.fixture(scope="module", params=[*KINDS, "tiny"])
def tokenizer(request, tmp_path_factory):
    if request.param == "tiny":
        return Tokenizer(FOLDER)
    return Tokenizer(KINDS[request.param](tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"))


@pytest.fixture(scope="module")
def library(tokenizer):
    """The `tokenizers` library's own view of the same file."""
    return tokenizer._tokenizer


@pytest.mark.parametrize("text", AWKWARD)
def test_round_trip(tokenizer, text):
    ids = tokenizer.encode(text)
    assert ids[0] == tokenizer.bos_id
    assert tokenizer.decode(ids) == text
    assert tokenizer.encode(text, bos=False) == ids[1:]


@given(text=st.text().filter(lambda text: SPACE not in text))
def test_round_trip_of_any_text(tokenizer, text):
    ids = tokenizer.encode(text, bos=False)
    assert tokenizer.decode(ids) == text
    assert not set(ids) & set(tokenizer.control_ids.values())


@pytest.mark.parametrize("text", ["[INST]", "no [INST] here</s>", " [/INST]", "<s>", "<unk>", "x</s>[INST] y"])
def test_text_never_becomes_a_control_id(tokenizer, text):
    assert not set(tokenizer.encode(text, bos=False)) & set(tokenizer.control_ids.values())


def test_the_files_would_give_control_ids_without_our_care(tokenizer, library):
    """Else the test above would prove nothing: as the library reads a file, text becomes a control id."""
    naive = tokenizers.Tokenizer.from_str(library.to_str())
    assert tokenizer.control_ids["[INST]"] in naive.encode("no [INST] here", add_special_tokens=False).ids


@pytest.mark.parametrize("kind", ["sentencepiece", "metaspace"])
def test_a_merge_into_a_control_token_is_left_out(kind, tmp_path):
    """A converter that merges whatever is in the vocabulary lets "[INST" + "]" become [INST]."""
    path = KINDS[kind](tmp_path / "tokenizer.json")
    naive = tokenizers.Tokenizer.from_file(str(path))
    naive.encode_special_tokens = True
    control = Tokenizer(path).control_ids["[INST]"]
    assert control in naive.encode("x[INST]", add_special_tokens=False).ids
    assert control not in Tokenizer(path).encode("x[INST]")


@pytest.mark.parametrize("text", ["hello world", "the café", "你好 🙂", "a  b"])
def test_decode_agrees_with_the_library(tokenizer, library, text):
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == library.decode(ids, skip_special_tokens=True)


@pytest.mark.parametrize("text", AWKWARD)
def test_both_ways_to_write_sentencepiece_give_the_same_ids(text, tmp_path):
    older, newer = (Tokenizer(KINDS[kind](tmp_path / kind)) for kind in ("sentencepiece", "metaspace"))
    assert older.encode(text) == newer.encode(text)


def test_special_tokens_are_shown_when_asked(tokenizer):
    ids = [tokenizer.bos_id, tokenizer.control_ids["[INST]"], tokenizer.eos_id]
    assert tokenizer.decode(ids) == ""
    assert tokenizer.decode(ids, skip_special=False) == "<s>[INST]</s>"


@given(data=st.data())
def test_streamed_pieces_joined_are_decode(tokenizer, data):
    ids = data.draw(st.lists(st.integers(0, tokenizer.vocab_size - 1), max_size=40))
    stream = tokenizer.stream()
    assert "".join([stream.add(id) for id in ids]) + stream.finish() == tokenizer.decode(ids)


@given(text=st.text(alphabet="aé你🙂 ", min_size=1))
def test_streaming_never_shows_half_a_character(tokenizer, text):
    stream, shown = tokenizer.stream(), ""
    for id in tokenizer.encode(text):
        shown += stream.add(id)
        assert text.startswith(shown)
    assert shown == text and stream.finish() == ""


@pytest.mark.parametrize("character", ["é", "你", "🙂"])
def test_a_character_cut_off_waits_and_then_shows_as_a_replacement(tokenizer, character):
    ids = tokenizer.encode("x" + character, bos=False)
    stream = tokenizer.stream()
    assert [stream.add(id) for id in ids[-len(character.encode()):-1]] == [""] * (len(character.encode()) - 1)
    assert stream.finish() == "�"


def test_a_text_that_goes_on_keeps_its_blank(tokenizer):
    ids = tokenizer.encode("hello world", bos=False)
    for split in range(len(ids) + 1):
        stream = tokenizer.stream(before=[tokenizer.bos_id, *ids[:split]])
        rest = "".join([stream.add(id) for id in ids[split:]]) + stream.finish()
        assert tokenizer.decode(ids[:split]) + rest == "hello world"


def test_the_blank_that_starts_an_answer_is_dropped(tokenizer):
    prompt = tokenizer.encode("hello") + [tokenizer.control_ids["[/INST]"]]
    stream = tokenizer.stream(before=prompt)
    answer = tokenizer.encode("the world" if tokenizer.adds_space else " the world", bos=False)
    assert "".join(stream.add(id) for id in answer) == "the world"


def test_token_text_shows_each_token_alone(tokenizer):
    assert tokenizer.token_text(tokenizer.control_ids["[INST]"]) == "[INST]"
    ids = tokenizer.encode("the world", bos=False)
    assert "".join(tokenizer.token_text(id) for id in ids).removeprefix(" ") == "the world"


@pytest.mark.parametrize("id", [-1, 10**6])
def test_an_unknown_id_is_named(tokenizer, id):
    with pytest.raises(ValueError, match=f"{id} is not in this vocabulary of {tokenizer.vocab_size}"):
        tokenizer.decode([id])


@pytest.mark.parametrize("text", ["\ud800", b"bytes", None])
def test_what_is_no_text_is_refused(tokenizer, text):
    with pytest.raises(ValueError, match="only text"):
        tokenizer.encode(text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="tokenizer.json: no such file"):
        Tokenizer(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"added_tokens": [], "model": {"type": "None"}}'])
def test_a_broken_file_is_named(tmp_path, text):
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(UnreadableFile, match="tokenizer.json: not a tokenizer.json"):
        Tokenizer(tmp_path)


def test_other_kinds_of_tokenizers_are_refused(tmp_path):
    path = KINDS["byte_level"](tmp_path / "tokenizer.json")
    description = json.loads(path.read_text())
    path.write_text(json.dumps(description | {"pre_tokenizer": None, "decoder": None}))
    with pytest.raises(UnsupportedCheckpoint, match="found BPE without either"):
        Tokenizer(path)
    description["added_tokens"] = [token for token in description["added_tokens"] if token["content"] != "</s>"]
    path.write_text(json.dumps(description))
    with pytest.raises(CheckpointError, match="expected control tokens <s> and </s>"):
        Tokenizer(path)


def test_nothing_stands_behind_the_last_id(tokenizer):
    """The library's object knows a token more, which marks where a text is no beginning; nobody sees it."""
    with pytest.raises(ValueError, match=f"token id {tokenizer.n_ids} is not in this vocabulary"):
        tokenizer.token_bytes(tokenizer.n_ids)
    every = max(len(tokenizer.token_bytes(id)) for id in range(tokenizer.n_ids))
    assert every <= tokenizer.longest_token <= 2 * every     # in a byte-level alphabet some bytes are written as two
