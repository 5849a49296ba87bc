"""What a Hugging Face config.json may say of a Mistral: which names are followed, and which are refused.

Every setting that changes the computation is either followed or refused by its name, wherever it stands; half a setting
that is read gives an answer, and a wrong one. The names are the union of what transformers' MistralConfig has had from
4.34 to 5.24, and of settings of its relatives that files carry along. What is in none of the lists below says something
of a training, of a program, or of how text is chosen.
"""
# The paper's name of each number -> its name in a config.json.
HF_NAMES = {
    "dim": "hidden_size",
    "n_layers": "num_hidden_layers",
    "head_dim": "head_dim",
    "hidden_dim": "intermediate_size",
    "n_heads": "num_attention_heads",
    "n_kv_heads": "num_key_value_heads",
    "window_size": "sliding_window",
    "context_len": "max_position_embeddings",
    "vocab_size": "vocab_size",
    "rope_theta": "rope_theta",
    "norm_eps": "rms_norm_eps",
    "tie_embeddings": "tie_word_embeddings",
}
# What transformers assumes where a Mistral config.json is silent; every other number has to be there.
HF_DEFAULTS = {
    "window_size": 4096,
    "context_len": 131072,
    "rope_theta": 10000.0,
    "norm_eps": 1e-6,
    "tie_embeddings": False,
}
# Settings that would change the computation, with the values under which nothing changes. null never does.
COMPUTES = {
    "model_type": ("mistral",), "hidden_act": ("silu",), "hidden_activation": ("silu",),
    "attention_bias": (False,), "mlp_bias": (False,), "use_bias": (False,), "qkv_bias": (False,), "bias": (False,),
    "partial_rotary_factor": (1, 1.0), "rotary_pct": (1, 1.0), "rope_interleaved": (False,), "pruned_heads": ({}, []),
    "add_cross_attention": (False,), "is_encoder_decoder": (False,), "use_sliding_window": (True,),
    "attn_logit_softcapping": (), "final_logit_softcapping": (), "query_pre_attn_scalar": (),
    "attention_multiplier": (), "residual_multiplier": (1, 1.0), "embedding_multiplier": (1, 1.0),
    "logits_scaling": (1, 1.0), "logit_scale": (1, 1.0), "use_qk_norm": (False,), "qk_norm": (False,), "clip_qkv": (),
    "num_local_experts": (0, 1), "num_experts": (0, 1), "no_rope_layers": ([],), "sliding_window_pattern": (),
    "attention_chunk_size": (), "alibi": (False,),
}
ROPES = ("rope_parameters", "rope_scaling")  # where transformers 5 writes RoPE's settings, and where 4 did
INSTEAD = "use a Mistral-7B checkpoint (v0.1, v0.2, v0.3) or one of the same architecture"


def numbers_of(hf) -> dict:
    """The numbers of a MistralConfig, under the paper's names, from a config.json given as a dict.

    A silent `head_dim` stays None (it means hidden_size / num_attention_heads), a null `num_key_value_heads` means no
    grouping; the other gaps that are allowed are filled as transformers does (HF_DEFAULTS). Raises ValueError.
    """
    if not isinstance(hf, dict):
        raise ValueError(f"a configuration is a JSON object with names and values; found {type(hf).__name__}")
    check_what_computes(hf)
    hf = {**hf, **rope_theta(hf)}
    check_layer_types(hf)
    if "hidden_size" in hf and "num_attention_heads" in hf:
        hf.setdefault("head_dim", None)
    if hf.get("num_key_value_heads", 0) is None:
        hf["num_key_value_heads"] = hf.get("num_attention_heads")
    missing = [theirs for ours, theirs in HF_NAMES.items() if theirs not in hf and ours not in HF_DEFAULTS]
    if missing:
        raise ValueError(f"the configuration lacks {', '.join(missing)}; "
                         f"is it the config.json of a Hugging Face Mistral checkpoint?")
    return {ours: hf.get(theirs, HF_DEFAULTS.get(ours)) for ours, theirs in HF_NAMES.items()}


def check_what_computes(hf):
    """Raise ValueError for a setting under which a model computes something else than a Mistral does."""
    for name, harmless in COMPUTES.items():
        value = hf.get(name)
        if value is None or any(
                value == each and isinstance(value, bool) == isinstance(each, bool) for each in harmless):
            continue
        if name == "use_sliding_window" and hf.get("sliding_window", 0) is None:
            continue
        only = f"{harmless[0]!r} only" if harmless else "a model without it"
        raise ValueError(f"{name} is {str(value)[:100]!r}, but this package computes {only}; {INSTEAD}")


def rope_theta(hf) -> dict:
    """{"rope_theta": ...} where RoPE's own settings state it, else {}. Raises ValueError for any but the plain RoPE.

    >>> rope_theta({"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}})
    {'rope_theta': 500.0}
    """
    stated = {}
    for place in ROPES:
        rope = hf.get(place)
        if rope is None or rope == {}:
            continue
        if not isinstance(rope, dict):
            raise ValueError(f"{place} should be a JSON object with names and values; got {str(rope)[:100]!r}")
        types = {name: rope[name] for name in ("rope_type", "type") if rope.get(name) is not None}
        if not types and rope.keys() - {"rope_theta"}:
            raise ValueError(f"{place} is {str(rope)[:100]}, without a rope_type; expected rope_type \"default\", the "
                             f"only one that this package computes. {INSTEAD.capitalize()}")
        for name, found in types.items():
            if found != "default":
                raise ValueError(f"rope type is {str(found)[:100]!r} ({place}, {name}), but this package computes "
                                 f"'default' only; {INSTEAD}")
        if rope.get("partial_rotary_factor") not in (None, 1, 1.0):
            raise ValueError(f"partial_rotary_factor is {rope['partial_rotary_factor']!r} ({place}), but this package "
                             f"rotates all numbers of a head; {INSTEAD}")
        if rope.get("rope_theta") is not None:
            stated[place] = rope["rope_theta"]
    if len(set(map(str, stated.values()))) > 1:
        raise ValueError(f"rope_theta is {stated['rope_parameters']!r} in rope_parameters and "
                         f"{stated['rope_scaling']!r} in rope_scaling; correct config.json, or fetch it again")
    return {"rope_theta": next(iter(stated.values()))} if stated else {}


def check_layer_types(hf):
    """Raise ValueError where layer_types says otherwise than sliding_window, which all layers share."""
    types = hf.get("layer_types")
    if types is None:
        return
    due = "full_attention" if hf.get("sliding_window", HF_DEFAULTS["window_size"]) is None else "sliding_attention"
    if not isinstance(types, list) or any(each != due for each in types):
        raise ValueError(f"layer_types is {str(types)[:100]}, and sliding_window is {hf.get('sliding_window')!r}; this "
                         f"package computes the same attention in all layers, here {due!r}. {INSTEAD.capitalize()}")


def in_their_names(message) -> str:
    """A message about a number, with the name that the number has in a config.json, where that is another one.

    >>> in_their_names("window_size should be a whole number; got 0")
    'window_size should be a whole number; got 0 (window_size is called sliding_window there)'
    """
    ours = message.split(" ", 1)[0]
    theirs = HF_NAMES.get(ours, ours)
    return message if ours == theirs else f"{message} ({ours} is called {theirs} there)"
