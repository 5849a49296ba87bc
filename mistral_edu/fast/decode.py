"""One token through all layers in one call of compiled code: what transformer.py does at B = L = 1, as a list of jobs.

The list is written once per model. What changes from token to token, the position and where the caches lie, is a small
table beside it. Keys and values of the token go into the caches afterwards, by the caches' own code, so every cache
stays what it is: the readable model can go on from it.
"""
import mlx.core as mx
import mlx.nn as nn
import numpy as np

from mistral_edu.attention import Attention, fused_attention, scaled_dot_product_attention
from mistral_edu.cache import KVCache, RotatingKVCache
from mistral_edu.feed_forward import FeedForward
from mistral_edu.norm import RMSNorm
from mistral_edu.rope import fused_rope, rope, rope_frequencies
from mistral_edu.transformer import Backbone, Block, Model

from . import views
from .jobs import JobWriter, Vector, bits_of
from .team import JobList, team
from .watch import address

LINEAR = (nn.Linear, nn.QuantizedLinear)
EMBEDDING = (nn.Embedding, nn.QuantizedEmbedding)
KNOWN = (Model, Backbone, Block, Attention, FeedForward, RMSNorm, *LINEAR, *EMBEDDING)
CALLS = {kind: kind.__call__ for kind in KNOWN}  # as they are written there; a patched class means something else


def is_untouched(module, *kinds):
    """Whether a module is of one of these very classes, and the class computes what its file says."""
    kind = type(module)
    return kind in kinds and kind.__call__ is CALLS[kind]


def is_plain(model):
    """Whether the model is put together as in transformer.py, with no part replaced: the list of jobs follows that."""
    backbone, config = model.model, model.config
    if Model.__call__ is not CALLS[Model] or not is_untouched(backbone, Backbone) or backbone.config is not config:
        return False
    output = [] if config.tie_embeddings else [model.lm_head]
    return (is_untouched(backbone.embed_tokens, *EMBEDDING) and is_untouched(backbone.norm, RMSNorm)
            and all(is_untouched(layer, *LINEAR) for layer in output)
            and all(is_plain_block(block, config) for block in backbone.layers))


def is_plain_block(block, config):
    if not is_untouched(block, Block):
        return False
    attention = block.self_attn
    return (is_untouched(block.input_layernorm, RMSNorm) and is_untouched(block.post_attention_layernorm, RMSNorm)
            and is_plain_feed_forward(block.mlp) and is_untouched(attention, Attention)
            and all(is_untouched(layer, *LINEAR) for layer in attention.children().values())
            and attention.attend in (fused_attention, scaled_dot_product_attention)
            and attention.rotate in (fused_rope, rope)
            and (attention.rope_theta, attention.n_heads, attention.n_kv_heads)
            == (config.rope_theta, config.n_heads, config.n_kv_heads))


def is_plain_feed_forward(module):
    return (is_untouched(module, FeedForward)
            and all(is_untouched(layer, *LINEAR) for layer in module.children().values()))


