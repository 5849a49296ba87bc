"""`mistral-edu chat`: conversations in files, and a person at a terminal, who types, stops an answer and goes on."""
import io
import json
import os
import re
import subprocess
import sys
import time

import mistral_edu
from mistral_edu.commands import chat, main
from mistral_edu.text import saved_chat
from small_person import presses_ctrl_c

import pytest

TALK = [{"role": "user", "content": "Hello!"}, {"role": "assistant", "content": "Hello! Größe \u2028 <b>"}]
QUESTION, ANSWER = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}


@pytest.fixture
def talk(monkeypatch, capsys):
    """Pipe lines into the chat, in this process: (exit code, lines of stdout, stderr)."""
    def talk(*lines):
        monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines) + "\n"))
        code = main.main(["chat", "--max-tokens", "8"])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err
    return talk


def test_a_saved_conversation_goes_on_where_it_was(talk, tmp_path):
    file = tmp_path / "my talk.json"
    whole = talk("Hello!", "Who are you?")[1]
    assert talk("Hello!", f"/save {file}") == (0, [whole[0], f"saved: {file}"], "")
    assert talk("What is 2 plus 2?", f"/load {file}", "Who are you?")[1][1:] == ["loaded: 1 turn", whole[1]]
    assert json.loads(file.read_text()) == [{"role": "user", "content": "Hello!"},
                                            {"role": "assistant", "content": whole[0]}]


def test_instructions_stand_until_they_are_taken_away(talk, tmp_path):
    file = tmp_path / "talk.json"
    talk("/system Be brief.", "Hello!", f"/save {file}")
    assert [message["role"] for message in saved_chat.load(file)] == ["system", "user", "assistant"]
    code, out, err = talk(f"/load {file}", "/system", f"/save {file}")
    assert (code, err) == (0, "") and "there are no instructions now" in out
    assert [message["role"] for message in saved_chat.load(file)] == ["user", "assistant"]


@pytest.mark.slow
@pytest.mark.parametrize("content, found", [
    (b"", "is no saved conversation"),
    (b'[{"role": "user"', "is no saved conversation"),
    (b"\xff\xfe", "is no saved conversation"),
    (b"[" * 100_000, "is no saved conversation"),
    (b"{}", "no list of messages"),
    (b"[]", "no messages"),
    (b"[3]", "message 0"),
    (b'[{"role": "user", "content": 5}]', "message 0"),
    (json.dumps([ANSWER]).encode(), "'user' is due"),
    (json.dumps([QUESTION]).encode(), "ends in a question"),
])
def test_a_damaged_file_is_a_sentence_and_the_chat_goes_on(talk, tmp_path, content, found):
    file = tmp_path / "talk.json"
    file.write_bytes(content)
    whole = talk("Hello!", "Who are you?")[1]
    code, out, err = talk("Hello!", f"/load {file}", "Who are you?")
    assert (code, out) == (0, whole)                                 # the conversation that was there has stayed
    assert str(file) in err and found in err and err.count("\n") == 1


def test_other_files_are_never_written_over(talk, tmp_path):
    file = tmp_path / "diary.txt"
    file.write_text("Dear diary")
    _, _, err = talk("Hello!", f"/save {file}")
    assert "is no saved conversation; choose another name" in err and file.read_text() == "Dear diary"
    _, _, err = talk("Hello!", f"/save {tmp_path / 'no' / 'folder.json'}", f"/save {tmp_path}", "/save", "/load",
                     f"/load {tmp_path / 'nothing.json'}")
    assert err.count("\n") == 5 and "Traceback" not in err
    assert talk(f"/save {tmp_path / 'new.json'}")[2] == "there is nothing to save yet; ask something first\n"
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    file = tmp_path / "talk.json"
    saved_chat.save(TALK, file)
    assert saved_chat.load(file) == TALK

    def full(*_):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ValueError, match="cannot be written .*No space left"):
        saved_chat.save([*TALK, QUESTION, ANSWER], file)
    assert saved_chat.load(file) == TALK and [path.name for path in tmp_path.iterdir()] == ["talk.json"]


class Person:
    """What a terminal asks: each step is something typed, or an exception that a key brings."""

    def __init__(self, *steps):
        self.steps = iter(steps)

    def __call__(self):
        step = next(self.steps, EOFError)
        if isinstance(step, str):
            return step
        raise step


