"""Files as others train and save them: more ends, a training's settings, a copy too many, more rows than ids."""
import json

from mistral_edu import generate, load, load_model, load_tokenizer, stream_generate
from mistral_edu.checkpoints.errors import CheckpointError, UnreadableFile, UnsupportedCheckpoint, WeightMismatch
from mistral_edu.text.end_tokens import end_ids
from mistral_edu.tiny import FOLDER
from mistral_edu.tokenizer import Tokenizer
from small_checkpoints import INDEX, WEIGHTS, change_config, change_json, change_weights, split, write_checkpoint
from small_models import random_model
from small_tokenizers import KINDS

import mlx.core as mx
import pytest


@pytest.fixture
def folder(tmp_path):
    """tiny's tokenizer beside a config.json, with a control token more, <|im_end|>."""
    described = json.loads((FOLDER / "tokenizer.json").read_text(encoding="utf-8"))
    described["added_tokens"].append({**described["added_tokens"][0], "content": "<|im_end|>", "id": 2048})
    (tmp_path / "tokenizer.json").write_text(json.dumps(described), encoding="utf-8")
    return tmp_path


def say(folder, **files):
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


# ---- which tokens end an answer ----
@pytest.mark.parametrize("files, expected", [
    ({}, {2}),
    ({"config": {"eos_token_id": 2048}}, {2, 2048}),
    ({"generation_config": {"eos_token_id": [2, 2048]}}, {2, 2048}),
    ({"config": {"eos_token_id": None}, "generation_config": {"eos_token_id": 7}}, {2, 7}),
    ({"tokenizer_config": {"eos_token": "<|im_end|>"}}, {2, 2048}),
    ({"tokenizer_config": {"eos_token": {"content": "<|im_end|>", "special": True}}}, {2, 2048}),
    ({"tokenizer_config": {"eos_token": "<|nowhere|>"}}, {2}),
    ({"config": {"eos_token_id": 5}, "generation_config": {"eos_token_id": [6]}, "tokenizer_config":
      {"eos_token": "<|im_end|>"}}, {2, 5, 6, 2048})], ids=str)
def test_all_ends_that_the_files_name_are_known(folder, files, expected):
    say(folder, **files)
    assert Tokenizer(folder).end_ids == expected


@pytest.mark.parametrize("value", ["</s>", -1, 2.0, True, [2, "x"], {"id": 2}], ids=repr)
def test_an_end_that_is_no_id_is_named(folder, value):
    say(folder, generation_config={"eos_token_id": value})
    with pytest.raises(UnsupportedCheckpoint, match="generation_config.json: eos_token_id is .*expected the id"):
        Tokenizer(folder)


@pytest.mark.parametrize("text", ["{", "[" * 5000], ids=["cut off", "nested"])
def test_a_broken_file_of_ends_is_named(folder, text):
    (folder / "generation_config.json").write_text(text)
    with pytest.raises(UnreadableFile, match="generation_config.json is not valid JSON"):
        Tokenizer(folder)


def test_a_list_where_settings_should_be_says_nothing(folder):
    say(folder, config=[1, 2])
    assert end_ids(folder, {}.get) == frozenset()


class Says:
    """A model that says these ids, one after the other, whatever it reads."""

    def __init__(self, ids, vocab_size):
        self.model = random_model(vocab_size=vocab_size)
        self.config, self.ids, self.make_cache = self.model.config, list(ids), self.model.make_cache

    def __call__(self, tokens, cache=None, mask=None, last_only=False):
        self.model(tokens, cache)
        logits = mx.zeros((1, 1, self.config.vocab_size))
        logits[0, 0, self.ids.pop(0)] = 9.0
        return logits


def test_an_answer_ends_at_each_of_them_and_shows_none(folder):
    say(folder, config={"eos_token_id": 2048})
    tokenizer = Tokenizer(folder)
    hi = tokenizer.encode("hi", bos=False)
    for end in (2, 2048):
        *_, last = pieces = list(stream_generate(Says([*hi, end, *hi], 2049), tokenizer, [1, 5], max_tokens=9))
        assert last.finish_reason == "stop" and last.token == end
        assert "".join(piece.text for piece in pieces) == tokenizer.decode(hi)


def test_a_stop_string_that_is_a_control_token_stops(folder):
    tokenizer = Tokenizer(folder)
    hi = tokenizer.encode("hi", bos=False)
    model = Says([*hi, 2048, *hi], 2049)
    *_, last = pieces = list(stream_generate(model, tokenizer, [1, 5], max_tokens=9, stop="<|im_end|>"))
    assert last.finish_reason == "stop_string" and "".join(piece.text for piece in pieces) == tokenizer.decode(hi)


