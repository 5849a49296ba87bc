"""`mistral-edu chat --api` with the real server of mlx-lm, which serves what `mistral-edu convert` wrote.

mlx-lm lives in an environment of its own, as for `mistral-edu bench --compare`; where there is none, one is made in the
cache of pytest, once. Everything is compared in float32: in 16 bit, a story may turn on how each rounds.
"""
import os
import re
import socket
import subprocess
import time
from pathlib import Path

from mistral_edu import Chat, convert, encode_chat, load
from mistral_edu.bench import peers
from mistral_edu.commands import chat
from mistral_edu.served.chat import ServedChat, served_model, served_stats
from mistral_edu.served.server import Server, ServerError
from small_person import presses_ctrl_c

import pytest

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).parents[1] / "docs/serving.md").read_text(encoding="utf-8")
(TEMPLATE,) = re.findall(r"--chat-template '(.*?)'", PAGE)
QUESTIONS = ["Tell me a story about a red ball.", "Hello!", "What is 7 plus 5?", "Who are you?"]


@pytest.fixture(scope="module")
def python(pytestconfig, tmp_path_factory):
    """The Python of an environment in which mlx-lm is installed."""
    place = peers.default_place()
    if not peers.python_of("mlx-lm", place).exists():
        cache = getattr(pytestconfig, "cache", None)
        place = cache.mkdir("peers") if cache else tmp_path_factory.mktemp("peers")
    try:
        peers.set_up("mlx-lm", place)
    except ValueError as error:
        pytest.skip(f"mlx-lm cannot be installed here: {str(error).splitlines()[-1]}")
    return peers.python_of("mlx-lm", place)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """`tiny`, converted: {bits: folder}."""
    place = tmp_path_factory.mktemp("converted")
    return {16: convert("tiny", place / "tiny-16bit", bits=None, dtype="float32"),
            4: convert("tiny", place / "tiny-4bit", bits=4, dtype="float32")}


class MlxLm:
    """In a with block: mlx-lm's server with a folder. .server leads there."""

    def __init__(self, python, folder, home, *options):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.server, self.log = Server(f"http://127.0.0.1:{port}", limit=300), home / f"server-{port}.log"
        self.command = [str(python), "-s", "-E", "-m", "mlx_lm", "server", "--model", str(folder), "--port", str(port),
                        *options]
        self.environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home)}

    def __enter__(self):
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.environment)
        deadline = time.monotonic() + 300
        while True:
            try:
                self.server.models()
                return self
            except ServerError:
                said = self.log.read_text()
                assert self.process.poll() is None and time.monotonic() < deadline, said[-2000:]
                time.sleep(0.5)

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def served(python, folders, tmp_path_factory):
    with MlxLm(python, folders[16], tmp_path_factory.mktemp("home"), "--chat-template", TEMPLATE) as server:
        yield server.server


def last_of(stream):
    *_, last = stream
    return last


@pytest.mark.parametrize("bits", [16, 4])
def test_the_server_answers_as_the_model_does_here(served, folders, bits):
    """The same folder, the same prompts, token for token; read by two programs that share nothing but MLX."""
    model, tokenizer = load(str(folders[bits]))
    for question in QUESTIONS:
        here = Chat(model, tokenizer, max_tokens=60)
        there = ServedChat(served, str(folders[bits]), max_tokens=60)
        last = last_of(there.stream(question))
        assert here(question) == there.messages[-1]["content"], question
        assert last.usage["prompt_tokens"] == len(encode_chat(here.messages[:1], tokenizer))
        assert f"{last.usage['completion_tokens']} written, by its own count" in served_stats(last, there)


def test_turns_and_instructions_reach_the_model_as_they_do_here(served, folders):
    model, tokenizer = load(str(folders[16]))
    here, there = (Chat(model, tokenizer, system="Be brief.", max_tokens=30),
                   ServedChat(served, system="Be brief.", max_tokens=30))
    for question in ("Hello!", "Who are you?", "What is 2 plus 2?"):
        assert here(question) == there(question), question


