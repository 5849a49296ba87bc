"""`mistral-edu chat --api`: against a small server in this process, which answers well, badly, or not at all."""
import io
import json
import re
import shlex
import socket
import ssl
import sys
import threading
from pathlib import Path

from mistral_edu.commands import chat, main
from mistral_edu.served.address import key_for, parse_address
from mistral_edu.served.chat import ServedChat, served_stats
from mistral_edu.served.server import LIMIT, Server, ServerError
from mistral_edu.text import saved_chat
from small_person import presses_ctrl_c
from small_server import MODELS, RawServer, SmallServer, chunk, event, say, stream, whole

import pytest

KEY = "sk-secret-0123456789"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in ("MISTRAL_EDU_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def talk(monkeypatch, capsys):
    """Pipe lines into a chat with a server: (exit code, stdout, stderr)."""
    def talk(url, *lines, options=()):
        monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines) + "\n"))
        return main.main(["chat", "--api", url, *options]), *capsys.readouterr()
    return talk


# ---------------------------------------------------------------- a server that works
def test_questions_are_answered_and_the_server_gets_the_whole_conversation(talk):
    with SmallServer(whole("Hel", "lo!")) as server:
        assert talk(server.url, "Hi", "", "And you?") == (0, "Hello!\nHello!\n", "")
    assert [path for path, _, _ in server.asked] == ["/v1/models", "/v1/chat/completions", "/v1/chat/completions"]
    assert server.questions[0] == {"model": "small", "messages": [{"role": "user", "content": "Hi"}], "stream": True,
                                   "stream_options": {"include_usage": True}, "max_tokens": 256, "temperature": 0.0,
                                   "top_p": 1.0}
    assert server.questions[1]["messages"] == [{"role": "user", "content": "Hi"},
                                               {"role": "assistant", "content": "Hello!"},
                                               {"role": "user", "content": "And you?"}]


def test_settings_reach_the_server(talk):
    with SmallServer(whole("Yes.")) as server:
        talk(server.url, "Hi", options=["--system", "Be brief.", "--max-tokens", "9", "--temperature", "0.7", "--top-p",
                                        "0.9", "--seed", "7", "--stop", "###", "--top-k", "5", "--model", "large"])
    asked = server.questions[0]
    assert asked["messages"][0] == {"role": "system", "content": "Be brief."}
    assert {name: asked[name] for name in ("model", "max_tokens", "temperature", "top_p", "seed", "stop", "top_k")} == {
        "model": "large", "max_tokens": 9, "temperature": 0.7, "top_p": 0.9, "seed": 7, "stop": ["###"], "top_k": 5}
    assert not {"min_p", "repetition_penalty"} & asked.keys()  # they change nothing, and OpenAI's protocol has no such


def test_text_is_shown_while_the_server_is_still_writing():
    seen = threading.Event()
    with SmallServer(stream(chunk("one "), lambda: seen.wait(60), chunk("two"), chunk(finish_reason="stop"))) as server:
        pieces = ServedChat(Server(server.url)).stream("Hi")
        assert next(pieces).text == "one " and not seen.is_set()
        seen.set()
        assert [piece.text for piece in pieces] == ["two", ""]


def test_the_commands_of_the_local_chat_work_and_its_files_too(talk, tmp_path, capsys, monkeypatch):
    file = tmp_path / "talk.json"
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 3}}
    with SmallServer(whole("Hel", "lo!", usage=usage)) as server:
        code, out, err = talk(server.url, "/stats", "Hi", "/stats", "And?", "/undo", f"/save {file}",
                              "/system Be brief.", "Hi", "/reset", "Hi", f"/load {file}", "Who?", "/help", "/quit",
                              "no")
    assert (code, err) == (0, "") and chat.HELP in out and "taken back: And?" in out and "no\n" not in out
    assert f"[small at {server.url}/v1: 5 tokens read (3 kept from before), 2 written, by its own count; the" in out
    assert [[message["role"][0] for message in question["messages"]] for question in server.questions] == [
        ["u"], ["u", "a", "u"], ["s", "u", "a", "u"], ["u"], ["u", "a", "u"]]
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"/load {file}\nHello!\n"))
    assert main.main(["chat", "--max-tokens", "3"]) == 0 and "loaded: 1 turn" in capsys.readouterr().out


