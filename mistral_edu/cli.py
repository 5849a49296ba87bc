"""The command `mistral-edu`: one function per subcommand, each returning its exit code.

Exit codes: 0 all well; 1 something failed, or doctor found a problem; 2 the command line was wrong; 130 Ctrl-C.
Answers and JSON go to stdout, everything else to stderr.
"""
import argparse
import json
import os
import sys
import warnings
from itertools import islice
from pathlib import Path

from mistral_edu import __version__
from mistral_edu.commands.showing import figures, printable, say_compiling, stats

EXAMPLES = {
    "generate": """examples:
  mistral-edu generate "Tell me a story about a red ball."
  mistral-edu generate "Tell me a story." --temperature 0.8 --seed 7
  echo "What is 7 plus 5?" | mistral-edu generate --json""",
    "chat": """examples:
  mistral-edu chat
  mistral-edu chat --temperature 0.7 --seed 1
  printf 'Hello!\\nWho are you?\\n' | mistral-edu chat
Within the chat, /help lists what else there is: taking back, saving, instructions.""",
    "convert": """examples:
  mistral-edu convert mistralai/Mistral-7B-Instruct-v0.3 mistral-4bit
  mistral-edu convert ./Mistral-7B-v0.1 ./mistral-8bit --bits 8 --group-size 32
  mistral-edu convert ./Mistral-7B-v0.1 ./mistral-16bit --bits none
After a stop, the same command starts again; what was half written is removed.""",
    "evaluate": """examples:
  mistral-edu evaluate tiny
  mistral-edu evaluate tiny --json > results.json""",
    "train": """examples:
  mistral-edu train --minutes 14             (all of it: on a fast GPU)
  mistral-edu train --minutes 4 --tasks fact (one task from nothing: enough for a processor to learn)
  mistral-edu train --out runs/mine        (run it again to go on after a stop)""",
    "bench": """examples:
  mistral-edu bench
  mistral-edu bench --random 230m --bits 16 4 --context 256 --repeats 1
  mistral-edu bench --batch 1 8 --json > results.json
  mistral-edu bench --set-up llama.cpp     (once; then beside ours, with the same weights:)
  mistral-edu bench --random 230m --bits 16 4 --compare llama.cpp --save ./result.json
  mistral-edu bench --show ./result.json   (its table again)
  mistral-edu bench --published            (figures of others, marked as theirs)""",
    "doctor": """examples:
  mistral-edu doctor
  mistral-edu doctor --json""",
    "lab": """examples:
  mistral-edu lab
  mistral-edu lab 08                       (opens notebook 08)
  mistral-edu lab 08 --finished            (opens it complete with results, from the folder finished/)
  mistral-edu lab --folder ~/course
  mistral-edu lab --no-browser --port 9999 (options of JupyterLab are passed on)
The notebooks are copies of your own, in the folder mistral-notebooks: at the root of a clone, else below the current
folder. Results after the first prediction of a page appear when you run it. A page that you have changed is never
written over: a newer lesson comes beside it, as "NN_name (new lesson).ipynb". A page that you have deleted stays away
until you ask for it by its number, and then comes as new.""",
}
DTYPES = ("float32", "float16", "bfloat16")


def generate(args):
    from mistral_edu import load, stream_generate
    from mistral_edu.chat import speak
    prompt = args.prompt
    if prompt is None and not sys.stdin.isatty():
        prompt = sys.stdin.read().strip()
    if not prompt:
        raise ValueError('the prompt is empty; give one, as in: mistral-edu generate "Hello!", or through a pipe')
    model, tokenizer = load(args.model, **model_settings(args))
    if args.chat_format:
        speak(tokenizer, args.chat_format)
    say_compiling()
    pieces = []
    settings = {"raw": args.raw, "on_prefill": show_reading, **sampling_settings(args)}
    for piece in stream_generate(model, tokenizer, prompt, **settings):
        pieces.append(piece)
        if not args.json:
            print(printable(piece.text), end="", flush=True)
    last = pieces[-1]
    if args.json:
        report = {"model": args.model, "path": model.path, "prompt": prompt,
                  "text": "".join(piece.text for piece in pieces), "tokens": [piece.token for piece in pieces],
                  "logprobs": [round(piece.logprob, 4) for piece in pieces], "finish_reason": last.finish_reason}
        print(json.dumps({**report, **figures(last)}, ensure_ascii=not speaks_unicode(sys.stdout)))
    else:
        print()
        if args.stats:
            print(stats(last, model), file=sys.stderr)
    return 0


def chat(args):
    from mistral_edu.commands import chat
    return chat.run(args, model_settings(args), sampling_settings(args))


def convert(args):
    from mistral_edu import convert
    folder = convert(args.source, args.out, bits=args.bits, group_size=args.group_size, dtype=args.dtype,
                     overwrite=args.overwrite, on_progress=show_writing, revision=args.revision)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{folder}: {size / 1e6:,.1f} MB. Try it: mistral-edu chat --model {args.out}", file=sys.stderr)
    return 0


