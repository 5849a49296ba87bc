"""`mistral-edu generate`: answer one prompt."""
import json
import sys

from mistral_edu.chat import speak
from mistral_edu.commands.arguments import (
    add_model_arguments,
    add_sampling_arguments,
    model_settings,
    sampling_settings,
)
from mistral_edu.commands.terminal import bar, figures, printable, say_compiling, speaks_unicode, stats
from mistral_edu.generate import stream_generate

EXAMPLES = """examples:
  mistral-edu generate "Tell me a story about a red ball."
  mistral-edu generate "Tell me a story." --temperature 0.8 --seed 7
  echo "What is 7 plus 5?" | mistral-edu generate --json"""


def add_arguments(parser):
    parser.add_argument("prompt", nargs="?", help="the user's message; without it, it is read from the pipe")
    parser.add_argument("--raw", action="store_true", help="continue the prompt as it is, not as a message to answer")
    parser.add_argument("--json", action="store_true", help="print one JSON object: text, tokens, logprobs, speed")
    parser.add_argument("--stats", action="store_true", help="print tokens and speed at the end")
    add_model_arguments(parser)
    add_sampling_arguments(parser)


def run(args) -> int:
    """Print the answer as it is written, or one JSON object. Returns the exit code."""
    prompt = args.prompt
    if prompt is None and not sys.stdin.isatty():
        prompt = sys.stdin.read().strip()
    if not prompt:
        raise ValueError('the prompt is empty; give one, as in: mistral-edu generate "Hello!", or through a pipe')
    model, tokenizer = args.load(args.model, **model_settings(args))
    if args.chat_format:
        speak(tokenizer, args.chat_format)
    say_compiling()
    pieces = []
    with bar("reading the prompt", " tokens") as show:
        settings = {"raw": args.raw, "on_prefill": show, **sampling_settings(args)}
        for piece in stream_generate(model, tokenizer, prompt, **settings):
            pieces.append(piece)
            if not args.json:
                print(printable(piece.text), end="", flush=True)
    last = pieces[-1]
    if args.json:
        report = {"model": args.model, "path": model.answered_by, "prompt": prompt,
                  "text": "".join(piece.text for piece in pieces), "tokens": [piece.token for piece in pieces],
                  "logprobs": [round(piece.logprob, 4) for piece in pieces], "finish_reason": last.finish_reason}
        print(json.dumps({**report, **figures(last)}, ensure_ascii=not speaks_unicode(sys.stdout)))
    else:
        print()
        if args.stats:
            print(stats(last, model), file=sys.stderr)
    return 0
