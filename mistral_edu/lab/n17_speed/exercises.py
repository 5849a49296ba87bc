"""Exercises of notebook 17: the bytes that a token reads, and the batch from which on arithmetic is the limit."""
import math
from dataclasses import replace

from mistral_edu.bench.limits import ONE_GB
from mistral_edu.config import MistralConfig
from mistral_edu.lab.exercises.bank import Exercise
from mistral_edu.lab.n17_speed.slips import BATCH_SLIPS, BYTES_SLIPS

SMALL = MistralConfig(dim=4, n_layers=1, head_dim=2, hidden_dim=8, n_heads=2, n_kv_heads=1, context_len=16,
                      vocab_size=10, window_size=4)
SEVEN = MistralConfig.preset("7b-v0.1")
WIDE = replace(SMALL, window_size=None, n_layers=2, n_heads=4, vocab_size=12)


def bytes_per_token(config, bits, context):
    """Bytes that one decode step reads: weights of so many bits, and the keys and values in sight, in 16 bit."""
    numbers = config.n_parameters - (config.vocab_size - 1) * config.dim
    per_number = 2 if bits == 16 else (bits + 0.5) / 8
    in_sight = context if config.window_size is None else min(context, config.window_size)
    keys_and_values = 2 * config.n_layers * config.n_kv_heads * config.head_dim * in_sight
    return numbers * per_number + 2 * keys_and_values


def least_batch(bits, read_gb_per_s, gflops):
    """The least number of rows whose arithmetic takes at least as long as reading the weights once."""
    per_number = 2 if bits == 16 else (bits + 0.5) / 8
    return math.ceil(per_number / (read_gb_per_s * ONE_GB) * (gflops * ONE_GB) / 2)


EXERCISES = (
    Exercise(
        "17.1", minutes=6, points=3,
        cases=((SMALL, 16, 3), (SMALL, 16, 9), (WIDE, 16, 9), (SEVEN, 16, 1000), (SEVEN, 8, 4096), (SEVEN, 4, 1000),
               (SEVEN, 4, 30000), (SEVEN, 8, 30000), (replace(SEVEN, window_size=None), 4, 30000)),
        reference=bytes_per_token, slips=BYTES_SLIPS,
        hints=(
            "Two parts: the numbers of the weights that are read, times the bytes of a number; and the numbers of the "
            "keys and values in sight, times 2 bytes.",
            "Of the embedding, vocab_size rows of dim numbers, one row is read: leave (vocab_size - 1) * dim out of "
            "config.n_parameters. A number in 16 bit takes 2 bytes, one in 8 or 4 bit (bits + 0.5) / 8.",
            "In sight are context tokens, or config.window_size if that is smaller; it is None where there is no "
            "window. Each has a key and a value of head_dim numbers, in each of n_layers layers and n_kv_heads heads.",
            "weights = (config.n_parameters - (config.vocab_size - 1) * config.dim) * bytes_per_number, and "
            "cache = 2 * 2 * config.n_layers * config.n_kv_heads * config.head_dim * in_sight.",
        ),
    ),
    Exercise(
        "17.3", minutes=5, points=2,
        cases=((16, 30, 250), (16, 20, 160), (8, 20, 160), (4, 30, 400), (16, 400, 14100), (4, 33.6, 424),
               (8, 31.7, 1075), (16, 3000, 100000)),
        reference=least_batch, slips=BATCH_SLIPS,
        hints=(
            "Take one number of the weights. How many seconds does it take to read it? How many to use it for one row?",
            "Reading: bytes per number / (read_gb_per_s * 1e9). A row: 2 / (gflops * 1e9), for a multiplication and an "
            "addition. How many rows fit into the time that reading takes?",
            "rows = bytes_per_number * gflops / (2 * read_gb_per_s), rounded up: -(-rows // 1).",
        ),
    ),
)
