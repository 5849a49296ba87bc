"""The line behind %mistral: options first, then the prompt as it is written, or a command.

A prompt may hold apostrophes, dashes and dollar signs, so nothing in it is taken for an option or a quotation: it
begins with the first word that is not an option.
"""
import argparse
import re

from mistral_edu.checkpoints.window import argument
from mistral_edu.language import N_, _

SWITCHES = ("--new", "--raw", "-h", "--help")          # the options without a value
COMMANDS = ("load", "models", "status", "unload", "reset")
WORD = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|\S)+)""")
EXAMPLES = N_("""commands, alone on a line:
  %mistral load NAME    load a model; takes -b and -w
  %mistral models       what can be loaded without a download
  %mistral status       the model and the conversation
  %mistral reset        begin a new conversation, as --new does
  %mistral unload       drop the model and the conversation

examples:
  %mistral Say hello.
  %%mistral -n 100 -t 0.8 -s 1
  Tell me a story about a {colour} ball.

{colour} stands for a variable of the notebook; {{ is a brace, and braces without a name in them stay as they are.
A question mark at the end of %mistral is IPython's own: instead, write %%mistral and the question on the next line.
Each question follows the ones before it. The same question again, right after its answer, replaces that answer.""")


class MagicError(ValueError):
    """What was asked cannot be done; the message says it in one line."""

    def _render_traceback_(self):
        return [str(self)]


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise MagicError(_("{problem}. %mistral --help lists the options", problem=message))


def variable(text):
    """The value of --output: a name that Python can use."""
    if not text.isidentifier():
        raise argparse.ArgumentTypeError(_("a variable needs a name that Python can use, such as reply; got {text!r}",
                                           text=text))
    return text


def build_parser():
    parser = Parser(prog="%mistral", usage=_("%(prog)s [options] PROMPT, or %%%(prog)s [options] above the prompt"),
                    description=_("Ask the model. Its answer streams into the cell and stays in the variable reply."),
                    epilog=_(EXAMPLES), formatter_class=argparse.RawDescriptionHelpFormatter, add_help=False,
                    allow_abbrev=False)
    add = parser.add_argument
    add("-m", "--model", metavar="NAME",
        help=_("a name or a folder, as load() takes it; it stays until another is named (at first: tiny)"))
    add("-b", "--bits", type=int, choices=(8, 4), help=_("quantize the weights while loading"))
    add("-w", "--window", type=argument, metavar="W",
        help=_("let a token see W tokens, its own included; none: all of them; config: as the model was published"))
    add("-n", "--max-tokens", "--tokens", type=int, default=200, metavar="N",
        help=_("the most tokens to write (default: 200)"))
    add("-t", "--temperature", "--temp", type=float, default=0.0, metavar="T",
        help=_("0 always takes the likeliest token (default)"))
    add("-p", "--top-p", type=float, metavar="P", help=_("choose among the likeliest that add up to probability P"))
    add("-k", "--top-k", type=int, metavar="K", help=_("choose among the K likeliest"))
    add("--min-p", type=float, metavar="P", help=_("choose among those at least P times as likely as the likeliest"))
    add("-s", "--seed", type=int, default=0, metavar="N", help=_("the same seed gives the same reply (default: 0)"))
    add("--stop", action="append", metavar="TEXT", help=_("end before this text; may be given several times"))
    add("--system", metavar="TEXT", help=_("instructions for this conversation from here on; \"\" removes them"))
    add("--new", action="store_true", help=_("begin a new conversation"))
    add("--raw", action="store_true", help=_("continue the prompt as it is, outside the conversation"))
    add("-o", "--output", type=variable, default="reply", metavar="NAME",
        help=_("the variable that keeps the reply (default: reply)"))
    add("-f", "--format", choices=("text", "markdown"), default="text",
        help=_("how the reply is shown (default: text)"))
    add("-h", "--help", action="store_true", help=_("this list"))
    return parser


def split(line: str):
    """(the option words with which a line begins, the rest as it is written). A lone -- ends the options.

    >>> split("-n 5 --stop 'the end' What's 3 - 4")
    (['-n', '5', '--stop', 'the end'], "What's 3 - 4")
    """
    words, at = [], 0
    while (match := WORD.match(line, at)) and match[1].startswith("-") and match[1] != "-":
        word, at = match[1], match.end()
        if word == "--":
            break
        words.append(unquoted(word))
        has_value = "=" in word or word in SWITCHES or (word[1] != "-" and len(word) > 2)   # -n5
        if not has_value and (value := WORD.match(line, at)):
            words.append(unquoted(value[1]))
            at = value.end()
    return words, line[at:].strip()


def unquoted(word):
    return re.sub(r"""\"([^"]*)"|'([^']*)'""", r"\1\2", word)


def command_of(text: str):
    """(command, its words) if the line is one, (None, []) if it is a prompt: "reset the clock" is a question.

    >>> command_of("load tiny -b 4"), command_of("reset"), command_of("load the dishwasher")
    (('load', ['tiny', '-b', '4']), ('reset', []), (None, []))
    """
    command, *words = text.split(maxsplit=1) or [""]
    words = [unquoted(word) for word in WORD.findall(words[0])] if words else []
    if command == "load" and (len(words) < 2 or words[1].startswith("-")):
        return command, words
    return (command, []) if command in COMMANDS[1:] and not words else (None, [])


def sampling(options) -> dict:
    """The options that stream_generate takes; what was not given keeps its default there."""
    names = ("max_tokens", "temperature", "seed", "top_p", "top_k", "min_p", "stop")
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}
