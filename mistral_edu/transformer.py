"""The model: the components put together. Source: Jiang et al. 2023, "Mistral 7B" (arXiv:2310.06825), section 2.

Modules are named as in a Hugging Face checkpoint, so `Model(config).load_weights("model.safetensors")` loads one
as it is.
"""
import mlx.core as mx
import mlx.nn as nn

from mistral_edu.attention import Attention
from mistral_edu.config import MistralConfig
from mistral_edu.feed_forward import FeedForward
from mistral_edu.masks import create_attention_mask
from mistral_edu.norm import RMSNorm
from mistral_edu.quantized_cache import Cache, make_layer_cache


class Block(nn.Module):
    """One layer: attention, then feed-forward; each reads a normed copy of the residual stream and adds to it."""

    def __init__(self, config: MistralConfig):
        super().__init__()
        self.input_layernorm = RMSNorm(config.dim, config.norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.dim, config.norm_eps)
        self.mlp = FeedForward(config)

    def __call__(self, x: mx.array, mask: mx.array | str | None = None, cache: Cache | None = None) -> mx.array:
        """x (B, L, dim) -> (B, L, dim). mask, cache: as in Attention."""
        x = x + self.self_attn(self.input_layernorm(x), mask, cache)  # (B, L, dim)
        return x + self.mlp(self.post_attention_layernorm(x))         # (B, L, dim)


class Backbone(nn.Module):
    """Everything but the output layer: embedding, blocks, last norm."""

    def __init__(self, config: MistralConfig):
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.dim)
        self.layers = [Block(config) for _ in range(config.n_layers)]
        self.norm = RMSNorm(config.dim, config.norm_eps)

    def __call__(self, tokens: mx.array, cache: list[Cache] | None = None,
                 mask: mx.array | str | None = None) -> mx.array:
        """tokens (B, L) int -> (B, L, dim). cache, mask: as in Model."""
        check_call(tokens, cache, len(self.layers))
        if mask is None:
            mask = self.make_mask(tokens.shape[1], cache)
        x = self.embed_tokens(tokens)                                 # (B, L, dim)
        for layer, layer_cache in zip(self.layers, [None] * len(self.layers) if cache is None else cache):
            x = layer(x, mask, layer_cache)                           # (B, L, dim)
        return self.norm(x)                                           # (B, L, dim)

    def make_mask(self, L: int, cache: list[Cache] | None = None) -> mx.array | str | None:
        """The mask for L more tokens: one for all layers, since their caches hold the same tokens."""
        if cache is None:
            return create_attention_mask(L, window=self.config.window_size)
        return create_attention_mask(L, cache[0].offset, self.config.window_size, S=cache[0].n_keys(L))


class Model(nn.Module):
    """A Mistral. Its weights are random until they are loaded or trained.

    >>> from mistral_edu.config import MistralConfig
    >>> import mlx.core as mx
    >>> model = Model(MistralConfig.preset("tiny"))
    >>> model(mx.array([[1, 5, 9]])).shape             # logits for the token after each of three
    (1, 3, 2048)
    """

    def __init__(self, config: MistralConfig):
        super().__init__()
        self.config = config
        self.answered_by = "readable"  # which code answers: this, or the engine that fast.accelerate attaches
        self.model = Backbone(config)
        if not config.tie_embeddings:
            self.lm_head = nn.Linear(config.dim, config.vocab_size, bias=False)

    def __call__(self, tokens: mx.array, cache: list[Cache] | None = None, mask: mx.array | str | None = None,
                 last_only: bool = False) -> mx.array:
        """Logits for the token after each of these: tokens (B, L) int -> (B, L, vocab_size).

        tokens: ids from 0 to vocab_size - 1; MLX does not check them.
        cache: from make_cache(); it holds what came before, and these tokens are added to it.
        mask: replaces the causal, windowed mask that the model makes; see scaled_dot_product_attention.
        last_only: only the logits after the last token, (B, 1, vocab_size), which are all that a prompt is read for.
        """
        x = self.model(tokens, cache, mask)                           # (B, L, dim)
        if last_only:
            x = x[:, -1:]                                             # (B, 1, dim)
        if self.config.tie_embeddings:
            return self.model.embed_tokens.as_linear(x)               # (B, L, vocab_size)
        return self.lm_head(x)                                        # (B, L, vocab_size)

    @property
    def layers(self) -> list[Block]:
        """The blocks, first to last."""
        return self.model.layers

    def make_cache(self, bits: int | None = None) -> list[Cache]:
        """Empty caches, one per layer: rotating if the model has a window, quantized if bits is 8 or 4."""
        return [make_layer_cache(self.config, bits) for _ in self.layers]


def unfilled(config):
    """A Model for weights that come from elsewhere; MLX's random state stays as it was.

    MLX draws initial weights lazily, each with a key that depends on the one before. Draws that are never needed would
    stay in memory for as long as the program runs, and a seed set before loading a model would give other numbers
    after it.
    """
    high, low = mx.random.state[0].tolist()
    try:
        return Model(config)
    finally:
        mx.random.seed(high << 32 | low)


def check_call(tokens, cache, n_layers):
    """Raise ValueError if the arguments of a model call do not have the right form."""
    if tokens.ndim != 2 or tokens.shape[1] == 0:
        raise ValueError(f"tokens should be (B, L) with L >= 1, for example mx.array([[1, 5, 9]]); "
                         f"got shape {tokens.shape}")
    if cache is not None and len(cache) != n_layers:
        raise ValueError(f"the model has {n_layers} layers, but the cache has {len(cache)}; "
                         f"make it with model.make_cache()")
    if cache is not None and len(offsets := sorted({layer.offset for layer in cache})) > 1:
        raise ValueError(f"all layers of a cache should hold the same tokens; these hold {offsets[0]} to "
                         f"{offsets[-1]} tokens, perhaps after an interrupt. Trim each to the same length, or make "
                         "a new cache")
