"""What notebook 06 reads: texts of any length, and the cost of each of their tokens."""
from functools import lru_cache

import mlx.core as mx
import numpy as np

from mistral_edu.prefill import CHUNK
from mistral_edu.tiny.exam import recall_items


def token_costs(model, ids, mask=None, chunk=CHUNK):
    """The cost of every token but the first, (len(ids) - 1,): entry p is that of the token at position p + 1.

    mask: as a model takes it, for a text that is read at once; "causal" lifts the window. Without one, the text is read
    through a cache, in chunks, which keeps a long text cheap.
    """
    tokens = mx.array(ids)
    if mask is None:
        cache, logits = model.make_cache(), []
        for start in range(0, len(ids) - 1, chunk):
            logits.append(model(tokens[None, start:start + chunk], cache)[0])
            mx.eval(logits)
        logits = mx.concatenate(logits)[:len(ids) - 1]
    else:
        logits = model(tokens[None, :-1], mask=mask)[0]                       # (L, vocab_size)
    logits = logits.astype(mx.float32)
    came = mx.take_along_axis(logits, tokens[1:, None], axis=-1)[:, 0]        # (L,)
    return np.array(mx.logsumexp(logits, axis=-1) - came)


@lru_cache
def news(tokenizer, length):
    """The first `length` ids of a text of village news; of the exam, so training left it out."""
    return recall_items(tokenizer, length + 100, 0, 1)[0].prompt[:length]
