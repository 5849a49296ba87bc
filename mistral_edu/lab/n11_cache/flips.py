"""Do two ways of computing the same logits ever choose another token? Greedy stories, read again in four ways.

    python -m mistral_edu.lab.n11_cache.flips 40 40       # writes recorded/flips.json, in about 15 minutes
"""
import json
import sys
from importlib.metadata import version
from pathlib import Path

import mlx.core as mx

from mistral_edu import KVCache, load_model, load_tokenizer
from mistral_edu.lab.experiments.skills import held_out_stories
from mistral_edu.lab.n11_cache.exercises import continue_text
from mistral_edu.machine.whole_files import write_text

RECORD = Path(__file__).parent / "recorded" / "flips.json"
MOST = 220                  # tokens: longer than nearly every story


def greedy(model, ids, most, eos_id):
    """The likeliest token each time, with a cache: a list of ids, the end token included where it came."""
    cache = [KVCache() for _ in model.layers]
    return continue_text(lambda new: model(mx.array([new]), cache)[0], ids, most, eos_id)


def at_once(model, ids, said):
    """The logits before each token of said, from one call without a cache: (len(said), vocab_size) fp32."""
    return model(mx.array([(ids + said)[:-1]]))[0, len(ids) - 1:].astype(mx.float32)


def step_by_step(model, ids, said):
    """The same with a cache, one token at a time."""
    cache, rows = [KVCache() for _ in model.layers], []
    for new in (ids, *([token] for token in said[:-1])):
        rows.append(model(mx.array([new]), cache)[0, -1].astype(mx.float32))
        mx.eval(rows[-1])
    return mx.stack(rows)


def margins(logits):
    """By how much the likeliest token leads: logits (n, vocab_size) -> (n,)."""
    two = mx.sort(logits, axis=-1)[:, -2:]
    return two[:, 1] - two[:, 0]


def gaps(a, b):
    """The largest difference of two logits of the same step: (n, vocab_size) twice -> (n,)."""
    return mx.abs(a - b).max(axis=-1)


def flips(a, b):
    """The steps at which a and b, each (n, vocab_size), choose another token: a list of numbers from 0."""
    return [n for n, other in enumerate((a.argmax(axis=-1) != b.argmax(axis=-1)).tolist()) if other]


def compare(a, b, story):
    """What the record keeps of one story read in two ways.

    The steps, the largest gap, at how many steps two tokens share the first place in b, and each flip: (story, step,
    margin in a, whether it is such a tie in b).
    """
    lead, tied = margins(a), (margins(b) == 0).tolist()
    return {"steps": len(a), "gap": round(gaps(a, b).max().item(), 7), "ties": sum(tied),
            "flips": [[story, n, round(lead[n].item(), 4), tied[n]] for n in flips(a, b)]}


def added_up(results):
    """One line of the record from those of several stories."""
    return {"steps": sum(one["steps"] for one in results), "gap": max(one["gap"] for one in results),
            "ties": sum(one["ties"] for one in results), "flips": sum((one["flips"] for one in results), [])}


def measure(n, n_cached):
    """Yield the record after each of n stories; of the first n_cached, the ways with a cache as well."""
    tokenizer = load_tokenizer()
    exact, half = (load_model(dtype=dtype, fast=False) for dtype in ("float32", "bfloat16"))
    results = {"float32, cached and not": [], "bfloat16, cached and not": [], "float32 and bfloat16": []}
    close = {"0.01": 0, "0.1": 0, "1": 0}
    for story, (ids, _) in enumerate(held_out_stories(tokenizer, n)):
        said = greedy(exact, ids, MOST, tokenizer.eos_id)
        whole, half_whole = at_once(exact, ids, said), at_once(half, ids, said)
        lead = margins(whole)
        close = {limit: count + (lead < float(limit)).sum().item() for limit, count in close.items()}
        results["float32 and bfloat16"].append(compare(whole, half_whole, story))
        if story < n_cached:
            results["float32, cached and not"].append(compare(whole, step_by_step(exact, ids, said), story))
            results["bfloat16, cached and not"].append(compare(half_whole, step_by_step(half, ids, said), story))
        yield {"stories": story + 1, "margins below": close,
               "results": {name: added_up(each) for name, each in results.items()}}


def main(n, n_cached):
    for record in measure(n, n_cached):
        record = {"what": "greedy stories of tiny, read in several ways; of each flip: story, step, margin, tie or not",
                  "command": f"python -m mistral_edu.lab.n11_cache.flips {n} {n_cached}",
                  "versions": {"mlx": version("mlx")}, "machine": "Linux, two x86 processors", **record}
        write_text(RECORD, json.dumps(record) + "\n")
        print(record["stories"], record["margins below"], record["results"], flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
