"""One token of each of B sequences through all layers, with as little work between two kernels as Python allows.

For each token the processor has to name every kernel to the GPU, and on a fast GPU that takes longer than the kernels
do. So what lies between two attentions, the end of a layer and the beginning of the next, is compiled: Python hands it
over in one call. Attention and the cache stay outside, since the number of keys grows with each token, and a compiled
function is for one shape. The position is an array, else each token would be another function.

Operations without a kernel, such as a transpose or a reshape, have to be named as well, and a product of matrices in
more than two dimensions takes several. So here x is (B, dim), one token of each sequence.

MLX stores a token in place only where no work that is still under way reads that cache; else it copies the whole cache
first. So a token is handed over when the one before is halfway through the layers. Sooner, most caches would be copied,
at every token; later, the GPU would wait for the processor.
"""
import mlx.core as mx


class Step:
    """The compiled parts. embed: tokens (B,) -> (B, dim); layers: Layers; output: an Output."""

    def __init__(self, embed, layers, output):
        self.scales = [layer.scale for layer in layers]
        self.enter = mx.compile(lambda tokens, offset: entered(embed, layers[0], tokens, offset))
        self.go_on = [between(layer, following) for layer, following in zip(layers, layers[1:])]
        self.leave = mx.compile(lambda x, out: output(layers[-1].rest(x, merged(out)))[:, None])

    def __call__(self, tokens, cache):
        """tokens (B, 1) -> logits (B, 1, vocab_size), lazily; each layer's cache takes the token in."""
        halfway = cache[len(cache) // 2]
        if halfway.keys is not None:
            mx.eval(halfway.keys)                           # with the token before in it
        offset = mx.array(cache[0].offset)
        x, q, k, v = self.enter(tokens, offset)
        for n, held in enumerate(cache):
            keys, values = remember(held, k, v)
            out = mx.fast.scaled_dot_product_attention(q, keys, values, scale=self.scales[n])
            if n < len(self.go_on):
                x, q, k, v = self.go_on[n](x, out, offset)
            if held is halfway:
                mx.async_eval(x, held.keys)
        return self.leave(x, out)


def entered(embed, layer, tokens, offset):
    x = embed(tokens.reshape(-1))                           # (B, dim)
    return x, *layer.heads_of_one(x, offset)


def merged(out):
    """Attention's out of one token of each sequence: (B, n_heads, 1, head_dim) -> (B, n_heads * head_dim)."""
    return out.reshape(out.shape[0], -1)


def between(layer, following):
    """The compiled function from one attention to the next: (x, out, offset) -> (x, q, k, v)."""
    def go_on(x, out, offset):
        x = layer.rest(x, merged(out))                      # (B, dim)
        return x, *following.heads_of_one(x, offset)
    return mx.compile(go_on)


def remember(held, k, v):
    """Store one token in a layer's cache, and return all keys and values that it sees, as they lie there.

    A ring is not put into time order: keys are rotated at their positions, and attention adds up in any order. Once it
    is full, each of its slots holds one of the last `window` tokens; before that, as in KVCache, the first ones do.
    """
    held.store(k, v)
    n = min(held.offset, held.keys.shape[2])
    return held.keys[..., :n, :], held.values[..., :n, :]   # (B, n_kv_heads, n, head_dim) each
