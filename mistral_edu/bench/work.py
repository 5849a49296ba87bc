"""How much there is to do: bytes that one token must read, operations that one prompt needs. From these follows the
highest speed that a machine could reach (its roofline: Williams, Waterman, Patterson 2009).

Decode reads every weight once for a single token, so it waits for memory. Prefill uses each weight for all tokens of
the prompt, so a long one waits for the multipliers.
"""
from mistral_edu.bench.row import Shares, Speeds, Work
from mistral_edu.quantize import size_in_bytes


def visible(position, window):
    """How many keys the token at a position (0 is the first) looks at, itself included.

    >>> visible(2, None), visible(2, 2)
    (3, 2)
    """
    return position + 1 if window is None else min(position + 1, window)


def weight_bytes_per_step(model):
    """Bytes of weights that one step of decode reads: all but the embedding table, of which it reads one row.

    A tied embedding table is the output layer, too, so it is read in full. A step of several sequences reads the same.
    """
    table = model.model.embed_tokens
    if model.config.tie_embeddings:
        return size_in_bytes(model)
    rows = table.weight.shape[0]
    return size_in_bytes(model) - size_in_bytes(table) * (rows - 1) // rows


def bytes_per_step(model, context, n_tokens, batch=1, bytes_per_number=2):
    """Bytes that one step of decode reads: the weights once, and the cache of each of `batch` sequences.

    The cache counts with its mean length over n_tokens - 1 steps, at the positions context .. context + n_tokens - 2.
    """
    positions = range(context, context + n_tokens - 1)
    keys = sum(visible(position, model.config.window_size) for position in positions) / len(positions)
    return weight_bytes_per_step(model) + batch * keys * model.config.kv_bytes_per_token(bytes_per_number)


def operations_per_prompt(config, context):
    """Multiplications and additions that reading a prompt of `context` tokens needs.

    Each weight of a block takes one of each per token; scores and weighted sums take n_heads * head_dim of each for
    every key that a token sees. The output layer is needed once, for the last token.

    >>> from mistral_edu.config import MistralConfig
    >>> round(operations_per_prompt(MistralConfig.preset("7b-v0.3"), 1000) / 1e12, 1)    # about 14 GFLOP a token
    14.2
    """
    output = config.vocab_size * config.dim
    embeddings = output * (1 if config.tie_embeddings else 2)
    blocks = config.n_parameters - embeddings
    keys = sum(visible(position, config.window_size) for position in range(context))
    attention = 2 * config.n_layers * config.n_heads * config.head_dim * keys
    return 2 * (blocks * context + output + attention)


def predict(row: Work, read_gb_per_s, matrix_gflops) -> Speeds:
    """The most that the machine allows for a row: {"prompt_tps", "generation_tps"}, tokens per second of all sequences.

    A short prompt waits for the weights, like a single token; a long one for the multiplications. As in shares(),
    reading the cache is not counted.

    >>> row = {"weight_bytes_per_step": 4e9, "operations_per_prompt": 2e12, "context": 128, "batch": 1}
    >>> predict(row, read_gb_per_s=100, matrix_gflops=4000)    # 0.04 s to read, 0.5 s to multiply
    {'prompt_tps': 256.0, 'generation_tps': 25.0}
    """
    reading = row["weight_bytes_per_step"] / (read_gb_per_s * 1e9)                     # seconds
    multiplying = row["batch"] * row["operations_per_prompt"] / (matrix_gflops * 1e9)  # seconds
    return {"prompt_tps": row["batch"] * row["context"] / max(reading, multiplying),
            "generation_tps": row["batch"] / reading}


def shares(row: Work, prompt_tps, generation_tps, read_gb_per_s, matrix_gflops) -> Shares:
    """How much of the machine a row's speeds use: {"multiply", "read"}, 1 = all of it.

    multiply: operations per second that the prompts need, over the speed of a large product. read: bytes of weights per
    second that generation reads, over the speed of reading; whatever else it reads and does is not counted.

    >>> row = {"weight_bytes_per_step": 2e9, "operations_per_prompt": 2e12, "context": 128, "batch": 1}
    >>> shares(row, prompt_tps=128, generation_tps=25, read_gb_per_s=100, matrix_gflops=4000)
    {'multiply': 0.5, 'read': 0.5}
    """
    prompts, steps = prompt_tps / row["context"], generation_tps / row["batch"]  # a second
    return {"multiply": prompts * row["operations_per_prompt"] / (matrix_gflops * 1e9),
            "read": steps * row["weight_bytes_per_step"] / (read_gb_per_s * 1e9)}
