"""Exercises of notebook 01: the parameters of a model, the bytes of its cache."""
from mistral_edu.lab.exercises.bank import Exercise


def count_parameters(dim, n_layers, head_dim, hidden_dim, n_heads, n_kv_heads, vocab_size):
    """How many parameters a model of these sizes has, if its output layer is not its embedding table."""
    attention = 2 * dim * n_heads * head_dim + 2 * dim * n_kv_heads * head_dim      # q and o, k and v
    feed_forward = 3 * dim * hidden_dim                                             # gate, up, down
    layer = attention + feed_forward + 2 * dim                                      # and two norms
    return 2 * vocab_size * dim + n_layers * layer + dim                            # two tables, the last norm


def _count(queries=2, keys=2, matrices=3, norms=2, tables=2, last=1, layers=True, square=False, kv="n_kv_heads",
           key_dim=True, tables_in_layers=False, all_in_layers=False):
    """A count with something wrong: how many there are of each kind, whether q and o are square, which heads k has."""
    def count(dim, n_layers, head_dim, hidden_dim, n_heads, n_kv_heads, vocab_size):
        wide = dim if square else n_heads * head_dim
        narrow = {"n_kv_heads": n_kv_heads, "n_heads": n_heads, "n_rep": n_heads // n_kv_heads, "dim": dim}[kv]
        narrow *= head_dim if key_dim and kv != "dim" else 1
        layer = dim * (queries * wide + keys * narrow + matrices * hidden_dim + norms)
        table = tables * vocab_size * dim
        if all_in_layers:
            return n_layers * (table + layer + last * dim)
        return table * (n_layers if tables_in_layers else 1) + (n_layers if layers else 1) * layer + last * dim
    return count


def _square_o(dim, n_layers, head_dim, hidden_dim, n_heads, *others):
    right = count_parameters(dim, n_layers, head_dim, hidden_dim, n_heads, *others)
    return right + n_layers * dim * (dim - n_heads * head_dim)


def cache_bytes(tokens, n_layers, n_kv_heads, head_dim, window):
    """Bytes of the keys and values that are kept of a text, in 16 bit. window: None keeps all tokens."""
    kept = tokens if window is None else min(tokens, window)
    return kept * 2 * n_layers * n_kv_heads * head_dim * 2


def _bytes(of_one=4, layers=True, heads=True, wide=True, kept=lambda tokens, window: min(tokens, window or tokens)):
    """Cache bytes with something wrong: bytes of a number in key and value together, the factors, the tokens kept."""
    def cache(tokens, n_layers, n_kv_heads, head_dim, window):
        return kept(tokens, window) * of_one * (n_layers if layers else 1) * (n_kv_heads if heads else 1) * (
            head_dim if wide else 1)
    return cache


UNGROUPED = "keys and values have fewer heads than the queries: k and v are dim x (n_kv_heads * head_dim)"
GATE = "the feed-forward has three matrices: gate, up and down"
TIED = "the output layer is a table of its own: vocab_size * dim counts twice"
NORMS = "the norms are missing: dim numbers each, two in a layer and one at the end"
Q_AND_O = "q and o are dim x (n_heads * head_dim)"
SQUARE = f"right where all heads together are as wide as the stream, as in Mistral-7B; in general {Q_AND_O}"
HALF = ("half of what it should be: a token leaves a key and a value, and each number takes 2 bytes; one of these two "
        "factors of 2 is missing")
SHORT = "a text shorter than the window fills only part of it: the smaller of the two is kept"
NO_WINDOW = "window may be None, which stands for no window: then all tokens are kept"
EXERCISES = (
    Exercise(
        "1.2", minutes=5, points=3,
        cases=((5, 1, 2, 8, 3, 1, 10),                              # by hand on the page: 315
               (256, 8, 32, 896, 8, 2, 2048),                       # tiny
               (4096, 32, 128, 14336, 32, 8, 32000),                # Mistral-7B v0.1
               (5120, 40, 128, 14336, 32, 8, 131072)),              # Mistral NeMo: heads narrower than the stream
        reference=count_parameters,
        slips=(
            (_count(kv="n_heads"), UNGROUPED),
            (_count(kv="n_rep"), "n_heads // n_kv_heads says how many queries share a kv head; how many kv heads "
                                 "there are is n_kv_heads itself"),
            (_count(matrices=2), GATE),
            (_count(tables=1), TIED),
            (_count(tables=0), "the two tables are missing, the embedding and the output: vocab_size * dim each"),
            (_count(square=True), SQUARE),
            (_count(square=True, last=0), f"two things: {Q_AND_O}; and one more norm stands after the last layer"),
            (_count(square=True, tables=1), f"two things: {Q_AND_O}; and {TIED}"),
            (_square_o, SQUARE),
            (lambda dim, n_layers, head_dim, *others: count_parameters(dim, n_layers, 1, *others),
             "a head has head_dim numbers: q and o are dim x (n_heads * head_dim), k and v dim x "
             "(n_kv_heads * head_dim)"),
            (_count(square=True, kv="dim"), f"{UNGROUPED}; and {Q_AND_O}"),
            (_count(norms=0, last=0), NORMS),
            (_count(norms=1), "a layer has two norms, one before the attention and one before the feed-forward"),
            (_count(norms=0), "the norms of the layers are missing: two in each, dim numbers apiece"),
            (_count(last=0), "one more norm stands after the last layer: dim numbers"),
            (_count(queries=1), "o is missing: what the heads found is mixed by a matrix as large as q"),
            (_count(key_dim=False),
             "each of the n_kv_heads makes head_dim numbers: k and v are dim x (n_kv_heads * head_dim)"),
            (_count(matrices=2, last=0), f"two things: {GATE}; and one more norm stands after the last layer"),
            (_count(tables_in_layers=True), "the two tables are counted in every layer; a model has each of them once"),
            (_count(tables_in_layers=True, last=0),
             "two things: the two tables are counted in every layer, and a model has each once; and the last norm is "
             "missing"),
            (_count(all_in_layers=True),
             "all of it is multiplied by n_layers; the two tables and the last norm are there once"),
            (_count(keys=0), "k and v are missing: dim x (n_kv_heads * head_dim) each"),
            (_count(keys=1), "k and v are two matrices of the same shape; you have one of them"),
            (_count(layers=False), "that is a model of one layer; each of the n_layers has matrices of its own"),
            (_count(kv="n_heads", matrices=2), f"two things: {UNGROUPED}; and {GATE}"),
            (_count(kv="n_heads", tables=1), f"two things: {UNGROUPED}; and {TIED}"),
            (_count(matrices=2, tables=1), f"two things: {GATE}; and {TIED}"),
            (_count(kv="n_heads", matrices=2, tables=1), f"three things: {UNGROUPED}; {GATE}; and {TIED}"),
            (_count(norms=0, last=0, tables=1), f"two things: {NORMS}; and {TIED}"),
            (_count(norms=0, last=0, kv="n_heads"), f"two things: {NORMS}; and {UNGROUPED}"),
            (_count(norms=0, last=0, matrices=2), f"two things: {NORMS}; and {GATE}"),
            (_count(norms=2, last=0, tables=1), f"two things: one more norm stands at the end; and {TIED}"),
        ),
        hints=(
            "Count one layer first. By hand it was 80 for the attention, 120 for the feed-forward, 10 for the norms. "
            "Which sizes made each of these?",
            "q and o have dim * n_heads * head_dim numbers each, k and v dim * n_kv_heads * head_dim each, gate, up "
            "and down dim * hidden_dim each, and each of the two norms has dim.",
            "The model is n_layers such layers, two tables of vocab_size * dim, and one more norm of dim numbers.",
        ),
    ),
    Exercise(
        "1.7", minutes=3, points=2,
        cases=((3, 1, 1, 2, None), (1, 32, 8, 128, 4096), (8192, 32, 8, 128, 4096), (8192, 32, 8, 128, None),
               (15, 8, 2, 32, 128)),
        reference=cache_bytes,
        slips=(
            (_bytes(of_one=2), HALF),
            (_bytes(of_one=1), "a quarter of what it should be: a token leaves a key and a value, and each of their "
                               "numbers takes 2 bytes"),
            (_bytes(of_one=8), "twice what it should be: 16 bits are 2 bytes"),
            (_bytes(of_one=32), "that is in bits; 8 of them are one byte, so a number of 16 bits takes 2 bytes"),
            (_bytes(layers=False), "that is one layer; each layer keeps keys and values of its own"),
            (_bytes(heads=False), "that is one head; each of the n_kv_heads keeps keys and values of its own"),
            (_bytes(wide=False), "that is one number of a key and one of a value; each has head_dim of them"),
            (_bytes(kept=lambda tokens, window: tokens), "with a window, only the last `window` tokens are kept"),
            (_bytes(kept=lambda tokens, window: window or tokens), SHORT),
            (_bytes(kept=lambda tokens, window: max(tokens, window or tokens)),
             "the larger of tokens and window is taken; kept is the smaller"),
            (_bytes(kept=min), NO_WINDOW),
            (_bytes(of_one=2, kept=min), f"two things: {NO_WINDOW}; and {HALF}"),
            (_bytes(kept=lambda tokens, window: window), f"two things: {NO_WINDOW}; and {SHORT}"),
            (_bytes(kept=lambda tokens, window: min(tokens, window - 1) if window else tokens),
             "a window of W keeps W tokens, the newest among them"),
            (_bytes(kept=lambda tokens, window: max(0, tokens - window) if window else tokens),
             "that counts the tokens that are dropped; kept are the last `window` ones"),
            (_bytes(kept=lambda tokens, window: 1), "that is what one token leaves; multiply by how many are kept"),
            (_bytes(of_one=2, layers=False),
             f"two things: that is one layer, and each layer keeps its own; and {HALF}"),
            (_bytes(of_one=2, heads=False),
             f"two things: that is one head, and each of the n_kv_heads keeps its own; and {HALF}"),
            (_bytes(layers=False, heads=False),
             "two things: that is one head of one layer; each layer keeps keys and values for each of its n_kv_heads"),
            (_bytes(of_one=2, kept=lambda tokens, window: tokens),
             f"two things: {HALF}; and with a window, only the last `window` tokens are kept"),
            (_bytes(of_one=2, kept=lambda tokens, window: window or tokens), f"two things: {HALF}; and {SHORT}"),
        ),
        hints=(
            "By hand: one layer, one head, head_dim 2. A token leaves a key of 2 numbers and a value of 2 numbers.",
            "Each layer keeps these for each of its n_kv_heads. In 16 bit a number takes 2 bytes.",
            "Multiply all of it by the number of tokens that are kept: all of them if window is None, else "
            "min(tokens, window).",
        ),
    ),
)
