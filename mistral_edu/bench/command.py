"""`mistral-edu bench`: the arguments, and what is printed."""
import json
import shlex
import sys

from mistral_edu.bench.measure import Case
from mistral_edu.bench.results import stored_results
from mistral_edu.bench.rounds import benchmark
from mistral_edu.bench.tables import as_table, published_table
from mistral_edu.config import PRESETS


def add_arguments(parser):
    add = parser.add_argument
    add("model", nargs="?", help='"tiny", or a folder or hub name of a checkpoint (default: tiny)')
    add("--random", choices=PRESETS, metavar="PRESET", help="random weights of this shape, made in memory: "
        + ", ".join(PRESETS))
    add("--bits", type=int, nargs="+", choices=(16, 8, 4), metavar="B", help="precisions: 16 (as stored), 8, 4 "
        "(default: all three for tiny and --random; a checkpoint of your own as it is stored)")
    add("--context", type=int, nargs="+", default=[128, 512], metavar="L",
        help="lengths of the prompt in tokens (default: 128 512)")
    add("--max-tokens", type=int, default=64, metavar="N", help="tokens to generate after each (default: 64)")
    add("--repeats", type=int, default=3, metavar="R", help="rounds, each in fresh processes (default: 3)")
    add("--no-fast", action="store_true", help="the readable code alone, without the engine of mistral_edu.fast")
    add("--json", action="store_true", help="print one JSON object, as mistral_edu/bench/schema.json describes it")
    add("--published", action="store_true", help="measure nothing; print a table that others have published")


def cases(args):
    """The configurations that the arguments ask for, one per precision."""
    if args.model and args.random:
        raise ValueError(f"measure either {args.model} or --random {args.random}; for both, call bench twice")
    model = args.model or (None if args.random else "tiny")
    all_bits = args.bits or ([16, 8, 4] if args.random or model == "tiny" else [None])
    return [Case(model, args.random, bits, not args.no_fast, tuple(args.context), args.max_tokens)
            for bits in all_bits]


def command(args):
    """The command that measures the same again, with every default written out."""
    words = ["mistral-edu", "bench", *(["--random", args.random] if args.random else [args.model or "tiny"])]
    words += ["--bits", *args.bits] if args.bits else []
    words += ["--context", *args.context, "--max-tokens", args.max_tokens, "--repeats", args.repeats]
    return shlex.join(map(str, words + ["--no-fast"] * args.no_fast))


def published():
    """The tables of all quoted results."""
    return "\n\n".join(map(published_table, stored_results("quoted").values()))


def run(args) -> int:
    """Print the table, or the JSON object; progress goes to stderr. Returns the exit code."""
    if args.published:
        print(json.dumps(stored_results("quoted"), indent=1) if args.json else published())
        return 0

    def progress(text):
        if sys.stderr.isatty() or not args.json:
            print(text, file=sys.stderr, flush=True)

    result = benchmark(cases(args), args.repeats, command(args), progress)
    print(json.dumps(result, indent=1) if args.json else as_table(result))
    return 0