# ---- what a training leaves in a tokenizer ----
@pytest.mark.parametrize("kind", [*KINDS])
def test_truncation_padding_and_dropout_of_a_training_are_switched_off(kind, tmp_path):
    path = KINDS[kind](tmp_path / "tokenizer.json")
    text = "the world of words is a large one, and a long text stays whole " * 3
    expected = Tokenizer(path).encode(text)
    described = json.loads(path.read_text(encoding="utf-8"))
    described["truncation"] = {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0}
    described["padding"] = {"strategy": {"Fixed": 400}, "direction": "Left", "pad_to_multiple_of": None, "pad_id": 2,
                            "pad_type_id": 0, "pad_token": "</s>"}
    described["model"]["dropout"] = 0.5
    path.write_text(json.dumps(described), encoding="utf-8")
    trained_further = Tokenizer(path)
    assert all(trained_further.encode(text) == expected for _ in range(5))
    assert trained_further.encode("a") == Tokenizer(path).encode("a") and len(trained_further.encode("a")) < 5


# ---- a tied model that holds its output layer as well ----
def tied_with_copy(folder):
    write_checkpoint(folder, random_model(tie_embeddings=True))
    copy = mx.load(str(folder / WEIGHTS))["model.embed_tokens.weight"]
    change_weights(folder, lambda weights: weights.update({"lm_head.weight": copy}))
    return folder


def test_the_copy_of_a_tied_model_is_not_used(tmp_path):
    tokens, folder = mx.array([[1, 5, 9]]), tied_with_copy(tmp_path)
    with_copy = load_model(folder)(tokens)
    change_weights(folder, lambda weights: weights.pop("lm_head.weight"))
    assert mx.array_equal(with_copy, load_model(folder)(tokens))


@pytest.mark.parametrize("in_files", [True, False])
def test_neither_is_one_that_an_index_names(tmp_path, in_files):
    folder = tied_with_copy(tmp_path)
    split(folder)
    if not in_files:
        change_weights(folder, lambda weights: weights.pop("lm_head.weight"),
                       json.loads((folder / INDEX).read_text())["weight_map"]["lm_head.weight"])
    assert load_model(folder)(mx.array([[1, 5]])).shape[-1] == random_model().config.vocab_size


def test_a_model_that_is_not_tied_still_needs_it(tmp_path):
    folder = tied_with_copy(tmp_path)
    change_config(folder, tie_word_embeddings=False)
    load_model(folder)
    change_weights(folder, lambda weights: weights.pop("lm_head.weight"))
    with pytest.raises(WeightMismatch, match="lm_head.weight is missing"):
        load_model(folder)


# ---- a tokenizer and a model of different sizes ----
def with_model(folder, vocab_size):
    """A small model with so many rows, beside the tokenizer of the folder."""
    file = folder / "tokenizer.json"
    described = file.read_text(encoding="utf-8")
    write_checkpoint(folder, random_model(vocab_size=vocab_size))
    file.write_text(described, encoding="utf-8")
    return folder


def test_a_control_token_without_a_row_is_fine(folder):
    """<|im_end|> has the id 2048, and the model has the rows 0 to 2047."""
    model, tokenizer = load(with_model(folder, 2048))
    assert generate(model, tokenizer, "What is <|im_end|> 3 + 4?", max_tokens=4) is not None


def test_a_text_token_without_a_row_is_not(folder):
    change_json(folder / "tokenizer.json", lambda described: described["added_tokens"][-1].update(special=False))
    with pytest.raises(CheckpointError, match="of different models"):
        load(with_model(folder, 2048))


def test_rows_that_no_token_has_are_never_chosen(folder):
    model, tokenizer = load(with_model(folder, 2100))
    model.lm_head.weight[2049:] = 100 * mx.abs(model.lm_head.weight[2049:])
    for settings in (dict(), dict(temperature=1.5, seed=3)):
        pieces = list(stream_generate(model, tokenizer, "Hello", max_tokens=12, logprobs=3, **settings))
        assert all(piece.token < 2049 for piece in pieces)
    assert max(generate(model, None, [1, 5], max_tokens=12)) >= 2049    # without a tokenizer nobody knows better


def test_the_embedded_model_is_as_it_was():
    assert load_tokenizer().end_ids == {2} and load_tokenizer().n_ids == 2048
