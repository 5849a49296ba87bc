"""`mistral-edu evaluate`: measure the embedded model."""
import json
import sys

import mlx.core as mx

from mistral_edu.commands.arguments import at_least_1
from mistral_edu.machine.processors import processors
from mistral_edu.tiny.evaluate import evaluate, say_nothing, table

EXAMPLES = """examples:
  mistral-edu evaluate tiny
  mistral-edu evaluate tiny --json > results.json"""


def add_arguments(parser):
    parser.add_argument("model", nargs="?", default="tiny",
                        help="tiny, or a folder that `mistral-edu train` wrote without --world")
    parser.add_argument("--bits", type=int, nargs="+", choices=(16, 8, 4), default=[16, 8, 4],
                        help="precisions to measure")
    parser.add_argument("--items", type=at_least_1, default=100, help="held-out prompts per task (default: 100)")
    parser.add_argument("--quick", action="store_true", help="a small sample: 10 prompts per task, three distances")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")


def run(arguments) -> int:
    """Print the table, or the JSON object; progress goes to stderr. Returns the exit code."""
    sizes = dict(n=arguments.items, n_recall=max(1, arguments.items // 2))
    if arguments.quick:
        sizes = dict(n=10, n_recall=5, distances=(64, 256, 512))
    on_cpu = mx.default_device() == mx.Device(mx.cpu)
    processes = min(len(arguments.bits), processors()) if on_cpu else 1
    if arguments.json and not sys.stderr.isatty():
        sizes["progress"] = say_nothing
    results = evaluate(arguments.model, arguments.bits, processes, **sizes)
    print(json.dumps(results) if arguments.json else table(results))
    return 0