def doctor(args):
    from mistral_edu import doctor
    checks = doctor.examine()
    print(json.dumps(doctor.as_json(checks), indent=1) if args.json else doctor.as_text(checks))
    return 1 if any(check.status == "fail" for check in checks) else 0


def lab(args):
    """Replaces this process by JupyterLab, at a notebook of the learner's own, with this environment's kernel."""
    from importlib.util import find_spec

    from mistral_edu import course
    from mistral_edu.course import copies
    if find_spec("jupyterlab") is None:
        package = '"mistral-edu[cpu,lab]"' if course.HOME == course.PACKAGE else '-e ".[cpu,lab]"'
        raise ValueError(f"JupyterLab is not installed in this environment; get it with: pip install {package}")
    folder, page, sentences = copies.prepare(args.notebook, args.folder, args.finished)
    print(*sentences, sep="\n", file=sys.stderr, flush=True)
    address = f"/lab/tree/{page}" if page else "/lab"  # --no-browser prints it, too
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", f"--LabApp.default_url={address}"]
    command += ["--allow-root"] if hasattr(os, "getuid") and os.getuid() == 0 else []
    # the kernel of this very environment, even where the user's own folder has another kernel of the same name
    here = Path(sys.prefix, "share", "jupyter")
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(here), os.environ.get("JUPYTER_PATH")]))
    sys.stdout.flush()
    os.execv(sys.executable, command + args.jupyter_options)


def evaluate(args):
    from mistral_edu.tiny import evaluate
    return evaluate.run(args)


def bench(args):
    from mistral_edu.bench import command
    return command.run(args)


def train(args):
    from mistral_edu.tiny import train
    return train.run(args)


def model_settings(args):
    return {"bits": args.bits, "window_size": args.window, "dtype": args.dtype, "fast": not args.no_fast,
            "context": args.context, "revision": args.revision}


def sampling_settings(args):
    names = ("max_tokens", "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed", "stop")
    return {name: getattr(args, name) for name in names}


def show_reading(done, total):
    """Progress for a prompt so long that it is read in several steps; a line of its own, wiped at the end."""
    if sys.stderr.isatty() and total > 256:
        print(f"\rreading the prompt: {done} of {total} tokens" if done < total else "\r" + " " * 60 + "\r",
              end="", file=sys.stderr, flush=True)


def show_writing(done, total):
    """Progress of a conversion: one line that is written over, where a person watches."""
    if sys.stderr.isatty():
        print(f"\rwritten: {done / 1e6:,.1f} of {total / 1e6:,.1f} MB", end="" if done < total else "\n", file=sys.stderr,
              flush=True)


def speaks_unicode(stream):
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def open_streams():
    """Standard input and outputs that can be used: a closed one, as under cron, is empty, or says nothing.

    Else the next file that is opened would take its place. And an output that knows ASCII only shows other characters
    as escapes, instead of losing the answer.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and not speaks_unicode(stream):
            stream.reconfigure(errors="backslashreplace")


def bits(text):
    """The value of convert's --bits: a number, or "none" for floats."""
    return None if text == "none" else int(text)


def window(text):
    """The value of --window: a number, "none" for full attention, "config" for what the model was published with."""
    return {"none": None, "config": "config"}[text] if text in ("none", "config") else int(text)


def add_model_arguments(parser):
    add = parser.add_argument
    add("--model", default="tiny", metavar="NAME", help='"tiny" (default), a folder that holds a checkpoint, or a name '
        "on the Hugging Face hub, such as mistralai/Mistral-7B-Instruct-v0.3 (fetched once; the cache keeps it)")
    add("--revision", metavar="NAME", help="branch, tag or commit of a model on the hub (default: the newest)")
    add("--bits", type=int, choices=(8, 4), help="quantize the weights while loading")
    add("--window", type=window, default="config", metavar="W", help="let a token see W tokens, its own included; "
        "none: all of them; config: as the model was published (default)")
    add("--dtype", choices=DTYPES, help="dtype of the weights (default: as stored)")
    add("--context", type=int, metavar="N", help="tokens that have to fit into memory (default: 2048)")
    add("--chat-format", metavar="V", help="how a question is written for the model: v1, v3, v7-tekken and others, or "
        "template for the chat template beside the tokenizer (default: what the model speaks)")
    add("--no-fast", action="store_true", help="answer with the readable code, without the engine of mistral_edu.fast")


def add_sampling_arguments(parser):
    add = parser.add_argument
    add("--max-tokens", type=int, default=256, metavar="N", help="tokens to write at most (default: 256)")
    add("--temperature", type=float, default=0.0, metavar="T", help="0 takes the likeliest token each time (default)")
    add("--top-k", type=int, default=0, metavar="K", help="choose among the K likeliest; 0: among all (default)")
    add("--top-p", type=float, default=1.0, metavar="P", help="among the likeliest that add up to probability P")
    add("--min-p", type=float, default=0.0, metavar="P", help="among those at least P times as likely as the likeliest")
    add("--repetition-penalty", type=float, default=1.0, metavar="R", help="above 1: avoid what was said (default: 1)")
    add("--seed", type=int, metavar="N", help="the same seed gives the same answer")
    add("--stop", action="append", default=[], metavar="TEXT", help="end before this text; may be given several times")


