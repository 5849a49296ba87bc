"""Whether a model is put together as in transformer.py: the list of jobs in step.py is written for that alone.

A learner may replace any part, a module, a function, a class's method. Then the code that they wrote must answer.
"""
import mlx.nn as nn

from mistral_edu.attention import Attention, fused_attention, scaled_dot_product_attention
from mistral_edu.feed_forward import FeedForward
from mistral_edu.norm import RMSNorm
from mistral_edu.rope import fused_rope, rope
from mistral_edu.transformer import Backbone, Block, Model

LINEAR = (nn.Linear, nn.QuantizedLinear)
EMBEDDING = (nn.Embedding, nn.QuantizedEmbedding)
KNOWN = (Model, Backbone, Block, Attention, FeedForward, RMSNorm, *LINEAR, *EMBEDDING)
CHOICES = ("attend", "rotate")  # of an Attention, between functions that compute the same


def functions(kind):
    """What a class's own code is made of: {name: function}."""
    return {name: part for name, part in vars(kind).items() if callable(part) and name not in CHOICES}


WRITTEN = {kind: functions(kind) for kind in KNOWN}  # as in their files; a patched class means something else


def is_untouched(module, *kinds):
    """Whether a module is of exactly one of these classes, and computes what the class's file says."""
    kind = type(module)
    return kind in kinds and functions(kind) == WRITTEN[kind] and not vars(module).keys() & WRITTEN[kind].keys()


def is_plain(model):
    """Whether the model is put together as in transformer.py, with no part replaced: the list of jobs follows that."""
    backbone, config = model.model, model.config
    call = WRITTEN[Model]["__call__"]
    if type(model).__call__ is not call or not is_untouched(backbone, Backbone) or backbone.config is not config:
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


def has_shapes_of(config, twin):
    """Whether all that a twin (products.with_products) multiplies by has the shape that the configuration gives it.

    The readable code asks the arrays alone: a model whose feed-forward is pruned, or whose vocabulary has grown, works.
    """
    dim, hidden_dim, vocab_size = config.dim, config.hidden_dim, config.vocab_size
    q_size, kv_size = config.n_heads * config.head_dim, config.n_kv_heads * config.head_dim
    shapes = {"embed_tokens": (vocab_size, dim), "lm_head": (vocab_size, dim), "q_proj": (q_size, dim),
              "k_proj": (kv_size, dim), "v_proj": (kv_size, dim), "o_proj": (dim, q_size),
              "gate_proj": (hidden_dim, dim), "up_proj": (hidden_dim, dim), "down_proj": (dim, hidden_dim)}
    return (all((module.matrix.rows, module.matrix.width) == shapes[name.split(".")[-1]]
                for name, module in twin.named_modules() if hasattr(module, "matrix"))
            and all(module.weight.shape == (dim,) for module in twin.modules() if isinstance(module, RMSNorm)))
