"""One model on several processes: tensor parallelism over mx.distributed.

`split` says which part of each weight a rank holds, `reading` reads it, `model` makes a Model of it, `counted` counts
what the ranks send each other. `watch` starts ranks and watches them, `cells` does so from a notebook cell, and `rank`
is what runs in each of them.
"""
from mistral_edu.parallel.cells import ranks
from mistral_edu.parallel.counted import bytes_per_call, bytes_received
from mistral_edu.parallel.model import load_sharded, random_sharded
from mistral_edu.parallel.split import split

__all__ = ["bytes_per_call", "bytes_received", "load_sharded", "random_sharded", "ranks", "split"]
