"""A prompt in a form that the model does not know gets one line of advice."""
import json
import shutil
import warnings

from mistral_edu import Tokenizer, generate
from mistral_edu.commands import main
from mistral_edu.text.prompt import prompt_ids
from mistral_edu.tiny import FOLDER
from small_models import random_model

import pytest

MESSAGES = [{"role": "user", "content": "Hello!"}]


def tokenizer_in(folder, **files):
    """tiny's tokenizer in a folder of that name, with more files beside it."""
    folder.mkdir(parents=True)
    shutil.copy(FOLDER / "tokenizer.json", folder)
    for name, content in files.items():
        (folder / {"settings": "tokenizer_config.json", "template": "chat_template.jinja"}[name]).write_text(content)
    return Tokenizer(folder)


def hints(prompt, tokenizer, raw=False):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        prompt_ids(prompt, tokenizer, raw)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize("name, files, expected", [
    ("model", {}, None),
    ("Mistral-7B-Instruct-v0.1", {}, True),
    ("mistral-7b-instruct-v0.3-4bit", {"settings": "{}"}, True),
    ("hub/models--mistralai--Mistral-7B-Instruct-v0.2/snapshots/3ad372f", {}, True),
    ("hub/models--mistralai--Mistral-7B-v0.3/snapshots/d8cadc0", {"settings": "{}"}, False),
    ("model", {"settings": json.dumps({"chat_template": "{{ bos_token }}"})}, True),
    ("model", {"settings": "{}", "template": "{{ bos_token }}"}, True),
    ("instruct/model", {"settings": "{}"}, False),
])
def test_how_an_instruct_model_is_known(tmp_path, name, files, expected):
    assert tokenizer_in(tmp_path / name, **files).is_instruct is expected


def test_a_raw_prompt_to_an_instruct_model(tmp_path):
    tokenizer = tokenizer_in(tmp_path / "Instruct")
    (hint,) = hints("Once", tokenizer, raw=True)
    assert "this model answers messages" in hint and "\n" not in hint
    assert len(hints("[INST] Once [/INST]", tokenizer, raw=True)) == 1  # with control ids, such text is no mark
    assert hints("Once", tokenizer) == hints(MESSAGES, tokenizer) == hints(MESSAGES, tokenizer, raw=True) == []
    assert hints([1, 3, 500, 4], tokenizer, raw=True) == []


def test_a_message_to_a_base_model(tmp_path):
    tokenizer = tokenizer_in(tmp_path / "base", settings="{}")
    for prompt in ("Hello!", MESSAGES):
        (hint,) = hints(prompt, tokenizer)
        assert "seems to be a base model" in hint and "\n" not in hint
    assert hints("Once", tokenizer, raw=True) == hints([1, 500], tokenizer) == []


def test_tiny_hears_nothing():
    tokenizer = Tokenizer(FOLDER)
    assert hints("Once", tokenizer, raw=True) == hints("Hello!", tokenizer) == []


def test_a_v1_prompt_with_its_marks_written_by_hand_needs_no_hint(tmp_path):
    tokenizer = tokenizer_in(tmp_path / "Instruct")
    for name in ("[INST]", "[/INST]"):
        del tokenizer.control_ids[name]
    assert hints("[INST] Once [/INST]", tokenizer, raw=True) == []
    assert len(hints("Once", tokenizer, raw=True)) == 1


def test_the_hint_comes_once(tmp_path):
    tokenizer, model = tokenizer_in(tmp_path / "Instruct"), random_model()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            generate(model, tokenizer, "Once", raw=True, max_tokens=1)
    assert len(caught) == 1


def test_the_command_says_it_in_one_line_on_stderr(tmp_path, capsys):
    folder = tmp_path / "Tiny-Instruct"
    tokenizer_in(folder)
    for name in ("config.json", "model.safetensors"):
        (folder / name).symlink_to(FOLDER / name)
    assert main.main(["generate", "Once", "--raw", "--max-tokens", "1", "--model", str(folder)]) == 0
    assert capsys.readouterr().err == ("hint: this model answers messages, and a raw prompt lacks their marks, so it "
                                       "may ramble. Leave raw out to send the prompt as a message\n")
