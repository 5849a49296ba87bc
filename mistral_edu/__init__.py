"""Mistral-7B, built up in notebooks. Import it before `mlx`: it puts a fast BLAS under MLX (see fast/blas.py)."""
from .fast import backend, blas

blas.install()   # works only before mlx.core is imported, so it comes before all imports below
backend.check()  # MLX without a part that computes is a common slip: one line says what to install

from .attention import Attention, scaled_dot_product_attention  # noqa: E402
from .cache import KVCache, QuantizedKVCache, RotatingKVCache  # noqa: E402
from .chat import encode_chat  # noqa: E402
from .checkpoints import load, load_config, load_model, load_tokenizer  # noqa: E402
from .config import MistralConfig  # noqa: E402
from .conversation import Chat  # noqa: E402
from .convert import convert  # noqa: E402
from .errors import CheckpointError  # noqa: E402
from .feed_forward import FeedForward  # noqa: E402
from .generate import generate, stream_generate  # noqa: E402
from .masks import create_attention_mask  # noqa: E402
from .norm import RMSNorm  # noqa: E402
from .quantize import quantize  # noqa: E402
from .sampling import sample  # noqa: E402
from .tokenizer import Tokenizer  # noqa: E402
from .transformer import Block, Model  # noqa: E402

__version__ = "0.1.0"
__all__ = [
    "MistralConfig", "Model", "Block", "Attention", "FeedForward", "RMSNorm", "create_attention_mask",
    "scaled_dot_product_attention", "KVCache", "RotatingKVCache", "QuantizedKVCache", "quantize",
    "Tokenizer", "encode_chat", "sample", "generate", "stream_generate", "Chat",
    "load", "load_model", "load_config", "load_tokenizer", "convert", "CheckpointError",
]


def load_ipython_extension(ipython):
    """`%load_ext mistral_edu` adds the magics that the notebooks use."""
    from .lab import prompting

    prompting.load_ipython_extension(ipython)


def unload_ipython_extension(ipython):
    """`%unload_ext mistral_edu` takes them away again."""
    from .lab import prompting

    prompting.unload_ipython_extension(ipython)
