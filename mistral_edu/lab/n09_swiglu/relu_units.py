"""ReLU units without a gate that come as close to x * y as they can: each is a bent line, and their sum is fitted."""
import numpy as np

INSIDE = 2                               # fitted for x and y from -2 to 2
SIDE = np.linspace(-INSIDE, INSIDE, 41)
GRID = np.stack(np.meshgrid(SIDE, SIDE), -1).reshape(-1, 2)          # (1681, 2)
PRODUCTS = GRID[:, 0] * GRID[:, 1]


def bent(points, n):
    """The numbers of n ReLU units max(0, direction - bend), a quarter in each direction: points (N, 2) -> (N, n).

    x y = ((x + y)^2 - (x - y)^2) / 4, so units along x + y and x - y, both ways, with evenly spread bends, will do.
    """
    plus, minus = points[:, :1] + points[:, 1:], points[:, :1] - points[:, 1:]       # (N, 1)
    bends = 2 * INSIDE * np.arange(n // 4) / (n // 4)                                # (n / 4,)
    return np.maximum(np.concatenate([plus - bends, -plus - bends, minus - bends, -minus - bends], 1), 0)


def fitted_relu_units(n):
    """The best weighted sum of n ReLU units (n a multiple of 4), as a function: points (N, 2) -> (N,)."""
    weights = np.linalg.lstsq(bent(GRID, n), PRODUCTS, rcond=None)[0]                # (n,)
    return lambda points: bent(points, n) @ weights
