"""How near the engine comes to the readable model: largest differences of logits, and the share of equal tokens.

    python -m mistral_edu.fast.equal tiny

The readable model is measured in float32, on the very numbers that the weights stand for (mistral_edu.quantize): in 16
bit, and in quantized products most, MLX's own code for processors rounds more than any engine does. What is left are
two sources of difference:

- the order of sums. In float32 the last of 24 bits differs with it, a few hundred roundings in a row: BOUND.
- the caches. They keep keys and values as the model would keep them. In bfloat16 those have 8 bits, a rounding of
  2**-9 at most: 0.2 % of each key and value, which attention spreads over the logits: BF16_BOUND. A reference that
  rounds its keys and values, too, meets the engine again, but for single numbers that lie so near the middle between
  two bfloat16 that the last bit of a sum decides: ROUNDED_BOUND.

A greedy choice can differ only where the two largest logits are nearer to each other than twice the bound.
"""
import argparse
from dataclasses import dataclass

import mlx.core as mx

from mistral_edu.quantize import dequantize

from .wide import NarrowCache, activation_dtype

BOUND = 1e-4          # of the largest logit
BF16_BOUND = 0.03     # the same, where keys and values are kept in bfloat16
ROUNDED_BOUND = 5e-3  # the same, where those of the reference are rounded, too
PROMPTS = ("Hello!", "Who are you?", "Tell me a story about a red ball.", "What is 7 plus 5?", "Tell me a story.",
           "Tell me about your village.", "What can you do?", "Tell me a story about a dog and a key.",
           "What is 3 plus 4?", "Where do you live?", "Tell me a story about a blue boat.", "Good morning!")


@dataclass(frozen=True)
class Comparison:
    """Greedy choices of the engine and of the readable model, along the text that the readable one writes."""

    tokens: int             # compared
    equal: int              # of which both choose the same
    largest_gap: float      # of the logits, relative to the largest one
    widest_margin: float    # between the two likeliest, where they choose differently; relative, too. 0: nowhere
    same_texts: int         # prompts whose whole answer is the same

    def __str__(self):
        text = (f"{self.equal:,} of {self.tokens:,} greedy tokens equal ({self.equal / self.tokens:.2%}), "
                f"{self.same_texts} whole answers; largest gap {self.largest_gap:.1e}")
        return text + (f"; where they differ, the margin is {self.widest_margin:.1e} at most"
                       if self.widest_margin else "")


def gap(a, b):
    """The largest difference, relative to the largest number of b."""
    a, b = a.astype(mx.float32), b.astype(mx.float32)
    return (mx.abs(a - b).max() / mx.abs(b).max()).item()


def reference(model):
    """The readable model in float32, with the numbers that this one computes with."""
    exact = dequantize(model, mx.float32)
    exact.path = "readable"
    return exact


def narrow(model, cache):
    """Caches that keep what `model` would keep, for its float32 reference to use: keys and values are rounded."""
    return [NarrowCache(layer, activation_dtype(model)) for layer in cache]


def compare(model, exact, prompts, max_tokens=64):
    """A Comparison over prompts, lists of ids. exact: reference(model); it chooses, and both read what it chose."""
    tokens = equal = same_texts = 0
    largest_gap = widest_margin = 0.0
    for ids in prompts:
        caches, same = (model.make_cache(), exact.make_cache()), 0
        for n in range(max_tokens):
            got, want = (reader(mx.array([ids]), cache)[0, -1] for reader, cache in zip((model, exact), caches))
            largest_gap = max(largest_gap, gap(got, want))
            best, second = mx.sort(want)[-1:-3:-1].tolist()
            chosen = mx.argmax(want).item()
            if mx.argmax(got).item() == chosen:
                same += 1
            else:
                widest_margin = max(widest_margin, (best - second) / mx.abs(want).max().item())
            ids = [chosen]
        tokens, equal, same_texts = tokens + max_tokens, equal + same, same_texts + (same == max_tokens)
    return Comparison(tokens, equal, largest_gap, widest_margin, same_texts)


def main(argv=None):
    from mistral_edu import encode_chat, load
    from mistral_edu.fast import compiled
    parser = argparse.ArgumentParser(prog="python -m mistral_edu.fast.equal", description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="tiny", help='"tiny", a folder, or a name on the hub')
    parser.add_argument("--max-tokens", type=int, default=64, help="per prompt (default: 64)")
    args = parser.parse_args(argv)
    compiled.kernels(wait=120)
    for dtype, bits in (("float32", None), ("bfloat16", None), ("bfloat16", 8), ("bfloat16", 4), ("float32", 4)):
        model, tokenizer = load(args.model, dtype=dtype, bits=bits)
        prompts = [encode_chat([{"role": "user", "content": prompt}], tokenizer) for prompt in PROMPTS]
        comparison = compare(model, reference(model), prompts, args.max_tokens)
        print(f"{dtype:9} {f'{bits} bit' if bits else '':6} {comparison}  [{model.path}]")


if __name__ == "__main__":
    main()