class Decoder:
    """The list of jobs of one model.

    model: with Products in the place of its matrices (cpu_engine.with_products). dtype: of what its caches hold.
    """

    def __init__(self, model, dtype, kernels):
        config, self.embedding, self.dtype = model.config, model.model.embed_tokens, dtype
        layers = model.model.layers
        attention = layers[0].self_attn
        self.head_dim, self.n_kv_heads = config.head_dim, config.n_kv_heads
        self.window = config.window_size
        half = self.head_dim // 2
        inverse = 1 / np.array(rope_frequencies(self.head_dim, attention.rope_theta))  # as fused_rope computes angles:
        self.frequencies = 1 / inverse                                                 # the last digit, too
        self.alive = [model]
        self.h = Vector(config.dim)
        self.keys, self.values = (np.zeros((len(layers), self.n_kv_heads * self.head_dim), np.float32) for _ in "kv")
        self.stored = np.zeros((len(layers), 2, self.n_kv_heads * self.head_dim), np.uint16)
        self.logits = Vector(config.vocab_size)
        self.jobs = JobList(kernels, self.write(model, config, kernels), len(layers), half)
        self.jobs.positions[:, 3] = self.dtype == mx.bfloat16

    def write(self, model, config, kernels):
        """The whole token as rows of the table; compare with Block and Attention."""
        writer = JobWriter(kernels)
        normed, heads = Vector(config.dim), Vector(config.n_heads * config.head_dim)
        q, gated, up = Vector(heads.size), Vector(config.hidden_dim), Vector(config.hidden_dim)
        self.alive += [normed, heads, q, gated, up]
        for i, block in enumerate(model.model.layers):
            layer = block.self_attn
            q_proj, k_proj, v_proj, o_proj = (product.matrix for product in (layer.q_proj, layer.k_proj, layer.v_proj,
                                                                             layer.o_proj))
            k_at, v_at = self.keys[i].ctypes.data, self.values[i].ctypes.data
            writer.norm(self.h, self.vector(block.input_layernorm.weight), normed, block.input_layernorm.eps)
            writer.shuffle(normed, q_proj, k_proj, v_proj)
            writer.stage()
            for weight, target in ((q_proj, q.address), (k_proj, k_at), (v_proj, v_at)):
                writer.product(weight, normed, target)
            writer.stage()
            writer.add(kernels.ROTATE, q.address, k_at, v_at, config.n_heads, config.n_kv_heads, config.head_dim,
                       self.stored[i].ctypes.data, i)
            writer.stage()
            for head in range(config.n_heads):
                at = 4 * head * config.head_dim
                writer.add(kernels.ATTEND, q.address + at, k_at, v_at, heads.address + at, config.head_dim,
                           head // (config.n_heads // config.n_kv_heads), i, bits_of(layer.scale))
            writer.shuffle(heads, o_proj)
            writer.stage()
            writer.product(o_proj, heads, self.h.address, add=True)       # the residual stream

            gate_proj, up_proj, down_proj = (product.matrix for product in (block.mlp.gate_proj, block.mlp.up_proj,
                                                                            block.mlp.down_proj))
            norm = block.post_attention_layernorm
            writer.norm(self.h, self.vector(norm.weight), normed, norm.eps)
            writer.shuffle(normed, gate_proj, up_proj)
            writer.stage()
            writer.product(gate_proj, normed, gated.address)
            writer.product(up_proj, normed, up.address)
            writer.gate(gated, up, gated)
            writer.shuffle(gated, down_proj)
            writer.stage()
            writer.product(down_proj, gated, self.h.address, add=True)
        head = (model.model.embed_tokens if config.tie_embeddings else model.lm_head).matrix
        writer.norm(self.h, self.vector(model.model.norm.weight), normed, model.model.norm.eps)
        writer.shuffle(normed, head)
        writer.stage()
        writer.product(head, normed, self.logits.address)
        return writer.rows

    def vector(self, weight):
        """The address of a norm's weight."""
        weight = views.alias(weight)
        self.alive.append(weight)
        return address(weight)

    def takes(self, cache):
        """Whether these are caches that `place` can read: full or ring, of the model's dtype, of one sequence."""
        if cache is None:
            return True
        shape = (1, self.n_kv_heads, self.head_dim)
        for layer in cache:
            if type(layer) not in (KVCache, RotatingKVCache) or layer.offset != cache[0].offset:
                return False
            for held in (layer.keys, layer.values):
                if held is not None and ((*held.shape[:2], held.shape[3]) != shape or held.dtype != self.dtype):
                    return False
        return True

    def place(self, cache):
        """Fill in where each layer's cache lies now, and which slots the token sees. Returns how many."""
        for position, layer in zip(self.jobs.positions, cache):
            position[4:] = 0
            n_seen = layer.n_keys(1) - 1 if self.window is None else min(layer.n_keys(1), self.window) - 1
            if n_seen == 0:
                continue
            ring = layer.window if isinstance(layer, RotatingKVCache) else layer.offset + 1
            start, end = (layer.offset - n_seen) % ring, (layer.offset - 1) % ring + 1
            position[:3] = address(layer.keys), address(layer.values), layer.keys.shape[2]
            position[4:] = (start, end, 0, 0) if start < end else (start, ring, 0, end)
        return n_seen

    def __call__(self, id, cache=None):
        """Logits (vocab_size,) float32 after one token. id: a number; cache: one per layer, or None."""
        offset = 0 if cache is None else cache[0].offset
        row = self.embedding(mx.array([id]))
        mx.eval(row)
        with team() as crew:
            self.h.plain[:] = np.asarray(memoryview(row))[0]
            angles = np.float32(offset) * self.frequencies
            self.jobs.rotation[0], self.jobs.rotation[1] = np.cos(angles), np.sin(angles)
            self.jobs.positions[:, 3] = self.dtype == mx.bfloat16 and cache is not None
            self.jobs.positions[:, 4:] = 0
            n_seen = 0 if cache is None else self.place(cache)
            crew.run(self.jobs, room=n_seen + 1)
            logits = mx.array(self.logits.plain)
            if cache is not None:
                self.store(cache)
        return logits

    def store(self, cache):
        """Hand the token's keys and values to the caches."""
        shape, narrow = (1, self.n_kv_heads, 1, self.head_dim), self.dtype == mx.bfloat16
        for i, layer in enumerate(cache):
            if narrow:
                keys, values = (mx.array(bits.reshape(shape)).view(mx.bfloat16) for bits in self.stored[i])
            else:
                keys, values = (mx.array(numbers[i].reshape(shape)) for numbers in (self.keys, self.values))
            layer.store(keys, values)
        mx.eval([array for layer in cache for array in (layer.keys, layer.values)])
