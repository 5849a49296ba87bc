"""`mistral-edu launch -n 2 generate "..."`: a command with its model divided among several processes.

Only rank 0's output is shown, since all ranks say the same. What a program pipes in, or a person types, goes to all of
them.
"""
import json
import os
import shlex
import sys
import threading
from argparse import ArgumentTypeError

from mistral_edu.bench.results import check_place
from mistral_edu.commands import bench
from mistral_edu.commands.arguments import given, option
from mistral_edu.commands.main import build_parser, main
from mistral_edu.commands.terminal import printable, tidy_when_killed
from mistral_edu.machine.processors import processors
from mistral_edu.parallel.compared import benchmark
from mistral_edu.parallel.hosts import BACKENDS, HERE, place_ranks
from mistral_edu.parallel.measure import samples
from mistral_edu.parallel.model import load_sharded
from mistral_edu.parallel.verdict import GroupFailed
from mistral_edu.parallel.watch import LIMIT, Group

EXAMPLES = """examples:
  mistral-edu launch -n 2 generate "Tell me a story about a red ball."
  mistral-edu launch -n 2 chat --bits 4
  mistral-edu launch -n 1,2 bench --random 230m --bits 16 --context 128    (one rank and two, in turn)
  mistral-edu launch --hostfile macs.json generate "Hello!" --model mistralai/Mistral-7B-Instruct-v0.3
  mistral-edu launch -n 2 --backend nccl generate "Hello!"    (NVIDIA GPUs)
Each process, or rank, reads only its part of every layer. Ctrl-C ends all of them."""

COMMANDS = ("generate", "chat", "bench")
# Of the options of bench, those taken here:
BENCH = ("model", "random", "bits", "context", "batch", "max_tokens", "repeats", "no_fast", "json", "save")


def add_arguments(parser):
    add = parser.add_argument
    add("-n", type=sizes, metavar="N", help="how many ranks, all on this machine (default: 2); for bench also several "
        "numbers, as 1,2,4, measured in turn")
    add("--hostfile", metavar="FILE", help="a JSON file of hosts, one rank on each, as mlx.distributed_config "
        "writes it; this package must be in the same place on all of them")
    add("--backend", choices=BACKENDS, help="ring: TCP, any machines (default); nccl: NVIDIA GPUs, one for each rank")
    add("--limit", type=float, default=LIMIT, metavar="S", help="seconds without any progress after which "
        f"the ranks are ended, with a message that says where each of them waits (default: {LIMIT})")
    add("words", nargs="...", metavar="COMMAND", help=f"one of {', '.join(COMMANDS)}, with its arguments")


def run(args) -> int:
    """Returns the exit code: that of the ranks, 1 if one of them died."""
    if not args.words or args.words[0] not in COMMANDS:
        got = repr(args.words[0]) if args.words else "nothing"
        raise ValueError(f"launch takes one of {', '.join(COMMANDS)} and its arguments; got {got}. For example: "
                         'mistral-edu launch -n 2 generate "Hello!"')
    if any(word.split("=")[0] == "--api" for word in args.words):
        raise ValueError("with --api a server answers, and there is no model to divide; leave out launch or --api")
    numbers = args.n or ([2] if args.hostfile is None else [None])
    if len(numbers) > 1 and args.words[0] != "bench":
        raise ValueError(f"{args.words[0]} runs once, on one number of ranks; got -n {','.join(map(str, numbers))}. "
                         "Only bench takes several")
    placement = place_ranks(numbers[-1], args.hostfile, args.backend)
    hint_at_processors(placement)
    try:
        with tidy_when_killed():  # ranks are ended first
            if args.words[0] == "bench":
                return run_bench(args, numbers)
            with Group(placement, ["module", __name__, *args.words], limit=args.limit) as group:
                hand_on_input(group, args.words)
                listen(group)
    except GroupFailed as error:
        if len(set(error.codes)) > 1 or error.rank is None or error.codes[0] < 0:
            raise ValueError(error) from None
        return error.codes[0]  # all ranks ended with it, and rank 0 has said why
    return 0


def run_in_rank(group, words) -> int:
    """The command in one of the ranks, with its part of a model in place of a whole one. Returns the exit code."""
    if words[0] == "bench":
        for sample in samples(bench_arguments(words), group):
            if group.rank() == 0:
                print(json.dumps(sample))
        return 0
    if words[0] == "generate" and "--json" not in words:
        words = [*words, "--stats"]
    return main(words, load=lambda name, **settings: load_sharded(name, group, **settings))


def run_bench(args, numbers) -> int:
    """Measure groups of these sizes in turn, and print the table, or the JSON object. Returns the exit code."""
    asked = bench_arguments(args.words)
    if asked.save:
        check_place(asked.save)

    def place(n):
        return place_ranks(n, args.hostfile, args.backend)

    backend = ["--backend", args.backend] if args.backend else []
    there = [] if args.hostfile else ["-n", ",".join(map(str, numbers))]
    command = shlex.join(["mistral-edu", "launch", *there, *backend, *shlex.split(bench.command(asked))[1:]])
    progress = bench.progress_of(asked)
    result = benchmark(place, numbers, args.words, __name__, asked, command, args.limit, progress)
    bench.keep_and_show(result, asked, progress)
    return 0


def sizes(text):
    """One number, or several with commas between.

    >>> sizes("1,2,4")
    [1, 2, 4]
    """
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no number of ranks; give one, such as 2, or several: 1,2,4") from None


def bench_arguments(words):
    """The arguments of a bench command. Raises ValueError for those that only a single process takes."""
    args = build_parser("bench").parse_args(words)
    if idle := [name for name in given(args, bench.add_arguments) if name not in BENCH]:
        raise ValueError(f"on several ranks bench takes {', '.join(map(option, BENCH))}; leave out "
                         f"{', '.join(map(option, idle))}, or launch")
    return args


def listen(group):
    """Show what rank 0 says, until all have ended."""
    shows_prompt = sys.stdin.isatty() and sys.stdout.isatty()
    state = "runs"
    for event in group.events():
        if event and event[0] == 0:
            _, kind, text = event
            print(printable(text), end="", flush=True, file=sys.stdout if kind == "out" else sys.stderr)
        before, state = state, group.ranks[0].note.get("state")
        if shows_prompt and (before, state) == ("runs", "reads"):
            print("> ", end="", flush=True)


def hand_on_input(group, words):
    """Send all ranks what comes on stdin, from a thread. Without a reader for it, they have none."""
    if sys.stdin.isatty() and words[0] != "chat":
        return send(group, b"")

    def hand_on():
        try:
            while data := os.read(sys.stdin.fileno(), 65536):
                send(group, data)
        except (OSError, ValueError):
            pass  # stdin is closed, or not a file
        send(group, b"")

    threading.Thread(target=hand_on, daemon=True).start()


def send(group, data):
    for rank in group.ranks:
        rank.write(data)


def hint_at_processors(placement):
    n_here = sum(host.ssh_hostname == HERE for host in placement.hosts)
    if placement.backend == "ring" and n_here > processors():
        print(f"hint: {n_here} ranks take turns on {processors()} processors. A waiting rank polls, so each sum may "
              "take some hundredths of a second", file=sys.stderr)
