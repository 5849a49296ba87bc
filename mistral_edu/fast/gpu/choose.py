"""Whether the engine for GPUs suits a model, on this machine.

MISTRAL_EDU_ENGINE=gpu takes it on a processor, too, where it is slow: for tests. MISTRAL_EDU_ENGINE=mlx takes it
without the kernels for NVIDIA.
"""
import os

import mlx.core as mx

from mistral_edu.fast import structure
from mistral_edu.fast.gpu import prompt, watching
from mistral_edu.fast.gpu.engine import GpuEngine
from mistral_edu.machine import processors
from mistral_edu.norm import RMSNorm
from mistral_edu.quantize import FLOAT, QUANTIZED


def is_wanted():
    """Whether MLX computes on a GPU, or the environment asks for this engine."""
    return mx.default_device() != mx.Device(mx.cpu) or os.environ.get("MISTRAL_EDU_ENGINE") == "gpu"


def make_engine(model):
    """(engine, why there is none): one of the two is None or ""."""
    if why := why_not(model):
        return None, why
    itemsize = next(iter(float_dtypes(model))).size
    return GpuEngine(model, prompt.tokens_at_once(model.config, itemsize, free_memory())), ""


def why_not(model):
    """What this engine does not compute with, in words; "" where it does."""
    if watching.place() is None:
        return "changed weights would not be noticed with this Python and MLX"
    if not structure.is_plain(model):
        return "parts of the model were replaced"
    dtypes = float_dtypes(model)
    if len(dtypes) > 1:
        return f"its weights are of several types: {', '.join(sorted(str(dtype) for dtype in dtypes))}"
    for name, module in model.named_modules():
        if "bias" in module:
            return f"{name} has a bias"
    return "" if has_heads_of(model) else "its heads are not of the size that the configuration says"


def float_dtypes(model):
    """The types of its weights, where they are not packed, and of the scales of those that are."""
    kinds = (*FLOAT, *QUANTIZED, RMSNorm)
    leaves = [module for module in model.modules() if isinstance(module, kinds)]
    return {(module.scales if "scales" in module else module.weight).dtype for module in leaves}


def has_heads_of(model):
    """Whether the projections of every layer make the heads that the configuration counts."""
    config = model.config
    q_size, kv_size = config.n_heads * config.head_dim, config.n_kv_heads * config.head_dim
    return all((layer.self_attn.q_proj.weight.shape[0], layer.self_attn.k_proj.weight.shape[0],
                layer.self_attn.v_proj.weight.shape[0]) == (q_size, kv_size, kv_size) for layer in model.layers)


def free_memory():
    """Bytes that MLX can still take where it computes; None where nobody says."""
    if mx.default_device() == mx.Device(mx.cpu):
        return processors.memory()[1]
    info = mx.device_info()
    if "free_memory" in info:                               # CUDA: what other programs take counts as well
        return info["free_memory"] + mx.get_cache_memory()
    most = info.get("max_recommended_working_set_size")     # Metal
    return None if most is None else max(0, most - mx.get_active_memory())