@pytest.fixture(scope="module")
def tiny():
    return mistral_edu.load()


def test_ctrl_c_stops_the_answer_and_the_part_is_there_at_once(tiny, capsys, monkeypatch, tmp_path):
    talk = chat.Talk(lambda: mistral_edu.Chat(*tiny))
    seen = presses_ctrl_c(monkeypatch, at=5)
    file = tmp_path / "talk.json"
    assert chat.by_hand(talk, Person("Tell me a story.", f"/save {file}")) == 0
    assert saved_chat.load(file)[1]["content"] == "".join(seen) and " [stopped]" in capsys.readouterr().out


def test_ctrl_c_before_an_answer_drops_what_is_typed_and_not_the_conversation(tiny, capsys):
    talk = chat.Talk(lambda: mistral_edu.Chat(*tiny, max_tokens=3))
    assert chat.by_hand(talk, Person("Hello!", KeyboardInterrupt, "x" * 40_000, "Hello\nagain!", "/quit", "never")) == 0
    said = capsys.readouterr()
    assert [message["content"] for message in talk.chat.messages][::2] == ["Hello!", "Hello\nagain!"]
    assert "/quit or Ctrl-D" in said.out and "tokens at least" in said.err


WITHOUT = "import sys; sys.modules['prompt_toolkit'] = None"
START = """
import sys, time
from mistral_edu import conversation
from mistral_edu.commands import main
at_once = conversation.stream_generate
def slowly(*prompt, **settings):
    for piece in at_once(*prompt, **settings):
        yield piece
        time.sleep(0.05)
conversation.stream_generate = slowly       # 900 tokens take 45 seconds: time enough to press Ctrl-C
sys.exit(main.main(["chat", "--temperature", "1e6", "--seed", "0", "--max-tokens", "900"]))
"""
STEERING = r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|[\x08\r]"       # what moves the cursor, and colours


@pytest.mark.slow
@pytest.mark.parametrize("with_toolkit", [True, False], ids=["prompt_toolkit", "readline"])
def test_at_a_real_terminal(tmp_path, with_toolkit):
    """Ask over two lines, stop the answer, look at an earlier line with the arrow key, save, quit."""
    if with_toolkit:
        pytest.importorskip("prompt_toolkit")
    file = tmp_path / "talk.json"
    with Terminal([sys.executable, "-c", START if with_toolkit else WITHOUT + START]) as terminal:
        terminal.wait_for(">")
        terminal.type("Tell me\x1b\ra story.\r" if with_toolkit else "Tell me a story.\r")
        terminal.wait_for("story.")
        terminal.wait_for("(?s).{150}")                              # the question once more, and some of the answer
        terminal.type("\x03")
        terminal.wait_for(r"\[stopped\]")
        terminal.wait_for(">")
        terminal.type(f"/save {file}\r")
        terminal.wait_for("saved: ")
        terminal.wait_for(">")
        file.unlink()
        terminal.type("\x1b[A\r")                                    # arrow up: the same once more
        terminal.wait_for("saved: ")
        terminal.wait_for(">")
        terminal.type("/quit\r")
        assert terminal.process.wait(60) == 0
    question, answer = saved_chat.load(file)
    assert question["content"] == ("Tell me\na story." if with_toolkit else "Tell me a story.") and answer["content"]


class Terminal:
    """A program on a pseudo-terminal of its own, which is what Ctrl-C and arrow keys go through."""

    def __init__(self, command):
        import pty
        self.master, slave = pty.openpty()
        env = dict(os.environ, TERM="xterm", PROMPT_TOOLKIT_NO_CPR="1")
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env,
                                        preexec_fn=own_terminal)
        os.close(slave)
        self.unread = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)

    def type(self, keys):
        os.write(self.master, keys.encode())

    def wait_for(self, pattern, seconds=180):
        """Read on until the pattern has come; what stands before its end counts as read."""
        import select
        deadline = time.monotonic() + seconds
        while not (match := re.search(pattern, self.unread)):
            assert time.monotonic() < deadline, f"{pattern} did not come: {self.unread[-500:]!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                came = os.read(self.master, 4096).decode(errors="replace")
                self.unread = re.sub(STEERING, "", self.unread + came)
        self.unread = self.unread[match.end():]


def own_terminal():
    """In the child: make the pseudo-terminal on stdin its own, so that Ctrl-C there reaches it."""
    import fcntl
    import signal
    import termios
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
