"""tekken.json, compared with mistral-common, the authors' own reader, whose wheel holds two such files."""
import json
import logging
import warnings

from mistral_edu import encode_chat, load_tokenizer
from mistral_edu.checkpoints.errors import UnreadableFile, UnsupportedCheckpoint
from mistral_edu.tiny import FOLDER
from small_authors import DATA, write_small_tekken
from small_checkpoints import change_json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mistral_common.tokens.tokenizers.tekken import Tekkenizer

pytestmark = pytest.mark.slow

logging.getLogger("mistral_common").setLevel(logging.ERROR)
FILES = ["tekken_240718.json", "tekken_240911.json"]
TEXTS = [
    "", " ", "   ", "\n", "\r\n\r\n  x\t\ty \n ", "Hello, world! It's 1,234.50 € at 7:05 a.m.", "x" * 300,
    "a  b   c    d", "    def f(x):\n        return {'a': x ** 2}  # ok\n", "http://example.org/a_b?c=d&e=%20#f",
    "camelCaseHTTPServer42", "L'été, où naïveté et cœur… « oui » ?", "Größenänderungsmaßstab, Straße ẞ",
    "¿Qué? ¡Sí! mañana", "Чи знаєш ти, що це?", "Ελληνικά: ἀρχὴ ἥμισυ παντός", "你好，世界。我们今天学习。",
    "こんにちは、カタカナ、漢字", "안녕하세요 세계", "مرحبا بالعالم ١٢٣", "שלום עולם", "नमस्ते दुनिया", "สวัสดีชาวโลก",
    "Tiếng Việt rất hay", "İstanbul ığ", "e\u0301 = é", "ﬁ Ⅳ ½ ²", "∀x∈ℝ: ⌈x⌉ ≥ x", "🙂👩‍👩‍👧🏽🇫🇷❤️",
    "\u200b\u3000\xa0\ufeff", "\x00\x7f\x85", "\U0010ffff\U000e0001", "[INST] hi [/INST]", "</s><s><unk><pad>",
    "[IMG][TOOL_CALLS]<SPECIAL_20>", "=" * 77 + "\n" + "-" * 77, "0" * 40, " " * 83 + "x", "\n" * 41, "ааа" * 30]
CONTROL = ["[INST]", "[/INST]", "<s>", "</s>", "<unk>", "<pad>", "[SYSTEM_PROMPT]", "<SPECIAL_999>"]
texts = st.one_of(st.text(),
                  st.lists(st.sampled_from([*TEXTS[:20], *CONTROL, "a", "A", "1", ".", "é", "好", "aa", "ba"]),
                                      max_size=12).map("".join))


def authors(path):
    with warnings.catch_warnings():  # it would like the files to list their control tokens
        warnings.simplefilter("ignore")
        return Tekkenizer.from_file(path)


class Both:
    """One file, read here and by its authors."""

    def __init__(self, path):
        self.ours, self._theirs = load_tokenizer(path), authors(path)

    def their_ids(self, text):
        return self._theirs.encode(text, bos=False, eos=False)


@pytest.fixture(scope="module", params=FILES)
def both(request):
    return Both(DATA / request.param)


@pytest.mark.parametrize("text", TEXTS)
def test_ids_and_text_back(both, text):
    ids = both.ours.encode(text, bos=False)
    assert ids == both.their_ids(text)
    assert both.ours.decode(ids) == text and both.ours.encode(text) == [1, *ids]


@settings(max_examples=300, deadline=None)
@given(text=texts)
def test_ids_of_any_text(both, text):
    ids = both.ours.encode(text, bos=False)
    assert ids == both.their_ids(text) and both.ours.decode(ids) == text
    assert not set(ids) & set(both.ours.control_ids.values())


@pytest.mark.parametrize("piece", ["a", "=", "-", " ", "\n", "0", "é", "好", "🙂", "ab", "ha", "- ", "\r\n", "x="])
def test_ids_of_runs(both, piece):
    """Where several pairs make the same token, the leftmost has to be joined first."""
    for n in range(1, 100):
        assert both.ours.encode(piece * n, bos=False) == both.their_ids(piece * n)


def test_every_character_has_its_ids():
    """Unicode's classes, by which a text is cut into words, are those of the authors' library."""
    both = Both(DATA / FILES[0])
    for begin in range(0, 0x20000, 16):
        characters = [chr(code) for code in range(begin, begin + 16) if not 0xD800 <= code < 0xE000]  # no surrogates
        text = "".join(f"a{character}b {character}1" for character in characters)
        assert both.ours.encode(text, bos=False) == both.their_ids(text), f"U+{begin:04X} to U+{begin + 15:04X}"


def test_every_token_that_is_a_word_is_reached(both):
    """The authors' library takes a word that is a token as it is; here its merges have to lead there."""
    count = 0
    for id in range(1000, both.ours.vocab_size, 7):
        text = both.ours.token_text(id)
        if "\ufffd" not in text and len(both.their_ids(text)) == 1:
            assert both.ours.encode(text, bos=False) == [id]
            count += 1
    assert count > 15000


@pytest.mark.parametrize("text", CONTROL)
def test_a_control_token_that_is_typed_stays_text(both, text):
    ids = both.ours.encode(f"no {text} here", bos=False)
    assert not set(ids) & set(both.ours.control_ids.values()) and both.ours.decode(ids) == f"no {text} here"
    id = both.ours.control_ids[text]
    assert both.ours.decode([id], skip_special=False) == text and both.ours.decode([id]) == ""


