"""Names on the Hugging Face hub, against a hub on this machine: what is fetched, and what goes wrong.

Each load is a process of its own, because huggingface_hub reads its environment when it is imported.
"""
import json
import shutil
import subprocess
import sys

from mistral_edu.checkpoints import hub
from small_authors import CONSOLIDATED_INDEX, write_authors, write_small_tekken
from small_checkpoints import INDEX, WEIGHTS, change_config, change_json, split, write_checkpoint
from small_hub import COMMIT, NAME, Hub

import pytest

LOAD = """
import json, sys
from mistral_edu import load, CheckpointError
try:
    model, tokenizer = load(sys.argv[1], **json.loads(sys.argv[2]))
    print(json.dumps({"layers": model.config.n_layers, "tokens": tokenizer.vocab_size}))
except (CheckpointError, OSError) as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error)}))
"""
LOADED = {"layers": 3, "tokens": 2048}


@pytest.fixture
def folder(tmp_path):
    """What a model's page on the hub holds: the files that are needed, and many that are not."""
    write_checkpoint(tmp_path / "page")
    for name in ("consolidated.safetensors", "pytorch_model.bin", "model.gguf", "README.md", "consolidated.00.pth",
                 "modeling_other.py", "params.json", "tekken.json", "consolidated.safetensors.index.json"):
        (tmp_path / "page" / name).write_text("not needed")
    return tmp_path / "page"


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def load(environment, name=NAME, **settings):
    done = subprocess.run([sys.executable, "-c", LOAD, name, json.dumps(settings)], env=environment,
                          capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_only_what_is_needed_is_fetched_and_later_loads_need_no_network(folder, cache):
    files = split(folder)
    with Hub(folder, cache) as hub:
        assert load(hub.environment) == LOADED
        assert hub.fetched == {"config.json", "tokenizer.json", INDEX, *files}
        assert {token for _, path, token in hub.asked if NAME in path} == {None}
        offline = hub.environment | {"HF_HUB_OFFLINE": "1"}
        asked = len(hub.asked)
        assert load(offline) == LOADED and len(hub.asked) == asked
    assert load(offline) == LOADED  # the server is gone
    without_server = {name: value for name, value in offline.items() if name != "HF_HUB_OFFLINE"}
    assert load(without_server) == LOADED


@pytest.mark.slow
def test_a_model_in_one_file_at_a_revision_with_a_token(folder, cache):
    with Hub(folder, cache, token="hf_secret") as hub:
        assert load(hub.environment, revision="v2", token="hf_secret") == LOADED
        assert hub.fetched == {"config.json", "tokenizer.json", WEIGHTS}
        asked = [path for _, path, _ in hub.asked if path.endswith("/revision/v2")]
        assert len(asked) == 2  # before and after the memory check; the files of one model are all of one commit
        assert all(COMMIT in path for _, path, _ in hub.asked if "/resolve/" in path)
        assert {token for _, path, token in hub.asked if NAME in path} == {"Bearer hf_secret"}


def expect(answer, *parts):
    assert answer["error"] == "UnavailableCheckpoint"
    for part in parts:
        assert part in answer["message"]
    assert "hf_secret" not in answer["message"]


@pytest.mark.slow
def test_what_the_hub_does_not_give(folder, cache):
    with Hub(folder, cache) as hub:
        expect(load(hub.environment, "nobody/nothing"), "there is no folder nobody/nothing here",
               "the hub knows no such model", "spelling")
        expect(load(hub.environment, revision="v9"), f"does not give {NAME} at revision v9", "no such revision")
        offline = hub.environment | {"HF_HUB_OFFLINE": "1"}
        expect(load(offline), "not in the cache", "HF_HUB_OFFLINE")
    with Hub(folder, cache, token="hf_secret") as hub:
        expect(load(hub.environment), "its authors ask for consent first", "token=")


@pytest.mark.slow
def test_only_pickles_on_the_hub(folder, cache):
    (folder / WEIGHTS).unlink()
    with Hub(folder, cache) as hub:
        answer = load(hub.environment)
        assert answer["error"] == "UnsupportedCheckpoint"
        assert f"neither {INDEX} nor {WEIGHTS}" in answer["message"] and ".bin" in answer["message"]
        assert hub.fetched == {"config.json", "tokenizer.json"}


@pytest.mark.slow
def test_what_does_not_fit_into_memory_is_not_fetched(folder, cache):
    change_config(folder, num_hidden_layers=900, hidden_size=8192, intermediate_size=32768)  # 2.9 TB
    with Hub(folder, cache) as hub:
        answer = load(hub.environment)
        assert answer["error"] == "NotEnoughMemory" and f"{NAME} needs 2912.8 GB" in answer["message"]
        assert hub.fetched == {"config.json", "tokenizer.json"}


# --- the authors' own layout ---

@pytest.fixture
def authors(folder):
    """The same page without config.json: what is there besides is read."""
    shutil.rmtree(folder)
    names = [f"consolidated-0000{n}-of-00002.safetensors" for n in (1, 2)]
    write_authors(folder, files=names, index=True)
    for name in ("consolidated.00.pth", "README.md", "model.gguf"):
        (folder / name).write_text("not needed")
    return folder


def load_authors(hub, **settings):
    answer = load(hub.environment, **settings)
    assert answer == {"layers": 3, "tokens": 1030}


@pytest.mark.slow
def test_a_page_in_the_authors_layout(authors, cache):
    small = {"params.json", "tekken.json", CONSOLIDATED_INDEX}
    with Hub(authors, cache) as hub:
        load_authors(hub)
        assert hub.fetched == small | {f"consolidated-0000{n}-of-00002.safetensors" for n in (1, 2)}
        assert all(COMMIT in path for _, path, _ in hub.asked if "/resolve/" in path)
        asked = len(hub.asked)
        offline = hub.environment | {"HF_HUB_OFFLINE": "1"}
        assert load(offline) == {"layers": 3, "tokens": 1030} and len(hub.asked) == asked


@pytest.mark.slow
def test_a_page_in_the_authors_layout_with_one_file(authors, cache):
    shutil.rmtree(authors)
    write_authors(authors)
    with Hub(authors, cache) as hub:
        load_authors(hub, revision="v2")
        assert hub.fetched == {"params.json", "tekken.json", "consolidated.safetensors"}


@pytest.mark.slow
def test_a_large_model_in_the_authors_layout_is_not_fetched(authors, cache):
    change_json(authors / "params.json", lambda params: params.update(n_layers=900, dim=8192, hidden_dim=32768))
    with Hub(authors, cache) as hub:
        answer = load(hub.environment)
        assert answer["error"] == "NotEnoughMemory" and f"{NAME} needs" in answer["message"]
        assert hub.fetched == {"params.json", "tekken.json", CONSOLIDATED_INDEX}


@pytest.mark.slow
def test_only_pickles_in_the_authors_layout(authors, cache):
    for file in authors.glob("consolidated*safetensors*"):
        file.unlink()
    with Hub(authors, cache) as hub:
        answer = load(hub.environment)
        assert answer["error"] == "UnsupportedCheckpoint" and ".pth" in answer["message"]
        assert f"neither {CONSOLIDATED_INDEX} nor consolidated.safetensors" in answer["message"]
        assert hub.fetched == {"params.json", "tekken.json"}


@pytest.mark.slow
def test_tekken_is_fetched_where_there_is_no_other_tokenizer(folder, cache):
    (folder / "tokenizer.json").unlink()
    write_small_tekken(folder / "tekken.json")
    with Hub(folder, cache) as hub:
        load_authors(hub)
        assert hub.fetched == {"config.json", "tekken.json", WEIGHTS}


@pytest.mark.slow
def test_an_adapter_on_the_hub_says_so(folder, cache):
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "mistralai/Mistral-7B-v0.1"}')
    (folder / "adapter_model.safetensors").write_text("not needed")
    with Hub(folder, cache) as hub:
        answer = load(hub.environment)
        assert answer["error"] == "UnsupportedCheckpoint"
        assert "adapter (LoRA) for mistralai/Mistral-7B-v0.1" in answer["message"]
        assert hub.fetched == {"adapter_config.json"}


def test_configuration_and_tokenizer_come_without_weights(folder, cache):
    code = f"from mistral_edu import *; print(load_config({NAME!r}).dim, load_tokenizer({NAME!r}).vocab_size)"
    with Hub(folder, cache) as hub:
        done = subprocess.run([sys.executable, "-c", code], env=hub.environment, capture_output=True, text=True)
        assert done.stdout == "64 2048\n", done.stderr
        assert hub.fetched == {"config.json", "tokenizer.json"}


def test_a_folder_comes_before_the_hub(folder, monkeypatch):
    import mistral_edu
    monkeypatch.chdir(folder.parent)
    (folder.parent / "somebody").mkdir()
    folder.rename(folder.parent / NAME)
    assert mistral_edu.load_config(NAME).n_layers == 3


@pytest.mark.parametrize("name", ["tiny", "a/b/c", "/a/b", "~/b", "../b", "./b", "a/", "a b/c", "a/b?"])
def test_what_is_no_name_of_the_hub(name):
    assert not hub.is_hub_name(name)
