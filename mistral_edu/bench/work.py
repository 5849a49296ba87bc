"""How much there is to do: bytes that one token must read, operations that one prompt needs. From these, the speed that
a machine could reach at most (its roofline: Williams, Waterman, Patterson 2009).

Decode reads every weight once for a single token, so it waits for memory. Prefill uses each weight for all tokens of
the prompt, so a long one waits for the multipliers.
"""
from mistral_edu.quantize import size_in_bytes


def visible(position, window):
    """How many keys the token at a position (0 is the first) looks at, itself included.

    >>> visible(2, None), visible(2, 2)
    (3, 2)
    """
    return position + 1 if window is None else min(position + 1, window)


def weight_bytes_per_token(model):
    """Bytes of weights that one token reads: all but the embedding table, of which it reads one row.

    A tied embedding table is the output layer too, and then read in full.
    """
    table = model.model.embed_tokens
    if model.config.tie_embeddings:
        return size_in_bytes(model)
    rows = table.weight.shape[0]
    return size_in_bytes(model) - size_in_bytes(table) * (rows - 1) // rows


def bytes_per_token(model, context, n_tokens, bytes_per_number=2):
    """Bytes that one step of decode reads: weights, and the cache, here its mean length over n_tokens - 1 steps.

    The steps stand at the positions context .. context + n_tokens - 2.
    """
    positions = range(context, context + n_tokens - 1)
    keys = sum(visible(position, model.config.window_size) for position in positions) / len(positions)
    return weight_bytes_per_token(model) + keys * model.config.kv_bytes_per_token(bytes_per_number)


def operations_per_prompt(config, context):
    """Multiplications and additions that reading a prompt of `context` tokens needs.

    Each weight of a block takes one of both for each token; scores and weighted sums take n_heads * head_dim of both
    for each key that a token sees. The output layer is needed once, for the last token.

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


def predict(bytes_per_token, operations_per_prompt, context, read_gb_per_s, matrix_gflops):
    """The most that the machine allows: {"prompt_tps", "generation_tps"}, tokens a second.

    A short prompt waits for the weights, like a single token; a long one for the multiplications.

    >>> predict(4e9, 2e12, 128, read_gb_per_s=100, matrix_gflops=4000)    # 0.04 s to read, 0.5 s to multiply
    {'prompt_tps': 256.0, 'generation_tps': 25.0}
    """
    reading = bytes_per_token / (read_gb_per_s * 1e9)               # seconds
    multiplying = operations_per_prompt / (matrix_gflops * 1e9)     # seconds
    return {"prompt_tps": context / max(reading, multiplying), "generation_tps": 1 / reading}