def test_a_question_is_put_as_their_encoder_puts_it(both):
    ours, ids = both.ours, both.their_ids("How are you?")
    begin, end = ours.control_ids["[INST]"], ours.control_ids["[/INST]"]
    assert encode_chat([{"role": "user", "content": "How are you?"}], ours) == [ours.bos_id, begin, *ids, end]


def test_what_the_tokenizer_knows(both):
    ours, theirs = both.ours, both._theirs
    assert (ours.version, ours.vocab_size, ours.n_ids, ours.adds_space) == ("v3", 131072, 131072, False)
    assert (ours.bos_id, ours.eos_id, ours.end_ids) == (theirs.bos_id, theirs.eos_id, {theirs.eos_id})
    assert ours.control_ids == {token["token_str"]: token["rank"] for token in theirs._all_special_tokens}


# --- small files: versions, control tokens that are listed, and what is wrong ---

LISTED = [{"rank": n, "token_str": text, "is_control": True} for n, text in enumerate(
    ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[THINK]", "[/THINK]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"])]


def test_control_tokens_that_the_file_lists(tmp_path):
    path = write_small_tekken(tmp_path / "tekken.json", n_special=12, version="v7", special_tokens=LISTED)
    ours, theirs = load_tokenizer(tmp_path), authors(path)
    assert ours.version == "v7" and ours.control_ids["[THINK]"] == 5 and ours.vocab_size == 1012
    assert ours.control_ids == {token["token_str"]: token["rank"] for token in theirs._all_special_tokens}
    text = "What do they [THINK]? " * 3
    assert ours.encode(text, bos=False) == theirs.encode(text, bos=False, eos=False)


@pytest.mark.parametrize("file, version", [("tekken.json", "v13"), ("tokenizer.model.v1", "v1"),
                                           ("tokenizer.model.v3", "v3"), ("tokenizer.model.v7m1", "v7m1"),
                                           ("tokenizer.model", None), ("tokenizer.json", None)])
def test_the_version_that_tells_chat_formats_apart(tmp_path, file, version):
    sources = {"tokenizer.json": FOLDER / "tokenizer.json", "tokenizer.model.v1": DATA / "tokenizer.model.v1",
               "tokenizer.model.v7m1": DATA / "mistral_instruct_tokenizer_241114.model.v7m1"}
    if file == "tekken.json":
        write_small_tekken(tmp_path / file, version=version, special_tokens=LISTED)
    else:
        (tmp_path / file).symlink_to(sources.get(file, DATA / "mistral_instruct_tokenizer_240323.model.v3"))
    assert load_tokenizer(tmp_path).version == load_tokenizer(tmp_path / file).version == version


def test_which_file_of_a_folder_is_read(tmp_path):
    """tokenizer.json, else tekken.json, else the tokenizer.model of the last version."""
    for name in ("tokenizer.model", "tokenizer.model.v3"):
        (tmp_path / name).symlink_to(DATA / "mistral_instruct_tokenizer_240323.model.v3")
    assert load_tokenizer(tmp_path).path.name == "tokenizer.model.v3"
    write_small_tekken(tmp_path / "tekken.json")
    assert load_tokenizer(tmp_path).path.name == "tekken.json"
    (tmp_path / "tokenizer.json").symlink_to(FOLDER / "tokenizer.json")
    assert load_tokenizer(tmp_path).path.name == "tokenizer.json"


def test_a_tokenizer_of_their_own_serves_whatever_the_files_are_called():
    assert load_tokenizer(DATA / FILES[0]).encode("Hello") == load_tokenizer(DATA / FILES[1]).encode("Hello")


@pytest.mark.parametrize("change", [
    lambda tekken: tekken.pop("config"), lambda tekken: tekken.pop("vocab"),
    lambda tekken: tekken["config"].pop("pattern"), lambda tekken: tekken["config"].update(pattern="("),
    lambda tekken: tekken["config"].update(default_vocab_size=5000), lambda tekken: tekken["vocab"].pop(5),
    lambda tekken: tekken["vocab"][5].update(token_bytes="AA=="),
    lambda tekken: tekken["vocab"][5].update(token_bytes=3),
    lambda tekken: tekken.update(special_tokens=[{"rank": 40, "token_str": "[X]"}]),
    lambda tekken: tekken.update(special_tokens=[{"rank": 1, "token_str": "<s>"}, {"rank": 2, "token_str": "<s>"}])])
def test_a_file_that_does_not_hold_what_it_says(tmp_path, change):
    change_json(write_small_tekken(tmp_path / "tekken.json", n_ranks=950), change)
    complaint = r"tekken.json, of \d+ bytes, is not a complete tekken.json .*fetch it again"
    with pytest.raises(UnreadableFile, match=complaint):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "\x00"])
def test_a_file_that_is_none(tmp_path, text):
    (tmp_path / "tekken.json").write_text(text)
    with pytest.raises(UnreadableFile, match="is not a complete tekken.json"):
        load_tokenizer(tmp_path)


def test_a_file_without_begin_and_end(tmp_path):
    listed = [{"rank": 0, "token_str": "<unk>", "is_control": True}]
    write_small_tekken(tmp_path / "tekken.json", special_tokens=listed)
    with pytest.raises(UnsupportedCheckpoint, match="expected control tokens <s> and </s>"):
        load_tokenizer(tmp_path)


def test_the_file_is_read_as_utf8_json_alone(tmp_path):
    path = write_small_tekken(tmp_path / "tekken.json")
    path.write_bytes(json.dumps(json.loads(path.read_text()), ensure_ascii=False).encode("utf-8"))
    assert load_tokenizer(path).decode(load_tokenizer(path).encode("naïve")) == "naïve"
