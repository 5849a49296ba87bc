"""The layout in which Mistral AI itself publishes a model: params.json, consolidated*.safetensors, and other names.

Three things differ from the Hugging Face layout that the rest of this package speaks: the names in the configuration,
the names of the weights, and the order of rows in the query and key weights, whose RoPE pairs neighbours (see rope.py).
All three are carried over here, exactly: rows move, and no number changes.
Source: mistral-inference (args.py, transformer.py).
"""
import re

from mistral_edu.checkpoints.errors import UnsupportedCheckpoint
from mistral_edu.config import MistralConfig
from mistral_edu.rope import interleaved_to_split

NEEDED = ("dim", "n_layers", "head_dim", "hidden_dim", "n_heads", "n_kv_heads", "norm_eps", "vocab_size")
OPTIONAL = ("rope_theta", "sliding_window", "tied_embeddings", "max_position_embeddings", "max_seq_len")
HARMLESS = {"model_type": "transformer", "activation": "silu", "causal": True}  # what every Mistral is
NOT_USED = ("max_batch_size", "dtype")                                          # settings of their programs
REFUSED = {  # key -> what such a model has, and a plain Mistral has not
    "moe": "experts, as Mixtral does", "lora": "an adapter", "vision_encoder": "an encoder for pictures",
    "multimodal": "an encoder for pictures or sound", "use_biases": "biases in its layers",
    "quantization": "weights quantized in a way that is not read here", "yarn": "rotary angles scaled by YaRN",
    "llama_4_scaling": "scaled queries", "_sliding_window": "windows that differ from layer to layer",
}
CONTEXT_LEN = 32768  # of 7B v0.1 to v0.3, whose params.json does not say it

# The authors' names of the weights -> Hugging Face's: outside the layers, and in each of them.
NAMES = {"tok_embeddings.weight": "model.embed_tokens.weight", "norm.weight": "model.norm.weight",
         "output.weight": "lm_head.weight"}
NAMES_IN_A_LAYER = {
    "attention.wq.weight": "self_attn.q_proj.weight", "attention.wk.weight": "self_attn.k_proj.weight",
    "attention.wv.weight": "self_attn.v_proj.weight", "attention.wo.weight": "self_attn.o_proj.weight",
    "feed_forward.w1.weight": "mlp.gate_proj.weight", "feed_forward.w2.weight": "mlp.down_proj.weight",
    "feed_forward.w3.weight": "mlp.up_proj.weight", "attention_norm.weight": "input_layernorm.weight",
    "ffn_norm.weight": "post_attention_layernorm.weight",
}
BACK, BACK_IN_A_LAYER = ({theirs: ours for ours, theirs in names.items()} for names in (NAMES, NAMES_IN_A_LAYER))


def config_from_params(path, params) -> MistralConfig:
    """The configuration in a params.json; params: what the file at `path` holds.

    Where rope_theta is missing, it is what the authors' code took then: 10,000 beside a window (v0.1), else 1,000,000.
    Raises UnsupportedCheckpoint for a key that would change what is computed, ValueError for a number that is missing
    or out of range.
    """
    check_keys(params, path)
    said = {key: value for key, value in params.items() if value is not None}
    window = said.get("sliding_window")
    window = int(window) if isinstance(window, str) and window.isdigit() else window  # some files have it in quotes
    try:
        return MistralConfig(
            **{key: said[key] for key in NEEDED}, window_size=window,
            rope_theta=said.get("rope_theta", 1000000.0 if window is None else 10000.0),
            context_len=said.get("max_position_embeddings", said.get("max_seq_len", CONTEXT_LEN)),
            tie_embeddings=said.get("tied_embeddings", False))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def check_keys(params, path):
    """Raise for a key that a plain Mistral does not have, or lacks. One that is null, false or empty says nothing."""
    for key in sorted(params.keys() - {*NEEDED, *OPTIONAL, *NOT_USED}):
        if params[key] in (None, False, [], {}, HARMLESS.get(key)):
            continue
        found = f" = {params[key]!r}" if key in HARMLESS else ""
        what = f"has {REFUSED[key]}" if key in REFUSED else "may compute something else"
        raise UnsupportedCheckpoint(f"{path} sets {key}{found}: such a model {what}, and only a plain Mistral is "
                                    "supported; take a Mistral-7B (v0.1, v0.2, v0.3), or one of the same "
                                    "architecture")
    if isinstance(params.get("sliding_window"), list):
        raise UnsupportedCheckpoint(f"{path}: sliding_window is {params['sliding_window']}, for the layers in turn; "
                                    "expected one number for all of them, or null; take a Mistral-7B")
    missing = [key for key in NEEDED if params.get(key) is None]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}; is it the params.json of a Mistral? Fetch it again from "
                         "where the weights come from")


def hugging_face_name(name) -> str:
    """Hugging Face's name of a weight; what is no name of the authors' comes back as it is.

    >>> hugging_face_name("layers.7.attention.wq.weight"), hugging_face_name("output.weight")
    ('model.layers.7.self_attn.q_proj.weight', 'lm_head.weight')
    """
    layer = re.match(r"(layers\.\d+\.)?", name)[0]  # "" outside the layers
    known, part = NAMES_IN_A_LAYER if layer else NAMES, name.removeprefix(layer)
    return f"{'model.' if layer else ''}{layer}{known[part]}" if part in known else name


def authors_name(name) -> str:
    """The way back from hugging_face_name.

    >>> authors_name("model.layers.7.self_attn.q_proj.weight")
    'layers.7.attention.wq.weight'
    """
    layer = re.match(r"(model\.layers\.\d+\.)?", name)[0]
    known, part = BACK_IN_A_LAYER if layer else BACK, name.removeprefix(layer)
    return f"{layer.removeprefix('model.')}{known[part]}" if part in known else name


def as_hugging_face(weights, config) -> dict:
    """The authors' weights by Hugging Face's names, queries and keys in the order of split halves; all stay lazy."""
    heads = {"attention.wq.weight": config.n_heads, "attention.wk.weight": config.n_kv_heads}
    ours = {}
    for name, weight in weights.items():
        n_heads = next((n for end, n in heads.items() if name.endswith(end)), None)
        ours[hugging_face_name(name)] = weight if n_heads is None else interleaved_to_split(weight, n_heads)
    return ours
