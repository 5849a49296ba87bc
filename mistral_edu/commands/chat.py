"""`mistral-edu chat`: talk with the model, by hand or through a pipe, one question per line.

The model is on this machine or, with --api, on a server (mistral_edu.served).

By hand, whatever goes wrong is reported and the chat goes on. A program that pipes questions in finds only answers on
stdout, and learns from exit code 1 that one of its questions failed.
"""
import sys
from contextlib import closing

from mistral_edu.chat import speak
from mistral_edu.commands.arguments import (
    add_model_arguments,
    add_sampling_arguments,
    filled,
    given,
    model_settings,
    option,
    sampling_settings,
)
from mistral_edu.commands.keyboard import line_editor
from mistral_edu.commands.terminal import printable, say_compiling, stats
from mistral_edu.conversation import Chat
from mistral_edu.served.chat import ServedChat, served_model, served_stats
from mistral_edu.served.server import LIMIT, Server
from mistral_edu.text import saved_chat
from mistral_edu.text.harmless import harmless

EXAMPLES = """examples:
  mistral-edu chat
  mistral-edu chat --temperature 0.7 --seed 1
  printf 'Hello!\\nWho are you?\\n' | mistral-edu chat
  mistral-edu chat --api http://localhost:8080         (your own server: docs/serving.md)
Within the chat, /help lists the commands for undoing, saving and instructions."""

HELP = """/undo         take back the last question and its answer
/reset        begin a new conversation
/system TEXT  instructions for the model from here on; without TEXT they are removed
/save FILE    write the conversation to a file
/load FILE    go on with the conversation in a file
/stats        tokens and speed of the last answer
/help         this list
/quit         end (so does Ctrl-D); Ctrl-C stops an answer and keeps what has been written"""
WITH_TEXT, ALONE = ("/system", "/save", "/load"), ("/undo", "/reset", "/stats", "/help", "/quit")
BY_HAND = "Alt-Enter, or Esc and then Enter, begins another line if prompt_toolkit is installed."
HERE_ONLY = ("bits", "window", "dtype", "context", "revision", "chat_format", "no_fast")  # of a model on this machine


def add_arguments(parser):
    add = parser.add_argument
    add("--system", metavar="TEXT", help="instructions that come before each question")
    add("--api", type=filled, metavar="URL", help="let a server answer, mlx-lm's or vLLM's for instance: "
        "http://localhost:8080. --model then names a model of the server (default: the first that it lists)")
    add("--timeout", type=float, metavar="SECONDS", help="with --api: give up when the server sends nothing for this "
        "long (default: 120)")
    add_model_arguments(parser)
    add_sampling_arguments(parser)
    parser.set_defaults(model=None)  # "tiny", or what the server has


def run(args) -> int:
    """Talk until the end. Returns the exit code."""
    if args.api is None and args.timeout is not None:
        raise ValueError("--timeout is the time to wait for a server; name one with --api, or leave out --timeout")
    talk, name = talk_here(args) if args.api is None else talk_there(args)
    if not sys.stdin.isatty():
        return from_a_pipe(talk)
    print(f"{name}: ask away. /help lists the commands, /quit ends.")
    return by_hand(talk, line_editor() if sys.stdout.isatty() else lambda: input("> "))


def talk_here(args):
    """(Talk with a model on this machine, its name)."""
    name = args.model or "tiny"
    model, tokenizer = args.load(name, **model_settings(args))
    if args.chat_format:
        speak(tokenizer, args.chat_format)
    say_compiling()
    return Talk(lambda: Chat(model, tokenizer, system=args.system, keep="latest", **sampling_settings(args))), name


def talk_there(args):
    """(Talk with a server's model, its name). Raises ValueError for options that only a model here has."""
    if idle := [option(name) for name in given(args, add_arguments) if name in HERE_ONLY]:
        raise ValueError(f"{', '.join(idle)} would change a model on this machine, and with --api the server has its "
                         "own; leave them out, or give them to the server")
    server = Server(args.api, LIMIT if args.timeout is None else args.timeout)
    models = server.models() or []
    model = args.model or served_model(models)
    name = f"{harmless(model or 'its model')} at {server.address}"
    if not args.model and len(models) > 1:
        name += f" (one of {len(models)} models; --model names another)"
    return Talk(lambda: ServedChat(server, model, args.system, **sampling_settings(args)), served_stats), name


def from_a_pipe(talk):
    """Every line of stdin is a question or a command. Ctrl-C ends everything."""
    code = 0
    while not talk.ended:
        try:
            line = input().strip()
        except EOFError:
            break
        try:
            talk.take(line)
        except ValueError as error:
            print(error, file=sys.stderr)
            code = code if line.startswith("/") else 1
    return code


def by_hand(talk, read):
    """The same with a person, who reads the errors. Ctrl-C stops an answer, or drops what is being typed."""
    while not talk.ended:
        try:
            line = read().strip()
        except EOFError:
            break
        except KeyboardInterrupt:
            print("(/quit or Ctrl-D ends the chat)")
            continue
        try:
            talk.take(line)
        except KeyboardInterrupt:
            print(" [stopped]")
        except ValueError as error:
            print(error, file=sys.stderr)
    return 0


class Talk:
    """A conversation and its commands: each method named do_... is one. They print; ValueError says what is wrong."""

    def __init__(self, begin, told=lambda piece, chat: stats(piece, chat.model)):
        """begin: a function that returns a new Conversation. told(piece, chat): a line on its last answer."""
        self.begin, self.told, self.chat, self.last, self.ended = begin, told, begin(), None, False

    def take(self, line):
        """Answer a line, or do what it says."""
        name, _, text = line.partition(" ")
        if not line.startswith("/"):
            self.ask(line)
        elif name in WITH_TEXT or line in ALONE:
            getattr(self, f"do_{name[1:]}")(text.strip())
        else:
            print(f"there is no command {line.split()[0]}\n{HELP}")

    def ask(self, question):
        if not question:
            return
        begun = False
        try:
            with closing(self.chat.stream(question)) as pieces:  # stopped here, the chat has its part at once
                for self.last in pieces:
                    print(printable(self.last.text), end="", flush=True)
                    begun = True
        except ValueError:
            if begun:
                print()  # what went wrong is reported on a line of its own
            raise
        print()

    def do_undo(self, _):
        print(f"taken back: {printable(self.chat.undo())}")

    def do_reset(self, _):
        self.chat, self.last = self.begin(), None

    def do_system(self, text):
        self.chat.system = text
        print("the instructions are set" if text else "there are no instructions now")

    def do_save(self, file):
        saved_chat.save(self.chat.messages, named(file, "/save"))
        print(f"saved: {file}")

    def do_load(self, file):
        messages = saved_chat.load(named(file, "/load"))
        self.do_reset("")
        self.chat.messages[:] = messages
        turns = sum(message["role"] == "user" for message in messages)
        print(f"loaded: {turns} turn{'s' * (turns != 1)}")

    def do_stats(self, _):
        print(self.told(self.last, self.chat) if self.last else "no answer yet")

    def do_help(self, _):
        print(f"{HELP}\n{BY_HAND}" if sys.stdin.isatty() else HELP)

    def do_quit(self, _):
        self.ended = True


def named(file, command):
    if not file:
        raise ValueError(f"{command} needs the name of a file: {command} talk.json")
    return file
