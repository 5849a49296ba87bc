"""The chat formats of Tekken, v3 and v7, compared with mistral-common; and how files tell the formats apart."""
import json
import logging
import warnings

from mistral_edu import encode_chat, load_tokenizer
from mistral_edu.chat import native_version
from mistral_edu.text.tekken import read_tekken
from small_authors import DATA, write_small_tekken

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mistral_common.protocol.instruct.messages import AssistantMessage, SystemMessage, UserMessage
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import ValidationMode
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

pytestmark = pytest.mark.slow
logging.getLogger("mistral_common").setLevel(logging.ERROR)
KINDS = {"system": SystemMessage, "user": UserMessage, "assistant": AssistantMessage}
texts = st.one_of(st.text(min_size=1),
                  st.sampled_from(["Hi", " Hi ", "a\n\nb", "[INST] x [/INST]</s>", "  ", "[SYSTEM_PROMPT]"]))


def talk(*said, system=None):
    messages = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(said)]
    return ([{"role": "system", "content": system}] if system is not None else []) + messages


class Both:
    def __init__(self, folder, version):
        self.version, path = version, folder / "tekken.json"
        told = json.loads((DATA / "tekken_240718.json").read_text(encoding="utf-8"))
        told["config"]["version"] = version
        path.write_text(json.dumps(told), encoding="utf-8")
        self.ours = load_tokenizer(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._theirs = {mode: MistralTokenizer.from_file(str(path), mode)
                            for mode in (ValidationMode.test, ValidationMode.finetuning)}

    def their_chat(self, messages):
        request = ChatCompletionRequest(messages=[KINDS[m["role"]](content=m["content"]) for m in messages])
        mode = ValidationMode.finetuning if messages[-1]["role"] == "assistant" else ValidationMode.test
        return self._theirs[mode].encode_chat_completion(request).tokens


@pytest.fixture(scope="module", params=["v3", "v7"])
def both(request, tmp_path_factory):
    return Both(tmp_path_factory.mktemp(request.param), request.param)


@settings(max_examples=100, deadline=None)
@given(said=st.lists(texts, min_size=1, max_size=5), system=st.none() | texts)
def test_ids_of_any_conversation(both, said, system):
    said = [text if n % 2 == 0 or text.rstrip(" ") else "x" for n, text in enumerate(said)]
    messages = talk(*said, system=system)
    assert encode_chat(messages, both.ours) == both.their_chat(messages)
    assert native_version(both.ours) == both.ours.spoken == f"{both.version}-tekken"


def test_no_blank_and_no_blank_dropped(both):
    ids = encode_chat(talk("Hello", "Hi there", "And now?", system="Be brief."), both.ours)
    assert both.ours.decode(ids, skip_special=False) == {
        "v3": "<s>[INST]Hello[/INST]Hi there</s>[INST]Be brief.\n\nAnd now?[/INST]",
        "v7": "<s>[SYSTEM_PROMPT]Be brief.[/SYSTEM_PROMPT][INST]Hello[/INST]Hi there</s>[INST]And now?[/INST]",
    }[both.version]
    stream = both.ours.stream(before=ids)
    assert "".join(map(stream.add, both.ours.encode(" Hi", bos=False))) + stream.finish() == " Hi"


@pytest.mark.parametrize("version", ["v11", "v13"])
def test_later_versions_write_text_as_v7_does(version, tmp_path):
    """mistral-common 1.5.6 does not know them; 1.13.1 was seen to give the same ids as for v7."""
    later, seven = (load_tokenizer(write_small_tekken(tmp_path / f"tekken_{name}.json", version=name))
                    for name in (version, "v7"))
    messages = talk("Hello", "Hi", "And?", system="Be brief.")
    assert encode_chat(messages, later) == encode_chat(messages, seven) and later.spoken == version


@pytest.mark.parametrize("version", ["v15", "v99"])
def test_a_version_that_is_not_known_is_asked_for(version, tmp_path):
    tokenizer = load_tokenizer(write_small_tekken(tmp_path / "tekken.json", version=version))
    with pytest.raises(ValueError, match=f"made for chat format {version}, which is not known .* version='v7-tekken'"):
        encode_chat(talk("Hello"), tokenizer)
    assert encode_chat(talk("Hello"), tokenizer, version="v7-tekken")


def as_tokenizer_json(folder, names, template=None):
    """Tekken as Hugging Face has it: a tokenizer.json that says nothing of a version. names: of its control tokens."""
    folder.mkdir()
    special = [{"rank": rank, "token_str": name, "is_control": True} for rank, name in enumerate(names)]
    _, tokenizer = read_tekken(write_small_tekken(folder / "tekken.json", special_tokens=special))
    (folder / "tekken.json").unlink()
    tokenizer.save(str(folder / "tokenizer.json"))
    if template:
        (folder / "chat_template.jinja").write_text(template)
    return load_tokenizer(folder)


OLD = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]
NEW = [*OLD, "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"]
TEMPLATE_3 = ("{{ bos_token }}{% for m in messages %}{% if m.role == 'assistant' %}{{ m.content }}</s>"
              "{% elif m.role == 'user' %}[INST]{% if loop.last and messages[0].role == 'system' %}"
              "{{ messages[0].content + '\n\n' }}{% endif %}{{ m.content }}[/INST]{% endif %}{% endfor %}")
TEMPLATE_7 = ("{{ bos_token }}{% if messages[0].role != 'system' %}[SYSTEM_PROMPT]You are kind.[/SYSTEM_PROMPT]"
              "{% endif %}{% for m in messages %}"
              "{% if m.role == 'system' %}[SYSTEM_PROMPT]{{ m.content }}[/SYSTEM_PROMPT]"
              "{% elif m.role == 'user' %}[INST]{{ m.content }}[/INST]{% else %}{{ m.content }}</s>{% endif %}"
              "{% endfor %}")


@pytest.mark.parametrize("names, template, version", [
    (OLD, None, "v3-tekken"), (OLD, TEMPLATE_3, "v3-tekken"), (NEW, None, "v7-tekken"), (NEW, TEMPLATE_7, "v7-tekken"),
    (NEW, TEMPLATE_3, "v3-tekken")])
def test_the_files_tell_the_formats_apart(names, template, version, tmp_path):
    tokenizer = as_tokenizer_json(tmp_path / "model", names, template)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert tokenizer.spoken == version
    adds_a_text = template == TEMPLATE_7              # which the authors' encoder does not: told, and not sent
    assert [("You are kind." in str(each.message)) for each in caught] == [True] * adds_a_text
    shown = tokenizer.decode(encode_chat(talk("Hello", system="Be brief."), tokenizer), skip_special=False)
    assert shown == ("<s>[SYSTEM_PROMPT]Be brief.[/SYSTEM_PROMPT][INST]Hello[/INST]" if version == "v7-tekken"
                     else "<s>[INST]Be brief.\n\nHello[/INST]")
