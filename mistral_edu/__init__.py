"""Mistral-7B, built up in notebooks. Import it before `mlx`: it puts a fast BLAS under MLX (see fast/blas.py)."""
from .fast import blas

blas.install()  # works only before mlx.core is imported, so it comes before all imports below

__version__ = "0.1.0"


def load_ipython_extension(ipython):
    """`%load_ext mistral_edu` adds the magics that the notebooks use."""
    from .lab import magics

    magics.load_ipython_extension(ipython)
