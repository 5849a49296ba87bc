"""Where two models diverge: run both on one text, compare part by part, and name the first part that differs.

Logits that differ prove that something is wrong; the first part that differs says what.
"""
import math
from dataclasses import dataclass

import mlx.core as mx

from mistral_edu.lab.experiments.inside.recording import walk

TOLERANCE = 1e-3        # of a row's largest number: two correct ways to compute in float32 stay far below


@dataclass(frozen=True)
class Difference:
    """The first part in which two models differ. str(): "It first differs after the attention of layer 0, by 0.3"."""
    part: str
    layer: int | None
    size: float                 # the largest difference of two numbers; nan if only one model has NaN there

    def __str__(self):
        where = f"the {self.part}" + ("" if self.layer is None else f" of layer {self.layer}")
        if math.isnan(self.size):
            return f"NaN first appears after {where}"
        return f"It first differs after {where}, by {self.size:.2g}"


def first_difference(model_a, model_b, tokens, tolerance=TOLERANCE) -> Difference | None:
    """Run two models of the same shape on one text side by side: the first part that differs, or None.

    A number differs if it is off by more than `tolerance` times the largest number of its row (of one token, or of
    one token in one head). Raises ValueError if a part has a different shape in the other model.
    """
    for (part, layer, a), (_, _, b) in zip(walk(model_a, tokens), walk(model_b, tokens)):
        if a.shape != b.shape:
            raise ValueError(f"models of the same shape are compared part by part; the {part} of layer {layer} has "
                             f"shape {a.shape} in the first and {b.shape} in the second")
        a, b = a.astype(mx.float32), b.astype(mx.float32)
        far = mx.abs(a - b)
        allowed = tolerance * mx.abs(a).max(axis=-1, keepdims=True)
        if not (far <= allowed).all().item():            # NaN is never <=
            return Difference(part, layer, math.nan if mx.isnan(far).any() else far.max().item())
    return None
