"""Seconds and bytes a token of a sharded model, for `mistral-edu launch -n N bench`. Runs in every rank.

Nothing here depends on a clock but what is shown: ranks that decided by their own clocks would part.
"""
import statistics
import time

from mistral_edu.bench.timed_answers import prompt_ids
from mistral_edu.generate import decode
from mistral_edu.parallel.counted import bytes_per_call, bytes_received
from mistral_edu.parallel.model import load_sharded, random_sharded
from mistral_edu.prefill import Reader, prefill
from mistral_edu.quantize import size_in_bytes
from mistral_edu.sampling import GREEDY

HEAD = ("bits", "context", "prompt tok/s", "tok/s", "ms a token", "bytes sent a token", "by formula", "MB of weights")


def table(args, group):
    """The rows of all precisions and lengths that the arguments of a bench command ask for, as text."""
    rows = [row for bits in args.bits or [16, 8, 4] for row in measure(args, bits, group)]
    lines = ["".join(f"{value:>{len(title) + 3}}" for value, title in zip(row, HEAD)) for row in [HEAD, *rows]]
    n = group.size()
    title = f"{args.random or args.model or 'tiny'} on {n} rank{'s' * (n > 1)}; bytes and weights are those of one rank"
    return "\n".join([title, *lines])


def measure(args, bits, group):
    """Rows under HEAD, one per length of the prompt."""
    fewer = None if bits == 16 else bits
    model = random_sharded(args.random, fewer, group) if args.random else \
        load_sharded(args.model or "tiny", group, bits=fewer)[0]
    itemsize = model.model.norm.weight.itemsize
    formula = bytes_per_call(model.config, group.size(), 1, itemsize, group.rank() + 1)  # of the rank that sends to us
    answer(model, 4, 3)  # the first use of a size makes room for it
    for context in args.context:
        answers = [answer(model, context, args.max_tokens) for _ in range(args.repeats)]
        prompt, token = (statistics.median(values) for values in list(zip(*answers))[:2])
        sent = "not counted" if answers[0][2] is None else f"{answers[0][2]:,.0f}"
        yield (bits, context, f"{context / prompt:.1f}", f"{1 / token:.1f}", f"{1000 * token:.1f}", sent,
               f"{formula:,}", f"{size_in_bytes(model) / 1e6:.1f}")


def answer(model, context, n_tokens):
    """(seconds for the prompt, seconds a token, bytes received a token) of one greedy answer."""
    began, reader = time.perf_counter(), Reader(model)
    logits = prefill(reader, prompt_ids(model.config.vocab_size, context)[0])
    read, received = time.perf_counter(), bytes_received()
    for _ in decode(reader, logits, n_tokens, GREEDY):
        pass
    n, done = n_tokens - 1, time.perf_counter()  # the first token comes from the prompt's logits
    return read - began, (done - read) / n, None if received is None else (bytes_received() - received) / n
