"""A small checkpoint as Mistral AI lays it out: params.json, consolidated files, tekken.json."""
import json
from pathlib import Path

from small_checkpoints import weights_of
from small_models import random_model

import mistral_common
import mlx.core as mx
import numpy as np

DATA = Path(mistral_common.__file__).parent / "data"
PARAMS, CONSOLIDATED = "params.json", "consolidated.safetensors"
CONSOLIDATED_INDEX = "consolidated.safetensors.index.json"
NAMES = {  # Hugging Face's -> the authors'
    "model.embed_tokens": "tok_embeddings", "model.norm": "norm", "lm_head": "output", "model.layers": "layers",
    "self_attn.q_proj": "attention.wq", "self_attn.k_proj": "attention.wk", "self_attn.v_proj": "attention.wv",
    "self_attn.o_proj": "attention.wo", "mlp.gate_proj": "feed_forward.w1", "mlp.down_proj": "feed_forward.w2",
    "mlp.up_proj": "feed_forward.w3", "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm",
}


def write_authors(folder, model=None, files=(CONSOLIDATED,), dtype=mx.float32, index=False, **params):
    """A model in the authors' layout, its weights spread over the files; params: more keys. Returns the folder."""
    model = model or random_model(window_size=6)
    folder.mkdir(exist_ok=True)
    c = model.config
    (folder / PARAMS).write_text(json.dumps({
        "dim": c.dim, "n_layers": c.n_layers, "head_dim": c.head_dim, "hidden_dim": c.hidden_dim, "n_heads": c.n_heads,
        "n_kv_heads": c.n_kv_heads, "norm_eps": c.norm_eps, "vocab_size": c.vocab_size, "sliding_window": c.window_size,
        "max_seq_len": c.context_len, "tied_embeddings": c.tie_embeddings, **params}))
    weights = {name: weight.astype(dtype) for name, weight in authors_weights(model).items()}
    weight_map = {name: files[n % len(files)] for n, name in enumerate(sorted(weights))}
    for file in files:
        mx.save_safetensors(str(folder / file), {name: weights[name] for name in weights if weight_map[name] == file})
    if index:
        (folder / CONSOLIDATED_INDEX).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    write_small_tekken(folder / "tekken.json")
    return folder


def authors_weights(model):
    """A model's weights by the authors' names, the rows of wq and wk in the authors' order."""
    weights = {}
    for name, weight in weights_of(model).items():
        for theirs, ours in NAMES.items():
            name = name.replace(theirs, ours)
        weights[name] = weight[neighbours(weight.shape[0], model.config.head_dim)] if ".wq" in name or ".wk" in name \
            else weight
    return weights


def neighbours(rows, head_dim):
    """Which row of split halves lies where in the authors' order: in each head 0, half, 1, half + 1, ..."""
    half = head_dim // 2
    order = [row for i in range(half) for row in (i, half + i)]
    return mx.array([head + row for head in range(0, rows, head_dim) for row in order])


def write_small_tekken(path, n_ranks=1000, n_special=30, version="v3", **more):
    """The first ranks of the published file, with fewer control tokens; more: other parts, such as special_tokens."""
    tekken = json.loads((DATA / "tekken_240911.json").read_text(encoding="utf-8"))
    config = tekken["config"] | {"default_vocab_size": n_ranks + n_special, "num_vocab_tokens": n_ranks + 50,
                                 "default_num_special_tokens": n_special, "version": version}
    small = {"config": config, "vocab": tekken["vocab"][:n_ranks + 50], **more}
    path.write_text(json.dumps(small), encoding="utf-8")
    return path


def their_logits(params, weights, tokens):
    """Logits (L, vocab_size) in float64, from the authors' own weights, as mistral-inference computes them.

    Neighbours 2i and 2i + 1 of a head are one complex number, and its position turns it.
    """
    w = {name: np.array(weight.astype(mx.float32)).astype(np.float64) for name, weight in weights.items()}
    L, width, n_rep = len(tokens), params["head_dim"], params["n_heads"] // params["n_kv_heads"]
    angles = np.outer(np.arange(L), params["rope_theta"] ** (-np.arange(0, width, 2) / width))  # (L, width/2)
    back = np.arange(L)[:, None] - np.arange(L)                                                  # (L, L)
    hidden = (back < 0) | (back >= (params["sliding_window"] or L))

    def norm(x, weight):
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + params["norm_eps"]) * weight

    def turned(x):                                                       # (L, n, width)
        pairs = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)[:, None]
        return np.stack([pairs.real, pairs.imag], -1).reshape(x.shape)

    x = w["tok_embeddings.weight"][tokens]                               # (L, dim)
    for n in range(params["n_layers"]):
        part = {name.removeprefix(f"layers.{n}.").removesuffix(".weight"): weight for name, weight in w.items()}
        h = norm(x, part["attention_norm"])
        q, k, v = ((h @ part[f"attention.w{name}"].T).reshape(L, -1, width) for name in "qkv")
        k, v = np.repeat(turned(k), n_rep, 1), np.repeat(v, n_rep, 1)
        scores = np.einsum("qnd,knd->nqk", turned(q), k) / width**0.5    # (n_heads, L, L)
        scores = np.exp(np.where(hidden, -np.inf, scores))
        mixed = np.einsum("nqk,knd->qnd", scores / scores.sum(-1, keepdims=True), v).reshape(L, -1)
        x = x + mixed @ part["attention.wo"].T
        h = norm(x, part["ffn_norm"])
        gate = h @ part["feed_forward.w1"].T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ part["feed_forward.w3"].T)) @ part["feed_forward.w2"].T
    return norm(x, w["norm.weight"]) @ w["output.weight"].T
