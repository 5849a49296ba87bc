"""What goes wrong in the exercises of notebook 17: (wrong function, what to tell its author) pairs."""
import math


def _bytes(row=1, whole=False, per_number=None, cache=True, both=2, width=2, window=True, heads="n_kv_heads",
           times=1, layers=True, more=0, seen_of=min, tables=1):
    """bytes_per_token with one thing or another done otherwise."""
    def wrong(config, bits, context):
        context += more
        table = 0 if whole else tables * (config.vocab_size - row) * config.dim
        each = per_number(bits) if per_number else 2 if bits == 16 else (bits + 0.5) / 8
        seen = seen_of(context, config.window_size) if window and config.window_size else context
        each_layer = both * getattr(config, heads) * config.head_dim * seen if cache else 0
        kept = each_layer * (config.n_layers if layers else 1)
        return times * ((config.n_parameters - table) * each + (each if width is None else width) * kept)
    return wrong


def _bytes_of_none(config, bits, context):
    """bytes_per_token that takes every window for a number."""
    min(context, config.window_size)
    return _bytes()(config, bits, context)


def plain(bits):
    return bits / 8


TABLE = "of the embedding table, a step reads one row of dim numbers, not all vocab_size of them"
CACHE = "the keys and values in sight are read, too: every query looks at all of them"
WINDOW = "with a window, no more than window_size tokens are in sight"
SCALES = "in 8 and 4 bit, each number takes half a bit more, for scale and bias of its group: (bits + 0.5) / 8 bytes"
KEYS = "each token in sight has a key and a value, and each of their numbers takes 2 bytes: that is twice as much"
LOOKUP = "only the embedding is a table of which one row is read; the output layer is as large, and read in full"
BYTES_SLIPS = (
    (_bytes(whole=True), TABLE),
    (_bytes(row=0), "one row of the embedding is read, that of the token: dim numbers are missing"),
    (_bytes(cache=False), CACHE),
    (_bytes(both=1), KEYS),
    (_bytes(window=False), WINDOW),
    (_bytes(layers=False), "each of the n_layers layers has keys and values of its own"),
    (_bytes(more=1), "context counts all tokens so far, including the one that is being read: do not add one"),
    (_bytes(more=-1), "all of the context tokens are in sight: do not subtract one"),
    (_bytes(seen_of=lambda context, window: window),
     "before window_size tokens have come, only context of them are in sight"),
    (_bytes(seen_of=max), "in sight is the smaller of context and window_size, not the larger"),
    (_bytes(seen_of=lambda context, window: min(context, window - 1)),
     "the window holds window_size tokens, the newest one included: do not subtract one"),
    (_bytes(tables=2), LOOKUP),
    (_bytes(tables=2, row=0), LOOKUP),
    (_bytes_of_none, "window_size is None where there is no window, and a number cannot be compared with None: ask for "
     "that first"),
    (_bytes(times=8), "these are bits; 8 of them are a byte"),
    (_bytes(times=1e-9), "that is in GB; bytes are asked for"),
    (_bytes(times=1e-6), "that is in MB; bytes are asked for"),
    (_bytes(per_number=plain), SCALES),
    (_bytes(per_number=lambda bits: (bits + 0.5) / 8), "in 16 bit a number has no scale and bias: it takes 2 bytes"),
    (_bytes(width=None), "the keys and values stay in 16 bit, 2 bytes a number, whatever the bits of the weights"),
    (_bytes(heads="n_heads"), "keys and values belong to the n_kv_heads heads, which are fewer than n_heads"),
    (_bytes(per_number=lambda bits: bits), "the weights are counted in bits; 8 of them are a byte"),
    (_bytes(per_number=lambda bits: 2), "the bits are not used: 2 bytes a number are right for 16 bit alone"),
    (_bytes(whole=True, cache=False), f"two things: {TABLE}; and {CACHE}"),
    (_bytes(whole=True, per_number=plain), f"two things: {TABLE}; and {SCALES}"),
    (_bytes(whole=True, window=False), f"two things: {TABLE}; and {WINDOW}"),
    (_bytes(cache=False, per_number=plain), f"two things: {CACHE}; and {SCALES}"),
    (_bytes(window=False, per_number=plain), f"two things: {WINDOW}; and {SCALES}"),
    (_bytes(whole=True, cache=False, per_number=plain), f"three things: {TABLE}; {CACHE}; and {SCALES}"),
)


def _batch(per_number=lambda bits: 2 if bits == 16 else (bits + 0.5) / 8, operations=2, rounded=math.ceil):
    return lambda bits, read_gb_per_s, gflops: rounded(per_number(bits) * gflops / (operations * read_gb_per_s))


HALF_A_BIT = "in 8 and 4 bit, each number takes half a bit more: (bits + 0.5) / 8 bytes"
NO_BITS = "that is the number of operations per byte; only in 16 bit it is the number of rows, too"
BATCH_SLIPS = (
    (_batch(operations=1), "a number costs two operations for each row, a multiplication and an addition"),
    (_batch(rounded=lambda rows: int(rows) + 1),
     "int(x) + 1 is one too many where x is whole: at 8.0, eight rows take as long as reading; -(-x // 1) rounds up"),
    (_batch(rounded=math.floor), "rounded down, reading still takes longer; round up"),
    (_batch(rounded=round), "round up, not to the nearest: with fewer rows reading still takes longer"),
    (_batch(rounded=lambda rows: -rows // 1), "-(-x // 1) rounds up; here the first minus is missing"),
    (_batch(rounded=lambda rows: rows), "a batch is a whole number of rows: round up"),
    (_batch(lambda bits: bits), "these are bits; 8 of them are a byte"),
    (_batch(lambda bits: bits / 8), HALF_A_BIT),
    (_batch(lambda bits: (bits + 0.5) / 8), "in 16 bit a number has no scale and bias: it takes 2 bytes"),
    (_batch(lambda bits: 2), NO_BITS),
    (_batch(lambda bits: 2, operations=1), "the bits are not used; and a multiplication and an addition are two"),
    (_batch(lambda bits: 1), "how many bytes does a number take? That is missing"),
    (_batch(lambda bits: 2, rounded=lambda rows: rows), f"two things: {NO_BITS}; and round up"),
    (_batch(lambda bits: bits / 8, rounded=lambda rows: rows), f"two things: {HALF_A_BIT}; and round up"),
    (_batch(lambda bits: bits / 8, operations=1),
     "two things: in 8 and 4 bit a number takes half a bit more; and a row takes two operations for each number"),
    (_batch(operations=0.5),
     "a row does 2 operations for each number, so divide by 2: the more work a row takes, the fewer rows fit"),
    (lambda bits, read, gflops: math.ceil(2 * read / gflops / (2 if bits == 16 else (bits + 0.5) / 8)),
     "the ratio is upside down: the more operations a second, the more rows it takes to use them"),
    (lambda bits, read, gflops: math.ceil(gflops / (2 * read * (2 if bits == 16 else (bits + 0.5) / 8))),
     "the bytes of a number are on the wrong side: the longer a number takes to read, the more rows fit into that "
     "time"),
)