def build_parser(command=None):
    """The parser. bench, evaluate and train declare their arguments in modules of their own, read only for that command."""
    parser = argparse.ArgumentParser(prog="mistral-edu", description="A small Mistral, and notebooks that build it up.",
                                     epilog="Each command has its own help: mistral-edu generate --help")
    parser.add_argument("--version", action="version", version=f"mistral-edu {__version__}")
    parser.add_argument("--traceback", action="store_true",
                        help="show where an error comes from (or set MISTRAL_EDU_TRACEBACK=1)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(run, text):
        name = run.__name__
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=EXAMPLES[name],
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
        sub.set_defaults(run=run)
        return sub

    sub = add(generate, "answer one prompt, as it is written")
    sub.add_argument("prompt", nargs="?", help="the user's message; without it, it is read from the pipe")
    sub.add_argument("--raw", action="store_true", help="continue the prompt as it is, not as a message to answer")
    sub.add_argument("--json", action="store_true", help="print one JSON object: text, tokens, logprobs, speed")
    sub.add_argument("--stats", action="store_true", help="print tokens and speed at the end")
    add_model_arguments(sub)
    add_sampling_arguments(sub)

    sub = add(chat, "talk with the model, in turns")
    sub.add_argument("--system", metavar="TEXT", help="instructions that stand before each question")
    add_model_arguments(sub)
    add_sampling_arguments(sub)

    sub = add(convert, "write a checkpoint anew, in 4 or 8 bit or another dtype, for this package and mlx-lm")
    sub.add_argument("source", help="a folder that holds a checkpoint, or a name on the Hugging Face hub")
    sub.add_argument("out", help="the folder to make")
    sub.add_argument("--bits", type=bits, default=4, choices=(8, 6, 5, 4, 3, 2, None), metavar="{8,6,5,4,3,2,none}",
                     help="bits per weight; none: keep floats (default: 4)")
    sub.add_argument("--group-size", type=int, default=64, choices=(32, 64, 128),
                     help="weights that share a scale (default: 64)")
    sub.add_argument("--dtype", choices=DTYPES, default="bfloat16", help="dtype of floats, scales included "
                     "(default: bfloat16)")
    sub.add_argument("--overwrite", action="store_true", help="replace the folder of a model, once all is written")
    sub.add_argument("--revision", metavar="NAME", help="branch, tag or commit on the hub (default: the newest)")

    sub = add(evaluate, "measure the embedded model: exact match, recall, stories, at 16, 8 and 4 bit")
    if command == "evaluate":
        from mistral_edu.tiny import evaluate as module
        module.add_arguments(sub)

    sub = add(bench, "measure load time, prompt speed, generation speed and memory of a model")
    if command == "bench":
        from mistral_edu.bench import command as module
        module.add_arguments(sub)

    sub = add(doctor, "look at this machine: what works, what does not, and what to do about it")
    sub.add_argument("--json", action="store_true", help="print one JSON object")

    sub = add(lab, "open JupyterLab at a notebook; other options are passed on to JupyterLab")
    sub.add_argument("notebook", nargs="?", help="its number, or the beginning of its name (default: 00)")
    sub.add_argument("--finished", action="store_true", help="open the page as it is stored, complete with results")
    sub.add_argument("--folder", metavar="DIR", help="where your pages are, or shall be (default: mistral-notebooks)")

    sub = add(train, "train the embedded model anew; goes on where it was stopped")
    if command == "train":
        from mistral_edu.tiny import train as module
        module.add_arguments(sub)
    return parser


def split_lab(argv):
    """(what is lab's own, what JupyterLab gets): lab's options, wherever they stand, and words before all others.

    >>> split_lab(["lab", "08", "--no-browser", "--finished", "--port", "9999"])
    (['lab', '08', '--finished'], ['--no-browser', '--port', '9999'])
    """
    first = argv.index("lab") + 1
    own, passed_on, words = argv[:first], [], iter(argv[first:])
    for word in words:
        if word in ("-h", "--help", "--finished") or word.startswith("--folder="):
            own.append(word)
        elif word == "--folder":
            own += [word, *islice(words, 1)]
        elif passed_on or word.startswith("-"):
            passed_on.append(word)
        else:
            own.append(word)
    return own, [word for word in passed_on if word != "--"]


def main(argv=None):
    open_streams()
    argv = sys.argv[1:] if argv is None else list(argv)
    command = next((word for word in argv if not word.startswith("-")), None)
    own, passed_on = split_lab(argv) if command == "lab" else (argv, [])
    args = build_parser(command).parse_args(own)
    args.jupyter_options = passed_on
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *where: print(f"hint: {message}", file=sys.stderr)
            return args.run(args)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    except BrokenPipeError:  # `mistral-edu generate ... | head -1`: who read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        if args.traceback or os.environ.get("MISTRAL_EDU_TRACEBACK", "0") != "0":
            raise
        print(f"mistral-edu {args.command}: {error}", file=sys.stderr)
        return 1
