"""`mistral-edu bench`: the arguments, and what is printed."""
import json
import os
import shlex
import sys
import time
from contextlib import ExitStack, suppress

from mistral_edu.bench import peers
from mistral_edu.bench.compare import Comparison
from mistral_edu.bench.first_answer import check_gpu
from mistral_edu.bench.measure import Case, check_case
from mistral_edu.bench.results import SCHEMA, check, check_place, fit_to_send, measured_result, save, stored_results
from mistral_edu.bench.rounds import benchmark
from mistral_edu.bench.same_weights import folder_of_weights
from mistral_edu.bench.tables import as_table, published_table
from mistral_edu.commands.arguments import filled, given, option
from mistral_edu.commands.terminal import bar, say, tidy_when_killed
from mistral_edu.config import PRESETS
from mistral_edu.parallel import compared

EXAMPLES = """examples:
  mistral-edu bench
  mistral-edu bench --random 230m --bits 16 4 --context 256 --repeats 1
  mistral-edu bench --batch 1 8 --json > results.json
  mistral-edu bench --set-up llama.cpp     (once; then beside ours, with the same weights:)
  mistral-edu bench --random 230m --bits 16 4 --compare llama.cpp --save ./result.json
  mistral-edu bench --show ./result.json   (its table again)
  mistral-edu bench --published            (figures of others, marked as theirs)"""

# Options with which nothing is measured, and what may be combined with them.
MEASURE_NOTHING = {"show": {"json"}, "submit": set(), "published": {"json"}, "set_up": {"peers"}}

SUBMIT = """\
That is all that would be sent: the JSON above, as {schema} describes it. It names no place on this machine and
no user. To have it kept, paste it into an issue of the project, or open a pull request that adds it as
mistral_edu/bench/results/NAME.json. Nothing has been sent."""


def add_arguments(parser):
    add = parser.add_argument
    add("model", nargs="?", type=filled, help='"tiny", or a folder or hub name of a checkpoint (default: tiny)')
    add("--random", choices=PRESETS, metavar="PRESET", help="random weights of this shape, made in memory: "
        + ", ".join(PRESETS))
    add("--bits", type=int, nargs="+", choices=(16, 8, 4), metavar="B", help="precisions: 16 (as stored), 8, 4 "
        "(default: all three for tiny and --random; your own checkpoint as it is stored)")
    add("--context", type=int, nargs="+", default=[128, 512], metavar="L",
        help="lengths of the prompt in tokens (default: 128 512)")
    add("--batch", type=int, nargs="+", default=[1], metavar="N", help="sequences side by side; tokens per second are "
        "those of all of them together (default: 1)")
    add("--max-tokens", type=int, default=64, metavar="N", help="tokens to generate after each (default: 64)")
    add("--repeats", type=int, default=3, metavar="R", help="rounds, each in fresh processes (default: 3)")
    add("--limit", type=float, metavar="SECONDS", help="begin no round that would not end within so many (default: "
        "none); the first is always measured")
    add("--first", action="store_true", help="on a GPU: also time the first token where nothing is compiled yet")
    add("--no-fast", action="store_true", help="the readable code alone, without the engine of mistral_edu.fast")
    add("--compare", type=filled, metavar="NAMES", help="measure others in the same rounds, with the same weights and "
        "prompts: " + ",".join(peers.PEERS) + "; in batches, too: "
        + ",".join(name for name, peer in peers.PEERS.items() if peer.batches))
    add("--set-up", type=filled, metavar="NAMES", help="measure nothing; make the environments of these others, once")
    add("--peers", type=filled, metavar="FOLDER", help="where the environments of others are (default: in the user's "
        f"cache); {peers.HERE}: none, but the packages that this Python finds")
    add("--json", action="store_true", help="print one JSON object, as mistral_edu/bench/schema.json describes it")
    add("--save", type=filled, metavar="FILE", help="write the result to this file, too; what is finished is there at "
        "once")
    add("--show", type=filled, metavar="RESULT", help="measure nothing; print the table of a saved result: "
        "its file, or a name in mistral_edu/bench/results/")
    add("--submit", type=filled, metavar="RESULT", help="measure nothing; print a saved result as others would see it, "
        "and where to send it")
    add("--published", action="store_true", help="measure nothing; print a table that others have published")


def check_alone(args):
    """Raise ValueError if an option that measures nothing is combined with one that would then have no effect."""
    asked = set(given(args, add_arguments))
    for name, beside in MEASURE_NOTHING.items():
        if name in asked and (idle := sorted(asked - beside - {name})):
            raise ValueError(f"{option(name)} measures nothing, so {', '.join(map(option, idle))} would have no "
                             "effect; leave out one or the other")


