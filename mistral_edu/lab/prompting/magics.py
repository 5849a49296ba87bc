"""`%load_ext mistral_edu`, then ask the model in a cell of its own.

    %%mistral -n 100 -t 0.8 -s 1
    Tell me a story about a red ball.

A single line works, too, `%mistral Say hello`, but not with a question mark at its end: IPython takes that as a request
for help. `%mistral --help` lists the options.

The reply appears token by token. Stop keeps what came so far, in the variable and in the conversation, and shows one
line instead of a traceback.
"""
import sys
import time
import warnings
from contextlib import closing, contextmanager

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.display import display

from mistral_edu.lab import kernel
from mistral_edu.lab.prompting.options import MagicError, build_parser, command_of, sampling, split
from mistral_edu.lab.prompting.reply import Reply
from mistral_edu.lab.prompting.session import Session, models
from mistral_edu.lab.prompting.variables import fill
from mistral_edu.lab.showing.say import say
from mistral_edu.language import _

BETWEEN_UPDATES = 0.1       # seconds: each update sends the whole reply again


class Stopped(KeyboardInterrupt):
    """The reader pressed Stop: an interrupt, so that cells queued behind do not run, but shown as one quiet line."""

    def _render_traceback_(self):
        return [str(self)]


@magics_class
class MistralMagics(Magics):
    def __init__(self, shell):
        super().__init__(shell)
        self.session = Session()

    @no_var_expand
    @line_cell_magic
    def mistral(self, line, cell=None):
        with in_one_line():
            words, text = split(line)
            command, arguments = command_of(text) if cell is None else (None, [])
            parser = build_parser()
            options = parser.parse_args([fill(word, self.shell.user_ns) for word in words + arguments[1:]])
            if options.help:
                print(parser.format_help())
            elif command:
                self.do(command, arguments, options)
            else:
                self.ask(self.prompt(text, cell, options), options)

    mistral.__doc__ = build_parser().format_help()      # what %mistral? and Shift-Tab show

    def prompt(self, text, cell, options):
        """What to ask, with the notebook's variables in it. A raw prompt keeps its spaces: there they matter."""
        body = (cell or "").removesuffix("\n") if options.raw else (cell or "").strip()
        prompt = fill("\n".join(part for part in (text, body) if part.strip()), self.shell.user_ns)
        if not prompt.strip():
            raise MagicError(_("Nothing was asked. Write the prompt after the options: %mistral Who are you?"))
        if options.raw and options.system is not None:
            raise MagicError(_("--raw sends the prompt as it is, without a system message; leave out one of the two"))
        return prompt

    def ask(self, prompt, options):
        """Stream the answer into the cell and keep it; raises Stopped if the reader presses Stop."""
        said = []

        def listen(pieces):
            for piece in pieces:
                said.append(piece)
                yield piece

        def keep():
            self.shell.user_ns[options.output] = Reply.of(said, prompt, options.format)

        try:
            self.session.use(options.model, options.bits, options.window)
            if options.new:
                self.session.reset()
            if options.system is not None:
                self.session.chat.system = options.system
            with closing(self.session.ask(prompt, options.raw, **sampling(options))) as pieces:
                if options.format == "markdown" and kernel.is_there():
                    show_while_it_grows(listen(pieces), lambda: Reply.of(said, prompt, options.format))
                else:
                    say(listen(pieces))
        except KeyboardInterrupt:
            keep()
            if not said:
                raise Stopped(_("[stopped before the first token]")) from None
            raise Stopped(_("[stopped; the first {n} tokens are in the variable {name}]", n=len(said),
                            name=options.output)) from None
        keep()

    def do(self, command, words, options):
        """The commands of %mistral; each says in a line or two how things are now."""
        if command == "load":
            if not words:
                raise MagicError(_("Which model? %mistral load NAME takes a name or a folder; %mistral models lists "
                                   "some"))
            self.session.use(words[0], options.bits, options.window)
        elif command == "reset":
            self.session.reset()
        elif command == "unload":
            self.session.unload()
        if command == "models":
            print(*models(), sep="\n")
            print(_("Others are one name away; this one is fetched once, 4.1 GB:"))
            print("%mistral load mlx-community/Mistral-7B-Instruct-v0.3-4bit")
        else:
            print(self.session.status())


def show_while_it_grows(pieces, reply):
    """Show reply() in the cell, again and again while pieces arrive, and once more when they end for any reason."""
    shown, last = display(reply(), display_id=True), time.monotonic()
    try:
        for _ in pieces:
            if time.monotonic() - last >= BETWEEN_UPDATES:
                shown.update(reply())
                last = time.monotonic()
    finally:
        shown.update(reply())


@contextmanager
def in_one_line():
    """A context that reports what goes wrong in one line, and likewise the library's hints."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *where: print(_("hint: {text}", text=message), file=sys.stderr)
            yield
    except MagicError:
        raise
    except (ValueError, OSError) as error:
        name = "" if type(error) is ValueError else f"{type(error).__name__}: "
        raise MagicError(f"{name}{error}") from None
