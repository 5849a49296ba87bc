"""`%load_ext mistral_edu`, then ask the model in a cell of its own.

    %%mistral -n 100 -t 0.8 -s 1
    Tell me a story about a red ball.

A single line works too, `%mistral Say hello`, but not with a question mark at its end: there IPython looks for help.

The reply appears token by token and stays as ordinary text. Stop keeps what came so far, and ends in one line.
"""
from functools import lru_cache

from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from .showing.say import say

REPLY = "reply"      # the variable that holds the last reply


class Stopped(KeyboardInterrupt):
    """The reader pressed Stop: an interrupt, so that cells queued behind do not run, but shown as one quiet line."""

    def _render_traceback_(self):
        return [str(self)]


class MagicError(ValueError):
    """What was asked cannot be done; the message says it in one line."""

    def _render_traceback_(self):
        return [str(self)]


@lru_cache(maxsize=1)
def _loaded(name):
    from mistral_edu import load
    return load(name)


@magics_class
class MistralMagics(Magics):
    @magic_arguments()
    @argument("-n", "--tokens", type=int, default=200, help="the most tokens to write (default 200)")
    @argument("-t", "--temperature", type=float, default=0.0, help="0 always takes the likeliest token (default 0)")
    @argument("-s", "--seed", type=int, default=0, help="the same seed gives the same reply (default 0)")
    @argument("-m", "--model", default="tiny", help="a name or a folder, as load() takes it (default tiny)")
    @argument("-o", "--output", default=REPLY, help=f"the variable that keeps the reply (default {REPLY})")
    @argument("prompt", nargs="*", help="what to ask; in %%%%mistral the cell's text follows it")
    @line_cell_magic
    def mistral(self, line, cell=None):
        """Ask the model and stream its answer."""
        from mistral_edu import stream_generate
        options = parse_argstring(self.mistral, line)
        prompt = "\n".join(part.strip() for part in (" ".join(options.prompt), cell or "") if part.strip())
        if not prompt:
            raise MagicError("Nothing was asked. Write the prompt after the options: %mistral Who are you?")
        said = []

        def listen():
            model, tokenizer = _loaded(options.model)
            for piece in stream_generate(model, tokenizer, prompt, max_tokens=options.tokens,
                                         temperature=options.temperature, seed=options.seed):
                said.append(piece.text)
                yield piece

        try:
            say(listen())
        except KeyboardInterrupt:
            raise Stopped(f"[stopped; the first {len(said)} tokens are in the variable {options.output}]") from None
        except (ValueError, FileNotFoundError) as error:
            raise MagicError(f"{type(error).__name__}: {error}") from None
        finally:
            self.shell.user_ns[options.output] = "".join(said)


def load_ipython_extension(shell) -> None:
    """Called by `%load_ext mistral_edu`."""
    shell.register_magics(MistralMagics)
