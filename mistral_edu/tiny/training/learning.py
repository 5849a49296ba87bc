"""The loss of the embedded model on rows of documents, computed in a form that trains fast.

The modules and the weights are the readable model's own; what differs is how two of its steps are computed, both exact:
attention in blocks of W queries against 2W keys (all that a window of W can see), with a mask that keeps the documents
of a row apart, and the embedding as a product with one-hot rows. The gradient of a product is a product again; the
gradient of a lookup would be 65,000 additions into a few hundred busy rows.
"""
import mlx.core as mx

from mistral_edu.tiny.training.data import BOS, EXACT, FREE, UNK, split_bits

LOSS_WEIGHTS = [0.03, 0.3, 1.0]  # of a token in a prompt, a story, an exact answer


def embed(model, tokens):
    """(B, L) ids -> (B, L, dim), as a product with one-hot rows."""
    weight = model.model.embed_tokens.weight
    one_hot = tokens[..., None] == mx.arange(weight.shape[0])  # (B, L, vocab_size)
    return one_hot.astype(weight.dtype) @ weight


def with_previous_block(x, window, axis, fill=0):
    """Cut `axis` into blocks of `window` and put before each block the one that precedes it.

    (..., L, ...) -> (..., L / window, 2 * window, ...): every key that a query of the block can see.
    The first block is preceded by `fill`.
    """
    blocks = x.shape[axis] // window
    pad = [(0, 0)] * x.ndim
    pad[axis] = (window, 0)
    x = mx.pad(x, pad, constant_values=fill)
    x = x.reshape(*x.shape[:axis], blocks + 1, window, *x.shape[axis + 1 :])
    previous, own = mx.split(x, [blocks], axis=axis)[0], mx.split(x, [1], axis=axis)[1]
    return mx.concatenate([previous, own], axis=axis + 1)


def block_mask(documents, window, dtype):
    """(B, L) document numbers -> (B * blocks, 1, window, 2 * window) additive mask: 0 where a query may look."""
    B, L = documents.shape
    query, key = mx.arange(window)[:, None], mx.arange(2 * window)[None] - window
    in_window = (key <= query) & (key > query - window)  # (window, 2 * window)
    own = documents.reshape(B, L // window, window, 1)
    keys = with_previous_block(documents, window, axis=1, fill=-1)[:, :, None, :]
    mask = mx.where(in_window & (own == keys), 0.0, -1e9)  # finite: a row without any key would give NaN
    return mask.astype(dtype).reshape(-1, 1, window, 2 * window)


def block_attention(q, k, v, mask, window, scale):
    """q (B, n_heads, L, head_dim), k and v (B, n_kv_heads, L, head_dim) -> (B, n_heads, L, head_dim)."""
    B, n_heads, L, head_dim = q.shape
    blocks = L // window

    def to_batch(x):  # (B, heads, blocks, n, head_dim) -> (B * blocks, heads, n, head_dim)
        return x.transpose(0, 2, 1, 3, 4).reshape(B * blocks, x.shape[1], x.shape[3], head_dim)

    q = to_batch(q.reshape(B, n_heads, blocks, window, head_dim))
    k, v = to_batch(with_previous_block(k, window, axis=2)), to_batch(with_previous_block(v, window, axis=2))
    out = mx.fast.scaled_dot_product_attention(q, k, v, scale=scale, mask=mask)
    return out.reshape(B, blocks, n_heads, window, head_dim).transpose(0, 2, 1, 3, 4).reshape(B, n_heads, L, head_dim)


def attend_in_blocks(model):
    """Let every layer of `model` attend in blocks; its mask is then a block_mask. Returns the model."""
    window = model.config.window_size

    def attend(q, k, v, scale, mask):
        return block_attention(q, k, v, mask, window, scale)

    for layer in model.layers:
        layer.self_attn.attend = attend
    return model


def hidden_states(model, tokens, documents):
    """(B, L) ids and document numbers -> (B, L, dim) after the last norm. L is a multiple of the window.

    `model` has gone through attend_in_blocks.
    """
    x = embed(model, tokens)
    mask = block_mask(documents, model.config.window_size, x.dtype)
    for layer in model.layers:
        x = layer(x, mask)
    return model.model.norm(x)


def loss_of(model, rows):
    """Rows of data.make_rows, (B, L) -> (weighted cross-entropy, mean over stories, mean over exact answers)."""
    tokens, classes = split_bits(rows)
    tokens = tokens.astype(mx.int32)
    documents = mx.cumsum((tokens == BOS).astype(mx.int32), axis=1)
    h = hidden_states(model, tokens, documents)[:, :-1]
    logits, target = model.lm_head(h).astype(mx.float32), tokens[:, 1:]
    likelihood = mx.take_along_axis(logits, target[..., None], axis=-1)[..., 0]
    loss = mx.logsumexp(logits, axis=-1) - likelihood  # (B, L - 1)
    counts = (documents[:, 1:] == documents[:, :-1]) & (target != UNK)  # within one document, no padding
    weight = mx.array(LOSS_WEIGHTS)[classes[:, 1:]] * counts
    of_class = [(classes[:, 1:] == c).astype(mx.float32) for c in (FREE, EXACT)]
    return mx.sum(loss * weight) / mx.sum(weight), [mx.sum(loss * m) / mx.maximum(mx.sum(m), 1) for m in of_class]
