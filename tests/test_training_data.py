"""Documents become rows: whole, reproducible, and none of the exam's prompts among them."""
import random

from mistral_edu import encode_chat, load_tokenizer
from mistral_edu.tiny import FOLDER
from mistral_edu.tiny.training import data
from mistral_edu.tiny.world import held_out, prompts, sample

import numpy as np
import pytest
from tokenizers import Tokenizer as BareTokenizer

pytestmark = pytest.mark.slow      # what the embedded model was trained on changes seldom

L = 1024


@pytest.fixture(scope="module")
def bare():
    return BareTokenizer.from_file(str(FOLDER / "tokenizer.json"))


def documents_of(row):
    """A row cut at its <s>: lists of ids with their classes, padding removed."""
    row = np.trim_zeros(row, "b")
    ids, _ = data.split_bits(row)
    starts = [*np.flatnonzero(ids == data.BOS), len(row)]
    return [row[a:b].tolist() for a, b in zip(starts, starts[1:])]


def test_a_document_has_the_ids_that_encode_chat_gives(bare):
    tokenizer, r = load_tokenizer("tiny"), random.Random(3)
    compared = 0
    for _ in range(60):
        document = sample(r)
        if not document.turns:
            continue
        (row,) = data.encode_documents(bare, [document])
        messages = []
        for user, assistant in document.turns:
            messages += [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]
        assert data.split_bits(np.array(row))[0].tolist() == encode_chat(messages, tokenizer)
        compared += 1
    assert compared > 40


def test_answers_are_marked_and_prompts_are_not(bare):
    document = sample(random.Random(0), "train", "arithmetic")
    (row,) = data.encode_documents(bare, [document])
    ids, classes = data.split_bits(np.array(row))
    end = ids.tolist().index(data.END_INST)
    assert set(classes[: end + 1]) == {data.PROMPT}
    assert classes[end + 1] == data.EXACT and ids[-1] == data.EOS and classes[-1] == data.EXACT


def test_a_retelling_is_exact_where_the_first_telling_is_free(bare):
    r = random.Random(0)
    document = next(d for d in iter(lambda: sample(r, "train", "follow_up"), None) if d.task == "follow_again")
    (row,) = data.encode_documents(bare, [document])
    ids, classes = data.split_bits(np.array(row))
    first, second = np.flatnonzero(ids == data.END_INST)[:2]
    assert classes[first + 1] == data.FREE and classes[second + 1] == data.EXACT


def test_rows_hold_whole_documents_with_little_padding(bare):
    rows = data.make_rows(bare, "whole", 24, L)
    assert rows.shape == (24, L) and rows.dtype == np.uint16
    for row in rows:
        for document in documents_of(row):
            ids, _ = data.split_bits(np.array(document))
            assert ids[0] == data.BOS and ids[-1] == data.EOS
            assert (ids == data.INST).sum() == (ids == data.END_INST).sum()
    assert (rows == 0).mean() < 0.05


def test_a_shard_depends_on_its_seed_alone(bare):
    once, again, other = (data.make_rows(bare, seed, 4, L) for seed in ("0/1", "0/1", "0/2"))
    assert (once == again).all() and not (once == other).all()


def test_left_out_prompts_do_not_come(bare):
    told = [sample(random.Random("0/7")) for _ in range(1)]
    left_out = {data.digest(p) for p in prompts(told[0])}
    with_all = data.make_rows(bare, "0/7", 40, L)
    without = data.make_rows(bare, "0/7", 40, L, left_out=left_out)
    first = next(data.encode_documents(bare, told))
    in_rows = lambda rows: any(document == first for row in rows for document in documents_of(row))
    assert in_rows(with_all) or not told[0].turns
    assert not left_out or not in_rows(without)


@pytest.mark.slow
def test_a_stream_goes_on_where_it_stopped(monkeypatch):
    monkeypatch.setattr(data, "SHARD_ROWS", 6)
    whole = data.RowStream(FOLDER / "tokenizer.json", L, seed=5)
    expected = whole.take(14)
    first = data.RowStream(FOLDER / "tokenizer.json", L, seed=5)
    assert (first.take(4) == expected[:4]).all()
    assert (first.take(5) == expected[4:9]).all() and first.position == 9
    resumed = data.RowStream(FOLDER / "tokenizer.json", L, seed=5, position=9)
    assert (resumed.take(5) == expected[9:]).all()


@pytest.mark.slow
def test_worker_processes_tell_the_same_rows():
    alone = data.RowStream(FOLDER / "tokenizer.json", L, seed=5)
    pool = data.RowStream(FOLDER / "tokenizer.json", L, seed=5, workers=1)
    try:
        assert (pool.take(3) == alone.take(3)).all()
    finally:
        pool.close()


@pytest.mark.slow
def test_a_dead_worker_is_reported_and_a_closed_stream_leaves_none():
    stream = data.RowStream(FOLDER / "tokenizer.json", L, seed=5, workers=1)
    stream._workers[0].kill()
    with pytest.raises(RuntimeError, match="has died.*--workers"):
        stream.take(10 * data.SHARD_ROWS)
    stream.close()
    assert not any(worker.is_alive() for worker in stream._workers)


def test_a_vocabulary_is_learned_the_same_way_twice(tmp_path):
    for name in ("a", "b"):
        data.train_tokenizer(tmp_path / name, 400, n_documents=200)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    learned = BareTokenizer.from_file(str(tmp_path / "a"))
    assert learned.get_vocab_size() == 400
    assert [learned.token_to_id(t) for t in data.CONTROL] == [0, 1, 2, 3, 4]
    assert learned.encode(" 17", add_special_tokens=False).tokens[-2:] == ["1", "7"]
    assert list(tmp_path.iterdir()) and not list(tmp_path.glob("*.part"))


def test_no_held_out_key_is_sampled_for_training():
    r = random.Random(11)
    assert not any(held_out(sample(r).key) for _ in range(500))
    assert all(held_out(sample(r, "test").key) for _ in range(100))
