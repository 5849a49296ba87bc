"""The authors' tokenizer.model files and Instruct formats, compared with mistral-common, whose wheel holds both."""
import json
import logging
import time
from pathlib import Path

from mistral_edu import Chat, MistralConfig, Model, load_tokenizer
from mistral_edu.chat import encode_chat, native_version
from mistral_edu.checkpoints.errors import UnreadableFile, UnsupportedCheckpoint
from mistral_edu.text.tokenizer_model import read_model

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

mistral_common = pytest.importorskip("mistral_common", reason="the authors' files lie in its wheel; see extra test")
from mistral_common.protocol.instruct.messages import AssistantMessage, SystemMessage, UserMessage  # noqa: E402
from mistral_common.protocol.instruct.request import ChatCompletionRequest  # noqa: E402
from mistral_common.protocol.instruct.validator import ValidationMode  # noqa: E402
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer  # noqa: E402

pytestmark = pytest.mark.slow  # `make check` is content with test_chat.py and test_tokenizer.py
logging.getLogger("mistral_common").setLevel(logging.ERROR)
DATA = Path(mistral_common.__file__).parent / "data"
FILES = {"v1": DATA / "tokenizer.model.v1", "v2": DATA / "mistral_instruct_tokenizer_240216.model.v2",
         "v3": DATA / "mistral_instruct_tokenizer_240323.model.v3",
         "v7": DATA / "mistral_instruct_tokenizer_241114.model.v7"}
SHARDS = [" ", "  ", "\t", "\n", "\r\n", "a", "the", "aaa", "ababa", "1", "=", "--", "[INST]", "[/INST]", "<s>", "</s>",
          "[AVAILABLE_TOOLS]", "[REFERENCE_DOC_1]", "<0x0A>", "<unk>", "▁", "é", "e\u0301", "ﬁ", "Ⅳ", "你好", "한",
          "🙂", "👩‍👩‍👧🏽", "\u200b", "\u3000", "\xa0", "\ufeff", "\x00", "\x7f", "\U0010ffff"]
AWKWARD = [*SHARDS, " x ", "\n\nx\n\n", "a" * 70, "=" * 70, "x" + " " * 37 + "y", "[INST] x [/INST] y</s>",
           "no [INST]here"]
texts = st.one_of(st.sampled_from(AWKWARD), st.lists(st.sampled_from(SHARDS), max_size=12).map("".join), st.text())


class Both:
    """One version's tokenizer, here and there."""

    def __init__(self, version):
        self.version, self.file = version, FILES[version]
        self.ours = load_tokenizer(self.file)
        self._theirs = {mode: MistralTokenizer.from_file(str(self.file), mode)
                        for mode in (ValidationMode.test, ValidationMode.finetuning)}
        self.their_encode = self._theirs[ValidationMode.test].instruct_tokenizer.tokenizer.encode

    def their_chat(self, messages):
        kinds = {"system": SystemMessage, "user": UserMessage, "assistant": AssistantMessage}
        request = ChatCompletionRequest(messages=[kinds[m["role"]](content=m["content"]) for m in messages])
        ends_in_answer = messages[-1]["role"] == "assistant"
        mode = ValidationMode.finetuning if ends_in_answer else ValidationMode.test
        return self._theirs[mode].encode_chat_completion(request).tokens


@pytest.fixture(scope="module", params=FILES)
def both(request):
    return Both(request.param)


def talk(*texts, system=None):
    messages = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]
    return ([{"role": "system", "content": system}] if system else []) + messages


@pytest.mark.parametrize("text", ["", *AWKWARD, *(" " * n for n in range(3, 40))])
def test_ids_of_awkward_text(both, text):
    assert both.ours.encode(text, bos=False) == both.their_encode(text, bos=False, eos=False)


@settings(max_examples=200)
@given(text=texts)
def test_ids_of_any_text(both, text):
    ids = both.ours.encode(text, bos=False)
    assert ids == both.their_encode(text, bos=False, eos=False)
    assert not set(ids) & set(both.ours.control_ids.values())
    assert both.ours.decode(ids) == text.replace("▁", " ")


@settings(max_examples=200)
@given(turns=st.lists(texts.filter(bool), min_size=1, max_size=6), system=texts)
@example(turns=["Hi", "Hello! ", "And?"], system="Be kind.")
@example(turns=["Hi", "  ", " \n"], system="")
@example(turns=["[INST] x [/INST] y</s>", "</s>", "<s>"], system="</s>")
def test_ids_of_any_conversation(both, turns, system):
    messages = talk(*turns, system=system)
    ids = encode_chat(messages, both.ours)
    assert ids == both.their_chat(messages) == encode_chat(messages, both.ours, both.version)
    assert ids.count(both.ours.eos_id) == len(turns) // 2 and ids.count(both.ours.bos_id) == 1
    if both.version != "v1":
        questions = (len(turns) + 1) // 2
        assert [ids.count(both.ours.control_ids[mark]) for mark in ("[INST]", "[/INST]")] == [questions, questions]


