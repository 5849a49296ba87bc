"""How close the engine comes to the readable model: largest differences of logits, and the share of equal tokens.

    python -m mistral_edu.bench.equal tiny

The readable model is measured in float32, on the very numbers that the weights stand for (mistral_edu.quantize): in 16
bits, and above all in quantized products, MLX's own code for processors rounds more than any engine does. That leaves
these sources of difference:

- the order of sums. In float32 the last of 24 bits depends on it, a few hundred roundings in a row: BOUND.
- the caches. They keep keys and values as the model would keep them. In bfloat16 those have 8 bits, a rounding of at
  most 2**-9: 0.2 % of each key and value, which attention spreads over the logits: BF16_BOUND. A reference that also
  rounds its keys and values agrees with the engine again, except for single numbers so close to the middle between two
  bfloat16 that the last bit of a sum decides: ROUNDED_BOUND.
- the few rows of x that decoding multiplies by 8- and 4-bit weights. They are rounded to 16-bit integers, 32 of them
  together, by at most 2**-16 of the largest: QUANTIZED_BOUND.
- oneDNN, if the processor has instructions for bfloat16. They take both sides of a product in bfloat16, so in prompts
  the weights and what they multiply are rounded, too, by at most 2**-9: BF16_BOUND again. (MISTRAL_EDU_ONEDNN=0: not at
  all.)

A greedy choice can differ only where the two largest logits are closer to each other than twice the bound.
"""
import argparse
from dataclasses import dataclass, replace

import mlx.core as mx
import mlx.nn as nn

from mistral_edu.fast.widened import NarrowCache, activation_dtype
from mistral_edu.quantize import dequantize

BOUND = 1e-4            # of the largest logit
QUANTIZED_BOUND = 5e-4  # the same, if weights have 8 or 4 bits
BF16_BOUND = 0.03       # the same, if keys and values are kept in bfloat16
ROUNDED_BOUND = 5e-3    # the same, if those of the reference are rounded, too
PROMPTS = ("Hello!", "Who are you?", "Tell me a story about a red ball.", "What is 7 plus 5?", "Tell me a story.",
           "Tell me about your village.", "What can you do?", "Tell me a story about a dog and a key.",
           "What is 3 plus 4?", "Where do you live?", "Tell me a story about a blue boat.", "Good morning!")


@dataclass(frozen=True)
class Comparison:
    """Greedy choices of the engine and of the readable model, along the text that the engine writes."""

    tokens: int             # compared
    equal: int              # of which both choose the same
    largest_gap: float      # of the logits, relative to the largest one
    widest_margin: float    # between the two likeliest, where the choices differ; relative, too. 0: they never do
    same_texts: int         # prompts whose whole answer is the same

    def __str__(self):
        text = (f"{self.equal:,} of {self.tokens:,} greedy tokens equal ({self.equal / self.tokens:.2%}), "
                f"{self.same_texts} whole answers; largest gap {self.largest_gap:.1e}")
        return text + (f"; where they differ, the margin is at most {self.widest_margin:.1e}"
                       if self.widest_margin else "")


def gap(a, b):
    """The largest difference, relative to the largest number of b."""
    a, b = a.astype(mx.float32), b.astype(mx.float32)
    return (mx.abs(a - b).max() / mx.abs(b).max()).item()


def reference(model):
    """The readable model in float32, with the numbers with which this one computes."""
    exact = dequantize(model, mx.float32)
    embedding = model.model.embed_tokens
    if model.config.tie_embeddings and "scales" in embedding:  # it looks up rounded rows, but multiplies by exact ones
        exact.config = replace(model.config, tie_embeddings=False)
        exact.lm_head = nn.Linear(model.config.dim, model.config.vocab_size, bias=False)
        exact.lm_head.weight = mx.dequantize(embedding.weight, *(part.astype(mx.float32) for part in (
            embedding.scales, embedding.biases)), group_size=embedding.group_size, bits=embedding.bits)
    return exact


def narrow(model, cache):
    """Caches that keep what `model` would keep, for its float32 reference to use: keys and values are rounded."""
    return [NarrowCache(layer, activation_dtype(model)) for layer in cache]


def compare(model, exact, prompts, max_tokens=64):
    """A Comparison over prompts, lists of ids. exact: reference(model), which reads at once what the engine writes."""
    tokens = equal = same_texts = 0
    largest_gap = widest_margin = 0.0
    for ids in prompts:
        text, step, got, cache = list(ids), ids, [], model.make_cache()
        for _ in range(max_tokens):
            got.append(model(mx.array([step]), cache)[0, -1])     # (V,)
            step = [mx.argmax(got[-1]).item()]
            text += step
        got = mx.stack(got).astype(mx.float32)                    # (max_tokens, V)
        want = exact(mx.array([text[:-1]]))[0, len(ids) - 1:]     # (max_tokens, V)
        scale = mx.abs(want).max(axis=-1)                         # (max_tokens,)
        two = mx.topk(want, 2, axis=-1)                           # (max_tokens, 2)
        margins = (two.max(axis=-1) - two.min(axis=-1)) / scale
        differ = mx.argmax(want, axis=-1) != mx.argmax(got, axis=-1)
        largest_gap = max(largest_gap, (mx.abs(got - want).max(axis=-1) / scale).max().item())
        widest_margin = max(widest_margin, mx.where(differ, margins, 0).max().item())
        n_different = differ.sum().item()
        tokens, equal = tokens + max_tokens, equal + max_tokens - n_different
        same_texts += n_different == 0
    return Comparison(tokens, equal, largest_gap, widest_margin, same_texts)


def main(argv=None):
    from mistral_edu import encode_chat, load
    from mistral_edu.fast import compiled
    parser = argparse.ArgumentParser(prog="python -m mistral_edu.bench.equal", description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="tiny", help='"tiny", a folder, or a name on the hub')
    parser.add_argument("--max-tokens", type=int, default=64, help="per prompt (default: 64)")
    args = parser.parse_args(argv)
    compiled.kernels(wait=120)
    for dtype, bits in (("float32", None), ("bfloat16", None), ("bfloat16", 8), ("bfloat16", 4), ("float32", 4)):
        model, tokenizer = load(args.model, dtype=dtype, bits=bits)
        prompts = [encode_chat([{"role": "user", "content": prompt}], tokenizer) for prompt in PROMPTS]
        comparison = compare(model, reference(model), prompts, args.max_tokens)
        print(f"{dtype:9} {f'{bits} bit' if bits else '':6} {comparison}  [{model.answered_by}]")


if __name__ == "__main__":
    main()