def cases(args):
    """The configurations that the arguments ask for, one per precision."""
    if args.model and args.random:
        raise ValueError(f"measure either {args.model} or --random {args.random}; for both, call bench twice")
    model = args.model or (None if args.random else "tiny")
    all_bits = args.bits or ([16, 8, 4] if args.random or model == "tiny" else [None])
    return [Case(model, args.random, bits, not args.no_fast, tuple(args.context), args.max_tokens, tuple(args.batch))
            for bits in dict.fromkeys(all_bits)]


def command(args):
    """The command that measures the same again, with every default written out, but for the places of files."""
    engine = os.environ.get("MISTRAL_EDU_ENGINE")
    words = [f"MISTRAL_EDU_ENGINE={engine}"] if engine else []
    words += ["mistral-edu", "bench", *(["--random", args.random] if args.random else [args.model or "tiny"])]
    words += ["--bits", *args.bits] if args.bits else []
    words += ["--context", *args.context, "--batch", *args.batch, "--max-tokens", args.max_tokens]
    words += ["--repeats", args.repeats, *(["--limit", f"{args.limit:g}"] if args.limit is not None else [])]
    words += ["--first"] * args.first + ["--no-fast"] * args.no_fast
    words += ["--compare", ",".join(peers.names(args.compare))] if args.compare else []
    return shlex.join(map(str, words))


def published():
    """The tables of all quoted results."""
    return "\n\n".join(map(published_table, stored_results("quoted").values()))


def measure(args, progress):
    """The result that the arguments ask for, as schema.json has it."""
    began = time.monotonic()
    if args.repeats < 1:
        raise ValueError(f"--repeats {args.repeats}: measure at least 1 round")
    asked = cases(args)
    for case in asked:
        check_case(case)
    if args.first:
        check_gpu()
    names = peers.names(args.compare) if args.compare else []
    if names and 1 not in args.batch and not any(peers.PEERS[name].batches for name in names):
        raise ValueError(f"--compare {','.join(names)}: measured at batch 1 only, which is not among {args.batch}; add "
                         "it, or leave out --compare")
    with ExitStack() as stack:
        comparison = None
        if names:
            place = args.peers or peers.default_place()
            present = [name for name in names if peers.python_of(name, place).exists()]
            folder = stack.enter_context(folder_of_weights(asked, present))
            comparison = Comparison(asked, names, place, folder, progress)
        show = stack.enter_context(bar("measuring", " rounds"))

        def keep(result):
            if args.save:
                with suppress(OSError):  # the end says so, once all is measured
                    save(result, args.save)
        left = None if args.limit is None else args.limit - (time.monotonic() - began)
        return benchmark(asked, args.repeats, command(args), progress, comparison=comparison, on_round=show, limit=left,
                         keep=keep, first=args.first)


def run(args) -> int:
    """Print the table, or the JSON object; progress goes to stderr. Returns the exit code."""
    check_alone(args)

    progress = progress_of(args)
    if args.published:
        print(json.dumps(stored_results("quoted"), indent=1) if args.json else published())
        return 0
    if args.set_up:
        for name in peers.names(args.set_up):
            peers.set_up(name, args.peers or peers.default_place(), progress)
        return 0
    if args.show:
        show(measured_result(args.show, ("measured", "ranks")), args)
        return 0
    if args.submit:
        print(json.dumps(fit_to_send(measured_result(args.submit)), indent=1))
        print(SUBMIT.format(schema=SCHEMA.name), file=sys.stderr)
        return 0
    if args.save:
        check_place(args.save)
    with tidy_when_killed():
        result = measure(args, progress)
    keep_and_show(result, args, progress)
    return 0


def progress_of(args):
    """The function that says on stderr how far a measurement is; it is silent where a program reads the result."""
    def progress(text):
        if sys.stderr.isatty() or not args.json:
            say(text, sys.stderr)
    return progress


def keep_and_show(result, args, progress):
    """Check a new result, save it where that was asked for, and print it."""
    check(result)
    try:
        if args.save:
            progress(f"saved in {save(result, args.save)}")
    finally:  # what took minutes to measure is shown, whatever happened to the file
        show(result, args)


def show(result, args):
    print(json.dumps(result, indent=1) if args.json else table(result))


def table(result):
    """The table of a result, by one process or by ranks."""
    return as_table(result) if result["kind"] == "measured" else compared.table(result)
