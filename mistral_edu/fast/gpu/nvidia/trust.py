"""Whether kernels of our own may answer here: what the environment allows, and one comparison with MLX's operations."""
import os
import warnings

import mlx.core as mx

LEAST = (8, 0)              # Ampere
HEAD_DIMS = 32, 64, 128     # for which they are written


def are_allowed():
    """Whether the environment does not leave them out."""
    return os.environ.get("MISTRAL_EDU_ENGINE") != "mlx"


def agrees(who, why_not):
    """Whether why_not() finds nothing wrong with a kernel that it has asked once; otherwise a warning says what.

    who: the kernel, as in "the kernel is"; why_not() -> a clause, "" where all is right.
    """
    try:
        why = why_not()
    except (RuntimeError, ValueError) as error:     # such as what the compiler says
        why = (str(error).strip() or type(error).__name__).splitlines()[-1]
    if why:
        warnings.warn(f"{who} not used: {why}. MLX's own operations answer", stacklevel=3)
    return not why


def distance(found, wanted):
    """|found - wanted| / |wanted|."""
    found, wanted = found.astype(mx.float32), wanted.astype(mx.float32)
    return (mx.linalg.norm((found - wanted).reshape(-1)) / mx.linalg.norm(wanted.reshape(-1))).item()
