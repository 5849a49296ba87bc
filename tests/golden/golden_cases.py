"""The random models whose logits lie in logits.safetensors. Plain numpy, since both sides import it:
make_golden.py, which has torch and no MLX, and test_transformer.py, which has MLX and no torch.
"""
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("logits.safetensors")
WINDOWS = (None, 1, 7, 16, 64)  # the last one is wider than the text
GROUPINGS = (1, 2, 4, 8)        # query heads that share a key head
BATCH, TEXT, VOCABULARY = 2, 40, 64
DIM, N_HEADS = 64, 8

# Scores of random queries and keys spread by SHARPNESS**2 = 2.6, so a softmax leaves the uniform far behind, and a key
# too many or too few changes the logits by much more than rounding does.
SHARPNESS = 1.6


def cases():
    """Every window with every grouping; head_dim and tied embeddings alternate so that all pairs of choices occur.

    Yields (name, config, seed), config as in a config.json.
    """
    for i, window in enumerate(WINDOWS):
        for j, n_rep in enumerate(GROUPINGS):
            usual_head_dim, tied = (i + j) % 2 == 0, (i + j // 2) % 2 == 0
            head_dim = DIM // N_HEADS if usual_head_dim else 12
            name = f"window {window}, {n_rep} to 1, head_dim {head_dim}, {'tied' if tied else 'untied'}"
            yield name, hf_config(window, n_rep, head_dim, tied, theta=(1e4, 1e6)[j % 2]), 10 * i + j


def hf_config(window, n_rep, head_dim, tied, theta):
    """A config.json with two layers."""
    return {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_act": "silu", "hidden_size": DIM,
            "num_hidden_layers": 2, "num_attention_heads": N_HEADS, "num_key_value_heads": N_HEADS // n_rep,
            "head_dim": head_dim, "intermediate_size": 96, "sliding_window": window, "max_position_embeddings": 128,
            "vocab_size": VOCABULARY, "rope_theta": theta, "rms_norm_eps": 1e-5, "tie_word_embeddings": tied,
            "attention_dropout": 0.0, "initializer_range": 0.02, "use_cache": True, "bos_token_id": 1,
            "eos_token_id": 2, "torch_dtype": "float32"}


def weight_shapes(config):
    """Name -> shape of every weight, in the order in which random_weights draws them."""
    dim, hidden_dim = config["hidden_size"], config["intermediate_size"]
    q_width = config["num_attention_heads"] * config["head_dim"]
    kv_width = config["num_key_value_heads"] * config["head_dim"]
    shapes = {"model.embed_tokens.weight": (config["vocab_size"], dim)}
    for i in range(config["num_hidden_layers"]):
        layer = {"input_layernorm": (dim,), "self_attn.q_proj": (q_width, dim), "self_attn.k_proj": (kv_width, dim),
                 "self_attn.v_proj": (kv_width, dim), "self_attn.o_proj": (dim, q_width),
                 "post_attention_layernorm": (dim,), "mlp.gate_proj": (hidden_dim, dim),
                 "mlp.up_proj": (hidden_dim, dim), "mlp.down_proj": (dim, hidden_dim)}
        shapes |= {f"model.layers.{i}.{name}.weight": shape for name, shape in layer.items()}
    shapes["model.norm.weight"] = (dim,)
    if not config["tie_word_embeddings"]:
        shapes["lm_head.weight"] = (config["vocab_size"], dim)
    return shapes


def random_weights(config, seed):
    """Name -> float32 array, the same bits everywhere: numpy has promised never to change what RandomState draws."""
    random = np.random.RandomState(seed)
    weights = {}
    for name, shape in weight_shapes(config).items():
        draw = random.standard_normal(shape)
        if "norm" in name:
            draw = 1 + 0.3 * draw
        elif "q_proj" in name or "k_proj" in name:
            draw *= SHARPNESS / shape[1] ** 0.5
        elif "embed_tokens" not in name:
            draw /= shape[1] ** 0.5
        weights[name] = draw.astype(np.float32)
    return weights


def random_tokens(seed):
    """(BATCH, TEXT) ids, int32."""
    return np.random.RandomState(1000 + seed).randint(0, VOCABULARY, (BATCH, TEXT)).astype(np.int32)