@pytest.mark.parametrize("models, asked_for", [
    (MODELS, "small"), (["hub/other", "/home/me/mine"], "/home/me/mine"), ([], None), (None, None)])
def test_without_a_name_the_servers_own_model_answers(talk, models, asked_for):
    with SmallServer(whole("Yes."), models) as server:
        assert talk(server.url, "Hi")[:2] == (0, "Yes.\n")
    assert server.questions[0].get("model") == asked_for


def test_a_person_sees_who_answers(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", type("Keyboard", (io.StringIO,), {"isatty": lambda self: True})("Hi\n"))
    with SmallServer(whole("Yes.")) as server:
        assert main.main(["chat", "--api", server.url]) == 0
    assert f"small at {server.url}/v1 (one of 2 models; --model names another): ask away." in capsys.readouterr().out


def test_a_stopped_answer_is_kept_and_its_connection_closed(monkeypatch, capsys):
    gone = threading.Event()

    def endless(handler):
        try:
            stream(*[chunk("word ")] * 100_000)(handler)
        except OSError:
            gone.set()

    presses_ctrl_c(monkeypatch, at=3)
    with SmallServer(endless) as server:
        talking = chat.Talk(lambda: ServedChat(Server(server.url)))
        lines = iter(["Hi"])
        assert chat.by_hand(talking, lambda: next(lines, "/quit")) == 0
        assert gone.wait(60)
    assert talking.chat.messages[1] == {"role": "assistant", "content": "word word word "}
    assert "[stopped]" in capsys.readouterr().out


# ---------------------------------------------------------------- servers that answer in other ways, and are understood
@pytest.mark.parametrize("answer", [
    say(200, {"choices": [{"message": {"role": "assistant", "content": "Hello!"}, "finish_reason": "stop"}]}),
    stream(b": keepalive\n\n", b"event: message\r\nid: 7\r\ndata:" + json.dumps(chunk("Hello!")).encode() + b"\r\n\r\n",
           chunk(finish_reason="stop")),                             # no [DONE]
    stream(chunk("Hello!"), "[DONE]"),                               # no reason
    stream(chunk(""), chunk("Hello!"), chunk(None, "stop"), "[DONE]", b"data: whatever follows\n\n"),
    stream({"choices": [{"delta": {"reasoning": "Hm."}}]}, chunk("Hello!", "length"), {"choices": [], "usage": None}),
])
def test_other_forms_of_an_answer(talk, answer):
    with SmallServer(answer) as server:
        assert talk(server.url, "Hi") == (0, "Hello!\n", "")


def test_halves_of_a_character_are_replaced(talk):
    with SmallServer(stream(b'data: {"choices": [{"delta": {"content": "a\\ud83d"}}]}\n\n', "[DONE]")) as server:
        assert talk(server.url, "Hi")[1] == "a\ufffd\n"


def test_a_server_that_does_not_count_is_told_so():
    with SmallServer(whole("one ", "two"), ["x"]) as server:
        talking = ServedChat(Server(server.url), "x")
        *_, last = talking.stream("Hi")
        assert "2 pieces came, whose tokens the server did not count" in served_stats(last, talking)
    with SmallServer(whole("one ", usage={"completion_tokens": "\x1b[2J", "prompt_tokens_details": 7})) as server:
        talking = ServedChat(Server(server.url), "x")
        *_, last = talking.stream("Hi")
        assert "1 piece came" in served_stats(last, talking)


# ---------------------------------------------------------------- what can go wrong, each in words
WRONG = {
    "bad JSON": (stream(b'data: {"choices": [\n\n'), 'something other than JSON: {"choices": ['),
    "JSON without end": (stream("[" * 100_000), "something other than JSON"),
    "JSON, no object": (stream("[1]"), "JSON that is not an object: [1]"),
    "no choices": (stream({"hello": 1}), 'has no choices: {"hello": 1}'),
    "odd choices": (stream({"choices": "none"}), "has no choices"),
    "no text": (stream(chunk([1])), "its answer is not text"),
    "an error in the stream": (stream({"error": {"message": "out of memory"}}), "it says: out of memory"),
    "an endless line": (stream(b"data: " + b"x" * 2**21), "a line of more than"),
    "a page": (say(200, "<html>Welcome</html>", "text/html"), "answers with text/html"),
    "no end": (stream(), "closed the connection before the end of its answer"),
    "nothing": (lambda handler: None, "closed the connection without an answer"),
    "400": (say(400, {"error": {"message": "too long a context"}}), "answers 400 (bad request): too long a context"),
    "422": (say(422, {"detail": [{"msg": "max_tokens"}]}), 'answers 422 (unprocessable'),
    "500": (say(500, "<html><h1>Oh\nno</h1></html>", "text/html"), "answers 500 (internal server error): Oh no"),
    "503": (say(503, ""), "answers 503 (service unavailable): nothing more"),
    "an unknown status": (say(599, "x" * 5000), "answers 599 (no known status): " + "x" * 200 + " ..."),
    "elsewhere": (say(307, "", Location="http://other/v1"), "sends us on to http://other/v1; give that address"),
    "no key": (say(401, {"error": "who are you?"}), "answers 401 (unauthorized): who are you?. No key was sent; set "
               "MISTRAL_EDU_API_KEY"),
}


@pytest.mark.parametrize("answer, words", WRONG.values(), ids=WRONG)
def test_what_a_server_does_wrong_is_said_in_a_line_and_the_chat_goes_on(talk, answer, words):
    again = iter([answer, whole("Here I am.")])
    with SmallServer(lambda handler: next(again)(handler)) as server:
        code, out, err = talk(server.url, "Hi", "Hello?")
    assert words in err and err.count("\n") == 1 and len(err) < 500
    assert server.url.removeprefix("http://") in err
    assert (code, out) == (1, "Here I am.\n")
    assert [message["content"] for message in server.questions[1]["messages"]] == ["Hello?"]  # as if not asked before


def test_a_model_that_is_not_there_is_named_with_those_that_are(talk):
    with SmallServer(say(404, {"error": {"message": "The model does not exist."}})) as server:
        code, out, err = talk(server.url, "Hi", options=["--model", "medium"])
    assert (code, out) == (1, "") and "The model does not exist." in err
    assert "The model 'medium' was asked for; there is: small, large (--model NAME)" in err


@pytest.mark.parametrize("models", [["small"], []])
def test_a_404_that_is_not_about_the_model_says_nothing_of_models(talk, models):
    with SmallServer(say(404, {"error": "generation thread died"}), models) as server:
        code, _, err = talk(server.url, "Hi")
    assert code == 1 and err.endswith("answers 404 (not found): generation thread died\n")


def test_an_address_without_an_api_is_told_so(talk):
    with SmallServer(say(404, "Not Found", "text/plain"), models=None) as server:
        code, _, err = talk(server.url + "/elsewhere", "Hi")
    assert code == 1 and f"Is {server.url}/elsewhere the address of an API? Most end in /v1" in err


@pytest.mark.parametrize("raw", [False, True], ids=["closed", "closed within a chunk"])
def test_an_answer_that_breaks_off_is_kept_and_told(talk, tmp_path, raw):
    file = tmp_path / "talk.json"
    events = event(chunk("Hel")) + event(chunk("lo"))
    header = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    cut = header + f"{len(events):x}\r\n".encode() + events + b"\r\n100\r\ndata: and"

    def broken(handler):
        handler.wfile.write(cut) if raw else stream(events)(handler)
    with SmallServer(broken) as server:
        code, out, err = talk(server.url, "Hi", f"/save {file}")
    assert (code, out) == (1, f"Hello\nsaved: {file}\n") and err.count("\n") == 1
    assert "closed the connection before the end of its answer. What arrived of the answer is kept" in err
    assert [message["content"] for message in saved_chat.load(file)] == ["Hi", "Hello"]


def test_a_server_that_falls_silent_is_waited_for_as_long_as_was_said(talk, tmp_path):
    over = threading.Event()
    with SmallServer(stream(chunk("Hel"), lambda: over.wait(60))) as server:
        code, out, err = talk(server.url, "Hi", options=["--timeout", "0.3"])
        over.set()
    assert (code, out) == (1, "Hel\n") and "has sent nothing for 0.3 s" in err and "--timeout SECONDS" in err
    assert "is kept" in err
    with RawServer(None) as server:
        code, out, err = talk(server.url, "Hi", options=["--timeout", "0.3"])
    assert (code, out) == (1, "") and "has sent nothing for 0.3 s" in err


def test_where_nothing_listens(talk):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code, out, err = talk(f"http://127.0.0.1:{port}", "Hi")
    assert (code, out) == (1, "")
    assert err == (f"mistral-edu chat: nothing listens at 127.0.0.1:{port}; start the server there, or name its port: "
                   "--api http://HOST:PORT\n")


def test_where_something_else_listens(talk):
    with RawServer(b"SSH-2.0-OpenSSH_9.9\r\n") as server:
        code, _, err = talk(server.url, "Hi")
        assert code == 1 and "but it does not speak http; is the port right?" in err
    with RawServer(b"HTTP/1.1 400 Bad Request\r\n\r\n") as server:
        code, _, err = talk(server.url.replace("http:", "https:"), "Hi")
        assert code == 1 and f"does not speak https; if it is yours, try {server.url}" in err


def test_a_list_of_models_that_is_none(talk):
    for body, words in ((b"<html>hello", "something other than JSON: hello"), (b'{"models": []}', "no list of models")):
        with RawServer(b"HTTP/1.0 200 OK\r\n\r\n" + body) as server:
            code, out, err = talk(server.url, "Hi")
        assert (code, out) == (1, "") and words in err


@pytest.mark.parametrize("error, words", [
    (socket.gaierror(-2, "Name or service not known"), "no machine is known by the name example.org"),
    (ssl.SSLCertVerificationError("x"), "the certificate of example.org is not trusted"),
    (OSError(113, "No route to host"), "example.org cannot be reached: No route to host")])
def test_what_a_network_does(monkeypatch, error, words):
    def fails(*args):
        error.verify_message = "self-signed certificate"
        raise error
    monkeypatch.setattr("http.client.HTTPConnection.request", fails)
    with pytest.raises(ServerError, match=words):
        Server("https://example.org").models()


# ---------------------------------------------------------------- keys
@pytest.mark.parametrize("name", ["MISTRAL_EDU_API_KEY", "OPENAI_API_KEY"])
def test_a_key_is_sent_and_never_shown(talk, monkeypatch, name):
    monkeypatch.setenv(name, f" {KEY}\n")
    refused = say(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}})
    again = iter([refused, stream({"error": f"not {KEY}"}), stream(f"no JSON: {KEY}")])
    with SmallServer(lambda handler: next(again)(handler)) as server:
        code, out, err = talk(server.url, "Hi", "Hi", "Hi")
    assert all(headers["Authorization"] == f"Bearer {KEY}" for _, headers, _ in server.asked)
    assert code == 1 and "Incorrect API key provided: ***. Its key is not the one that was sent" in err
    assert KEY not in out + err and err.count("***") == 3


