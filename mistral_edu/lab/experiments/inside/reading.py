"""Read a recorded run with the output layer: after each layer (the logit lens), and part by part (attribution).

Sources: nostalgebraist 2020, "interpreting GPT: the logit lens"; Elhage et al. 2021, "A Mathematical Framework for
Transformer Circuits", for the stream as a sum of parts that each write to the logits.
"""
from dataclasses import dataclass

import mlx.core as mx
import numpy as np

from mistral_edu.lab.experiments.inside.recording import unembed


def logit_lens(model, run):
    """What the output layer would say after each layer: probabilities (n_layers + 1, L, vocab_size), fp32."""
    logits = unembed(model, model.model.norm(run.states))
    return mx.softmax(logits.astype(mx.float32), axis=-1)


@dataclass(frozen=True)
class Attribution:
    """How much each part adds to the difference between the logits of two tokens."""
    embedding: float
    heads: np.ndarray           # (n_layers, n_heads)
    feed_forward: np.ndarray    # (n_layers,)

    @property
    def total(self):
        """The sum of all parts: the logit difference itself."""
        return float(self.embedding + self.heads.sum() + self.feed_forward.sum())

    def ranked(self):
        """[(name, value), ...] of all parts, the largest in size first, whatever the sign."""
        parts = [("embedding", self.embedding)]
        parts += [(f"layer {n} head {h}", float(value)) for (n, h), value in np.ndenumerate(self.heads)]
        parts += [(f"layer {n} feed-forward", float(value)) for n, value in enumerate(self.feed_forward)]
        return sorted(parts, key=lambda part: -abs(part[1]))


def attribution(model, run, token, other, position=-1) -> Attribution:
    """Direct logit attribution: logit(token) - logit(other) at a position, as a sum over the parts of the stream.

    The last norm multiplies each element by a factor that depends on the whole stream. With these factors frozen at
    their values in this run, the way from the stream to a logit is linear, so the difference is the sum of what the
    parts add. It says what each part writes directly, not what it makes others write.
    """
    n_layers, n_heads = run.heads.shape[:2]
    final = run.stream[-1, position]                                              # (dim,)
    factors = mx.where(final == 0, 0, model.model.norm(final) / final)            # (dim,)
    parts = mx.concatenate([run.embedding[None, position], run.heads[:, :, position].reshape(n_layers * n_heads, -1),
                            run.feed_forward[:, position]])                       # (parts, dim)
    logits = unembed(model, parts * factors).astype(mx.float32)                   # (parts, vocab_size)
    shares = np.array(logits[:, token] - logits[:, other])                        # (parts,)
    return Attribution(float(shares[0]), shares[1:-n_layers].reshape(n_layers, n_heads), shares[-n_layers:])
