"""Record a forward pass: the residual stream, and what every head and every feed-forward adds to it.

`walk` is the forward pass written out, with a name for each number on the way; `record` keeps what it yields.
"""
from collections import defaultdict
from dataclasses import dataclass

import mlx.core as mx

from mistral_edu.attention import merge_heads, split_heads


def walk(model, tokens):
    """The forward pass of one text: yields (part, layer, array) in the order of computation; layer None outside layers.

    tokens: a list of L ids. It calls the model's own modules, whatever they are now, so it sees what was replaced in
    them; an engine attached to the model is not used.
    """
    x = model.model.embed_tokens(prompt(tokens))                                  # (1, L, dim)
    yield "embedding", None, x
    mask = model.model.make_mask(x.shape[1])
    for n, block in enumerate(model.layers):
        attention = block.self_attn
        normed = block.input_layernorm(x)                                         # (1, L, dim)
        yield "norm before the attention", n, normed
        q = split_heads(attention.q_proj(normed), attention.n_heads)              # (1, n_heads, L, head_dim)
        k = split_heads(attention.k_proj(normed), attention.n_kv_heads)           # (1, n_kv_heads, L, head_dim)
        v = split_heads(attention.v_proj(normed), attention.n_kv_heads)           # (1, n_kv_heads, L, head_dim)
        yield from (("queries", n, q), ("keys", n, k), ("values", n, v))
        q, k = (attention.rotate(each, 0, attention.rope_theta) for each in (q, k))
        yield from (("rotation of the queries", n, q), ("rotation of the keys", n, k))
        out = attention.attend(q, k, v, attention.scale, mask)                    # (1, n_heads, L, head_dim)
        yield "attention", n, out
        added = attention.o_proj(merge_heads(out))                                # (1, L, dim)
        yield "output projection of the attention", n, added
        x = x + added
        yield "stream", n, x
        normed = block.post_attention_layernorm(x)                                # (1, L, dim)
        yield "norm before the feed-forward", n, normed
        added = block.mlp(normed)                                                 # (1, L, dim)
        yield "feed-forward", n, added
        x = x + added
        yield "stream", n, x
    x = model.model.norm(x)                                                       # (1, L, dim)
    yield "last norm", None, x
    yield "output layer", None, unembed(model, x)                                 # (1, L, vocab_size)


def prompt(tokens):
    """A list of ids as the batch of one that a model takes: (1, L)."""
    tokens = mx.array(tokens)
    if tokens.ndim != 1 or not tokens.size:
        raise ValueError(f"tokens should be the ids of one text, such as [1, 5, 9]; got shape {tokens.shape}")
    return tokens[None]


def unembed(model, x):
    """The output layer alone, without the last norm: x (..., dim) -> (..., vocab_size). It is linear."""
    return model.model.embed_tokens.as_linear(x) if model.config.tie_embeddings else model.lm_head(x)


@dataclass(frozen=True)
class Run:
    """What one forward pass of L tokens computed, as evaluated MLX arrays. Layers and heads count from 0."""
    tokens: list
    embedding: mx.array         # (L, dim)
    stream: mx.array            # (2 n_layers + 1, L, dim): embedding, after attention 0, after feed-forward 0, ...
    heads: mx.array             # (n_layers, n_heads, L, dim): what each head adds to the stream
    feed_forward: mx.array      # (n_layers, L, dim): what each feed-forward adds to the stream
    pattern: mx.array           # (n_layers, n_heads, L, L): attention weights, a row per query
    logits: mx.array            # (L, vocab_size)

    @property
    def states(self):
        """The stream between layers, (n_layers + 1, L, dim): states[k] is after k layers, states[0] the embedding."""
        return self.stream[::2]


def record(model, tokens) -> Run:
    """Run the model on a list of L ids and keep every part.

    >>> from mistral_edu import load_model
    >>> run = record(load_model(dtype="float32"), [1, 3, 500, 501, 4])
    >>> run.heads.shape, run.pattern.shape      # 8 layers of 8 heads, 5 tokens, dim 256
    ((8, 8, 5, 256), (8, 8, 5, 5))
    """
    found = defaultdict(list)
    for part, _, array in walk(model, tokens):
        found[part].append(array)
    mask = model.model.make_mask(len(tokens))
    heads, pattern = [], []
    for n, block in enumerate(model.layers):
        attention = block.self_attn
        heads.append(written(attention, found["attention"][n]))
        q, k = found["rotation of the queries"][n], found["rotation of the keys"][n]
        pattern.append(attention_weights(attention, q, k, mask))
    embedding = found["embedding"][0][0]
    run = Run(list(tokens), embedding, mx.stack([embedding] + [x[0] for x in found["stream"]]), mx.stack(heads),
              mx.concatenate(found["feed-forward"]), mx.stack(pattern), found["output layer"][0][0])
    mx.eval([getattr(run, name) for name in run.__dataclass_fields__ if name != "tokens"])
    return run


def attention_weights(attention, q, k, mask):
    """The weights of a layer's attention, (n_heads, L, L): q (1, n_heads, L, head_dim), k (1, n_kv_heads, L, head_dim).

    It returns weights @ v: with the rows of the identity as values, it returns the weights themselves.
    """
    L = k.shape[2]
    rows = mx.broadcast_to(mx.eye(L, dtype=q.dtype), (*k.shape[:3], L))           # (1, n_kv_heads, L, L)
    return attention.attend(q, k, rows, attention.scale, mask)[0]                 # (n_heads, L, L)


def written(attention, out):
    """What each head alone writes into the stream: out (1, n_heads, L, head_dim) -> (n_heads, L, dim).

    The output projection is linear, so it is applied to each head's output with zeros for the others; these parts sum
    to what it gives for all heads together.
    """
    n_heads = out.shape[1]
    alone = mx.where(mx.eye(n_heads, dtype=mx.bool_)[:, :, None, None], out, 0)   # (n_heads, n_heads, L, head_dim)
    return attention.o_proj(merge_heads(alone.astype(out.dtype)))                 # (n_heads, L, dim)
