"""Whether MLX still has to compile kernels for an NVIDIA GPU, which takes seconds when they are first used."""
import os
import tempfile
from pathlib import Path

import mlx.core as mx


def folder():
    """Where MLX keeps them."""
    kept = os.environ.get("MLX_PTX_CACHE_DIR")
    return Path(kept) if kept else Path(tempfile.gettempdir()) / "mlx" / mx.__version__ / "ptx"


def is_now():
    """Whether MLX computes on an NVIDIA GPU and has compiled nothing for it so far.

    >>> is_now()        # not on a processor
    False
    """
    if not mx.cuda.is_available() or mx.default_device() == mx.Device(mx.cpu):
        return False
    return not (folder().is_dir() and any(folder().iterdir()))
