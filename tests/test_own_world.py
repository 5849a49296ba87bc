"""A world of one's own: the guide's file is one, its splits are apart, and what is no world is refused in words."""
import random
import re
from pathlib import Path

from mistral_edu.tiny import FOLDER
from mistral_edu.tiny.training.data import RowStream, split_bits
from mistral_edu.tiny.world.own import held_out_documents, own_world

import pytest
from tokenizers import Tokenizer

GUIDE = (Path(__file__).parents[1] / "docs/train_your_own_world.md").read_text(encoding="utf-8")


@pytest.fixture
def bakery(tmp_path):
    """The file of the guide."""
    path = tmp_path / "bakery.py"
    path.write_text(re.search(r"```python\n(.*?)```", GUIDE, flags=re.S)[1], encoding="utf-8")
    return path


def test_the_guides_world_tells_both_splits_and_they_share_no_question(bakery):
    world, r = own_world(str(bakery)), random.Random(0)
    train, test = ({world.sample(r, split).turns[0] for _ in range(400)} for split in ("train", "test"))
    assert ("How much is a cake?", "A cake costs nine coins.") in train | test
    assert not {question for question, _ in train} & {question for question, _ in test}
    assert len(test) >= 6


def test_the_guides_look_at_a_world_prints_what_it_says(bakery, monkeypatch, capsys):
    monkeypatch.chdir(bakery.parent)
    exec(re.findall(r"```python\n(.*?)```", GUIDE, flags=re.S)[1], {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "('I would like nine buns, please.', 'Here are your nine buns.')" and lines[0] in GUIDE
    assert len(lines) == 5 + 7 and "price 5, order 7" in GUIDE  # the seven orders that are held out
    assert not set(lines[:5]) & set(lines[5:])


def test_held_out_documents_are_the_same_each_time_and_of_one_maker(bakery):
    world = own_world(str(bakery))
    documents = held_out_documents(world, "order", 5)
    assert documents == held_out_documents(world, "order", 5) and {each.task for each in documents} == {"order"}
    questions = [each.turns[0][0] for each in documents]
    assert len(set(questions)) == len(questions) > 1


def test_rows_are_told_from_the_file_alone(bakery):
    rows = RowStream(FOLDER / "tokenizer.json", 128, seed=0, world=str(bakery))
    ids, _ = split_bits(rows.take(1)[0])
    text = Tokenizer.from_file(str(FOLDER / "tokenizer.json")).decode(ids.tolist())
    assert "coins" in text or "Here are your" in text


@pytest.mark.parametrize("source, words", [
    ("x = 1", "it has no MIX"),
    ("MIX = {'price': 1}", "a dictionary of functions"),
    ("def f(r): return 'only a question'\nMIX = {f: 1}", "f should return (question, answer, content)"),
    ("def f(r): return 'Hello.', 'Hi.', 0\nMIX = {f: 1}", "for the test split in 10,000 draws"),
    ("def f(r) return 1", "mine.py stopped in line 1: SyntaxError: "),
    ("x = 1\ny = z", "mine.py stopped in line 2: NameError: name 'z' is not defined"),
    ("def f(r):\n    return g(r)\ndef g(r):\n    return 1 / 0\nMIX = {f: 1}",
     "mine.py: f stopped in line 4: ZeroDivisionError"),
    ("def f(): pass\nMIX = {f: 1}", "mine.py: f stopped: TypeError: f() takes 0 positional arguments"),
    ("def f(r): pass\nMIX = {f: -1}",
     "mine.py: the shares in MIX should be numbers of at least 0, not all of them 0; found f: -1"),
    ("def f(r): pass\nMIX = {f: 0}", "found f: 0"),
    ("def f(r): pass\nMIX = {f: 'often'}", "found f: 'often'"),
    ("def f(r): pass\ng = f\ndef f(r): pass\nMIX = {f: 1, g: 1}", "mine.py: each maker in MIX needs a name of its own"),
])
def test_what_is_no_world_is_refused_in_words(tmp_path, source, words):
    path = tmp_path / "mine.py"
    path.write_text(source)
    with pytest.raises(ValueError, match=re.escape(words)):
        own_world(str(path)).sample(random.Random(0), "test")


def test_a_maker_that_draws_from_elsewhere_is_found_out(bakery):
    own_world(bakery).try_out()
    drawn = bakery.read_text().replace("r.choice(NUMBERS)", "random.choice(NUMBERS)")
    bakery.write_text(drawn.replace("PRICES =", "import random\nPRICES ="))
    with pytest.raises(ValueError, match="bakery.py: from the same r, order made .* and then .*Draw everything from r"):
        own_world(bakery).try_out()


def test_a_file_that_was_mended_is_read_anew(tmp_path):
    path = tmp_path / "mine.py"
    for name in ("ask", "say"):
        path.write_text(f"def {name}(r): pass\nMIX = {{{name}: 1}}")
        assert list(own_world(path).makers) == [name]


@pytest.mark.slow
def test_what_a_worker_cannot_tell_is_said_by_the_trainer(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def f(r): return 1 / 0\nMIX = {f: 1}")
    with pytest.raises(ValueError, match="mine.py: f stopped in line 1: ZeroDivisionError"):
        RowStream(FOLDER / "tokenizer.json", 128, workers=1, world=str(path))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.py"):
        own_world(str(tmp_path / "nowhere.py"))
