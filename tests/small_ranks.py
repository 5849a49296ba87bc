"""What the ranks of a test do: a function that runs in each of them, and the same for one process."""
from mistral_edu import generate
from mistral_edu.parallel import bytes_per_call, bytes_received, load_sharded

import mlx.core as mx
import mlx.nn as nn

IDS = [1, 3, 500, 4, 77, 8, 9, 1000, 2, 5, 6, 71, 800, 12, 13, 14, 600, 16, 17, 18]  # over three windows of 6
CHUNKS = (9, 7, 2, 1, 1)  # more than the window at once; the last ones as in decode
STORY = "Tell me a story about a red ball."


def logits(model):
    """{way: logits} of the same ids: read at once, and in chunks with a cache."""
    return {"at once": rows(model(mx.array([IDS]))), "in chunks": in_chunks(model, model.make_cache())}


def in_chunks(model, cache):
    parts, start = [], 0
    for length in CHUNKS:
        parts.append(model(mx.array([IDS[start:start + length]]), cache=cache))
        mx.eval(parts[-1])
        start += length
    return rows(mx.concatenate(parts, axis=1))


def rows(logits):
    logits = logits[0].astype(mx.float32)
    mx.eval(logits)
    return logits


def gradients(model):
    """Of a loss, with respect to two weights that every rank holds: the norms of the first layer."""
    def loss(model):
        scores = model(mx.array([IDS[:-1]]))
        return nn.losses.cross_entropy(scores.astype(mx.float32), mx.array([IDS[1:]]), reduction="mean")

    layer = nn.value_and_grad(model, loss)(model)[1]["model"]["layers"][0]
    found = [layer["input_layernorm"]["weight"], layer["post_attention_layernorm"]["weight"]]
    mx.eval(found)
    return found


def story(model, tokenizer, n):
    return generate(model, tokenizer, STORY, max_tokens=n)


def read_by_system():
    """Bytes that this thread has read from files so far, as Linux counts them. (Others belong to the reporter.)"""
    with open("/proc/thread-self/io") as opened:
        return int(opened.readline().split()[1])


def in_each_rank(group, folders, n_words):
    """All that is compared. folders: name -> checkpoint, "float32" among them; n_words: tokens of the story."""
    found = {}
    for name, folder in folders.items():
        model, tokenizer = load_sharded(folder, group)
        found[name] = logits(model)
        found[f"{name}: bytes"] = model.bytes_read
    model, _ = load_sharded(folders["float32"], group)
    found["keys in 8 bit"] = in_chunks(model, model.make_cache(bits=8))
    before = bytes_received()
    mx.eval(model(mx.array([IDS])))
    found["bytes received"] = bytes_received() - before
    neighbour = (group.rank() + 1) % group.size()  # in MLX's ring it sends to this rank
    found["by formula"] = bytes_per_call(model.config, group.size(), len(IDS), 4, neighbour)
    found["gradients"] = gradients(model)
    model, tokenizer = load_sharded("tiny", group, dtype="float32")
    found["story"] = story(model, tokenizer, n_words)
    before = read_by_system()
    model, tokenizer = load_sharded("tiny", group)
    found["tiny: bytes"], found["tiny: by the system"] = model.bytes_read, read_by_system() - before
    found["tiny"] = rows(model(mx.array([IDS])))
    return found