def test_where_the_system_message_goes(both):
    messages = talk("one", "two", "three", system="Be kind.")
    shown = both.ours.decode(encode_chat(messages, both.ours), skip_special=False)
    assert shown == {
        "v1": "<s> [INST] Be kind.\n\none [/INST] two</s> [INST] three [/INST]",
        "v7": "<s>[SYSTEM_PROMPT] Be kind.[/SYSTEM_PROMPT][INST] one[/INST] two</s>[INST] three[/INST]",
    }.get(both.version, "<s>[INST] one[/INST] two</s>[INST] Be kind.\n\nthree[/INST]")


def test_the_version_that_a_tokenizer_is_made_for(both):
    assert native_version(both.ours) == both.version
    assert both.ours.vocab_size == (32000 if both.version == "v1" else 32768)


def test_v3_needs_its_control_ids():
    with pytest.raises(ValueError, match='needs the control ids .* this tokenizer of 32000 ids lacks; .* "v1"'):
        encode_chat(talk("Hi"), load_tokenizer(FILES["v1"]), "7b-v0.3")


def test_an_empty_answer_is_its_end_alone(both):
    whole = encode_chat(talk("Hi", ""), both.ours)
    assert whole == [*encode_chat(talk("Hi"), both.ours), both.ours.eos_id]


def test_a_chat_reads_only_what_is_new(both):
    config = MistralConfig(dim=32, n_layers=1, head_dim=16, hidden_dim=32, n_heads=2, n_kv_heads=1, window_size=None,
                           context_len=512, vocab_size=both.ours.vocab_size)
    chat = Chat(Model(config), both.ours, max_tokens=4)
    chat("hello there")
    chat.messages[1]["content"] = "Hello to you."  # an answer's own text, whatever the random weights said
    known = encode_chat(chat.messages, both.ours)
    list(chat.stream("and then?"))
    pieces = list(chat.stream("and after that?"))
    assert pieces[0].reused_tokens >= len(known)
    assert pieces[0].prompt_tokens == len(encode_chat(chat.messages[:-1], both.ours))


def test_an_answer_is_shown_without_its_first_blank(both):
    prompt = encode_chat(talk("Hi  "), both.ours)
    stream = both.ours.stream(before=prompt)
    shown = "".join(stream.add(id) for id in both.ours.encode("Hello to you", bos=False))
    assert shown + stream.finish() == "Hello to you"


def test_a_model_file_is_found_in_its_folder(both, tmp_path):
    (tmp_path / "tokenizer.model.v3").write_bytes(both.file.read_bytes())
    assert load_tokenizer(tmp_path).encode("hello") == both.ours.encode("hello")


@pytest.mark.parametrize("style", ["normalizer", "pre_tokenizer"])
def test_a_tokenizer_json_of_the_same_pieces_gives_the_same_ids(both, style, tmp_path):
    """As converters write them for Hugging Face: the older files with a normalizer, the newer with Metaspace."""
    description = read_model(both.file)
    description["added_tokens"] = [token for token in description["added_tokens"] if token["special"]]
    if style == "normalizer":
        description["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
                                                                         description["normalizer"]]}
    else:
        description["normalizer"] = None
        description["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first",
                                        "split": False}
    (tmp_path / "tokenizer.json").write_text(json.dumps(description))
    tokenizer = load_tokenizer(tmp_path)
    messages = talk("[INST] Hi  ", " Hello</s> ", "\n\tAnd? 🙂 ", system="Be kind.")
    assert encode_chat(messages, tokenizer) == both.their_chat(messages)


def test_loading_is_quick():
    began = time.process_time()
    load_tokenizer(FILES["v3"])
    assert time.process_time() - began < 2


@pytest.mark.parametrize("data", [b"", b"{}", b"\x0a", FILES["v1"].read_bytes()[:100_001], b"\x0a\x02hi", bytes(100)])
def test_a_damaged_file_is_named(tmp_path, data):
    path = tmp_path / "tokenizer.model"
    path.write_bytes(data)
    with pytest.raises(UnreadableFile, match=r"tokenizer.model, of \d+ bytes, is not a complete SentencePiece model"):
        load_tokenizer(path)


def test_another_kind_of_model_is_refused(tmp_path):
    path = tmp_path / "tokenizer.model"
    path.write_bytes(FILES["v1"].read_bytes().replace(b"\x18\x02\x20\x80\xfa\x01", b"\x18\x01\x20\x80\xfa\x01"))
    with pytest.raises(UnsupportedCheckpoint, match="'type': 2, .* found {'type': 1"):
        load_tokenizer(path)