def test_which_key_goes_where(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for url, sent in (("https://example.org", KEY), ("http://localhost:8080", KEY), ("http://[::1]:8080", KEY),
                      ("http://example.org", None), ("http://192.168.0.7:8080", None)):
        assert key_for(parse_address(url)) == sent, url
    monkeypatch.setenv("MISTRAL_EDU_API_KEY", "mine")
    assert key_for(parse_address("http://192.168.0.7:8080")) == key_for(parse_address("https://example.org")) == "mine"


def test_a_damaged_key_is_told_without_showing_it(talk, monkeypatch):
    monkeypatch.setenv("MISTRAL_EDU_API_KEY", f"{KEY}\r\nX-Evil: 1")
    code, out, err = talk("http://localhost:1", "Hi")
    assert code == 1 and "MISTRAL_EDU_API_KEY holds characters that no key has" in err and "sk-" not in out + err


# ---------------------------------------------------------------- what a server writes does not steer the terminal
STEERING = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202edone"


def test_a_terminal_gets_nothing_that_steers_it(talk, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    answers = [whole(STEERING), say(500, STEERING), say(404, {"error": STEERING}), stream(STEERING),
               stream({"error": STEERING}), say(200, "", f"text/{STEERING[1:9]}"), say(302, "", Location="/\x1b[2J")]
    again = iter(answers)
    with SmallServer(lambda handler: next(again)(handler), [f"small{STEERING}"]) as server:
        code, out, err = talk(server.url, *["Hi"] * len(answers), "/stats")
    assert code == 1 and err.count("\n") == len(answers) - 1 and "owned" in out and "owned" in err
    assert not {*"\x1b\x07\x9b\r\u202e"} & {*out, *err}


# ---------------------------------------------------------------- the command line
@pytest.mark.parametrize("options, named", [
    (["--window", "64"], "--window"), (["--bits", "4"], "--bits"), (["--context", "512"], "--context"),
    (["--no-fast", "--dtype", "float32"], "--dtype, --no-fast"), (["--chat-format", "v3"], "--chat-format"),
    (["--revision", "x"], "--revision")])
def test_options_of_a_model_here_are_refused_by_name(talk, options, named):
    with SmallServer(whole("Yes.")) as server:
        code, out, err = talk(server.url, "Hi", options=options)
    assert (code, out, server.asked) == (1, "", [])
    assert err.startswith(f"mistral-edu chat: {named} would change a model on this machine")


@pytest.mark.parametrize("url, words", [
    ("ftp://localhost", "is not the address"), ("http://", "is not the address"),
    ("http://localhost:port", "is not the address"), ("http://localhost:99999", "is not the address"),
    ("http://a b", "is not the address"), ("http://localhost/\x1b[2J", "is not the address"),
    ("http://x/v1?key=7", "is not the address"),
    ("https://user:secret@localhost", "no user or password")])
def test_what_is_no_address(talk, url, words):
    code, out, err = talk(url, "Hi")
    assert (code, out) == (1, "") and words in err and "secret" not in err and "\x1b" not in err


def test_settings_out_of_range_are_refused_here_as_for_a_model_here(talk, monkeypatch, capsys):
    with SmallServer(whole("Yes.")) as server:
        code, _, err = talk(server.url, "Hi", options=["--top-p", "2"])
        assert code == 1 and "top_p should be above 0 and at most 1 (all tokens); got 2.0" in err
        assert server.questions == []
        code, _, err = talk(server.url, "Hi", options=["--timeout", "0"])
        assert code == 1 and "seconds above 0" in err
    monkeypatch.setattr(sys, "stdin", io.StringIO("Hi\n"))
    assert main.main(["chat", "--timeout", "3"]) == 1 and "name one with --api" in capsys.readouterr().err


# ---------------------------------------------------------------- docs/serving.md
PAGE = (Path(__file__).parents[1] / "docs/serving.md").read_text(encoding="utf-8")


def test_every_command_of_the_page_is_one_that_the_program_takes():
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
    commands = re.findall(r"^ *mistral-edu (.*)", blocks, re.MULTILINE)
    assert len(commands) >= 5
    for line in commands:
        words = shlex.split(line)
        main.build_parser(words[0]).parse_args(words)


def test_messages_that_the_page_quotes_are_those_of_the_program():
    places = [Path(chat.__file__), *Path(chat.__file__).parents[1].rglob("served/*.py")]
    sources = "".join(path.read_text(encoding="utf-8") for path in places)
    section = PAGE.split("## When it does not answer")[1].split("## ")[0]
    quoted = re.findall(r'^\| "(.*?)"', section, re.MULTILINE)
    assert len(quoted) == 8 and f"has sent nothing for {LIMIT:g} s" in quoted
    for message in quoted:
        for part in re.split(r"\.\.\.|\d+ s?|--bits", message):
            assert part.strip() in sources, message
