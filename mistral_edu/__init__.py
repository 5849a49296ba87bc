"""Mistral-7B, built up in notebooks. Import it before `mlx`: it puts a fast BLAS under MLX (see machine/blas.py)."""
from mistral_edu.machine import backend, blas

blas.install()   # works only before mlx.core is imported, so it comes before all imports below
backend.check()  # MLX without a backend is a common mistake: one line says what to install

from mistral_edu.attention import Attention, scaled_dot_product_attention
from mistral_edu.cache import KVCache, RotatingKVCache
from mistral_edu.chat import encode_chat
from mistral_edu.checkpoints.convert import convert
from mistral_edu.checkpoints.errors import CheckpointError
from mistral_edu.checkpoints.loading import load, load_config, load_model, load_tokenizer
from mistral_edu.config import MistralConfig
from mistral_edu.conversation import Chat
from mistral_edu.feed_forward import FeedForward
from mistral_edu.generate import generate, stream_generate
from mistral_edu.masks import create_attention_mask
from mistral_edu.norm import RMSNorm
from mistral_edu.quantize import quantize
from mistral_edu.quantized_cache import QuantizedKVCache
from mistral_edu.sampling import sample
from mistral_edu.tokenizer import Tokenizer
from mistral_edu.transformer import Block, Model

__version__ = "0.1.0"
__all__ = [
    "MistralConfig", "Model", "Block", "Attention", "FeedForward", "RMSNorm", "create_attention_mask",
    "scaled_dot_product_attention", "KVCache", "RotatingKVCache", "QuantizedKVCache", "quantize",
    "Tokenizer", "encode_chat", "sample", "generate", "stream_generate", "Chat",
    "load", "load_model", "load_config", "load_tokenizer", "convert", "CheckpointError",
]


def load_ipython_extension(ipython):
    """Add the magics that the notebooks use: `%load_ext mistral_edu`."""
    from mistral_edu.lab import prompting

    prompting.load_ipython_extension(ipython)


def unload_ipython_extension(ipython):
    """Remove them again: `%unload_ext mistral_edu`."""
    from mistral_edu.lab import prompting

    prompting.unload_ipython_extension(ipython)