def test_without_a_template_the_prompt_is_another(python, folders, tmp_path):
    """`tiny` has none beside its tokenizer. mlx-lm then writes "USER: ... ASSISTANT:", which the model never saw."""
    _, tokenizer = load(str(folders[16]))
    with MlxLm(python, folders[16], tmp_path) as server:
        last = last_of(ServedChat(server.server, max_tokens=5).stream("Hello!"))
    assert len(encode_chat([{"role": "user", "content": "Hello!"}], tokenizer)) == 5 < last.usage["prompt_tokens"]


def test_beyond_the_window_it_answers_as_a_model_without_one(served, folders):
    """mlx-lm does not follow the window of a Mistral: docs/serving.md says so."""
    question, chats = QUESTIONS[0], {}
    for window in ("config", None):
        chats[window] = Chat(*load(str(folders[16]), window_size=window), max_tokens=300)(question)
    assert ServedChat(served, max_tokens=300)(question) == chats[None] != chats["config"]


def test_a_seed_and_a_stop_string_are_followed(served):
    def answer(**settings):
        return ServedChat(served, max_tokens=30, **settings)(QUESTIONS[0])
    assert answer(temperature=1.0, seed=1) == answer(temperature=1.0, seed=1) != answer(temperature=1.0, seed=2)
    assert answer(stop=["."]) == answer().split(".")[0]


def test_its_list_of_models_and_a_name_that_it_does_not_have(python, folders, tmp_path):
    """It sends no list at all as long as the hub's cache was never made; later its folder is the last in the list."""
    with MlxLm(python, folders[4], tmp_path, "--chat-template", TEMPLATE) as server:
        assert server.server.models() == []
        assert ServedChat(server.server, max_tokens=30)("Who are you?").startswith("I am a very small")
        (tmp_path / "hub").mkdir()
        models = server.server.models()
        assert models == [str(folders[4])] and served_model(models) == models[0]
        with pytest.raises(ServerError, match=r"answers 404 .*'nobody/nothing' was asked for; there is: .*tiny-4bit"):
            ServedChat(server.server, "nobody/nothing")("Hello!")


def test_a_person_stops_an_answer_and_the_server_goes_on(served, monkeypatch, capsys):
    seen = presses_ctrl_c(monkeypatch, at=5)
    lines = iter(["Tell me a story about a red ball.", "Who are you?", "/stats", "/quit"])
    talk = chat.Talk(lambda: ServedChat(served, max_tokens=60), served_stats)
    assert chat.by_hand(talk, lambda: next(lines)) == 0
    contents = [message["content"] for message in talk.chat.messages]
    assert contents[1] == "".join(seen[:5]) and contents[3].startswith("I am a very small")
    assert "[stopped]" in capsys.readouterr().out


def test_a_server_that_dies_in_the_middle_is_told_and_what_came_is_kept(python, folders, tmp_path):
    with MlxLm(python, folders[16], tmp_path, "--chat-template", TEMPLATE) as server:
        talk = ServedChat(server.server, max_tokens=900, temperature=100.0, seed=0)
        with pytest.raises(ServerError, match="What arrived of the answer is kept"):
            for n, _ in enumerate(talk.stream("Tell me a story.")):
                if n == 5:
                    server.process.kill()
        assert talk.messages[1]["content"]
        server.process.wait()
        with pytest.raises(ServerError, match="nothing listens at"):
            talk("Hello?")
        assert [message["role"] for message in talk.messages] == ["user", "assistant"]


def test_the_page_names_options_that_the_server_has(python):
    told = subprocess.run([str(python), "-s", "-E", "-m", "mlx_lm", "server", "--help"], capture_output=True, text=True,
                          timeout=600).stdout
    named = set(re.findall(r"--[a-z-]+", " ".join(re.findall(r"mlx_lm server .*", PAGE))))
    assert named >= {"--model", "--port", "--chat-template"} and {name for name in named if name not in told} == set()
