"""The game of notebook 14: how many bits each part of `tiny` gets, as its player writes it down."""
from mistral_edu.quantize import BITS

LAYERS = 8
KINDS = {"embedding": (None,), "output": (None,), "attention": range(LAYERS), "feed-forward": range(LAYERS)}

# Found by a greedy search from 2 bit everywhere, as solutions/14_solutions.md tells: 2.995 MB.
OURS = {"embedding": 3, "output": 3, "attention": [5, 3, 3, 3, 4, 3, 3, 3], "feed-forward": [3, 2, 2, 2, 2, 2, 2, 3]}


def part_of(name: str) -> tuple:
    """The part that a matrix belongs to, by its name in the model: (kind, number of its layer).

    Embedding and output layer stand in no layer: None.

    >>> part_of("model.layers.3.self_attn.q_proj"), part_of("model.layers.0.mlp.up_proj")
    (('attention', 3), ('feed-forward', 0))
    >>> part_of("model.embed_tokens"), part_of("lm_head")
    (('embedding', None), ('output', None))
    """
    if "layers" not in name:
        return ("embedding" if "embed" in name else "output"), None
    _, _, layer, kind, _ = name.split(".")
    return ("attention" if kind == "self_attn" else "feed-forward"), int(layer)


def bits_of_parts(plan: dict) -> dict:
    """{(kind, layer): bits} of a plan {kind: bits, or a list with the bits of each layer}.

    Raises ValueError for a kind that is missing or unknown, a list of another length, bits that MLX does not have.

    >>> parts = bits_of_parts({"embedding": 3, "output": 3, "attention": [4] * 8, "feed-forward": 2})
    >>> parts["output", None], parts["attention", 7], parts["feed-forward", 7]
    (3, 4, 2)
    """
    if not isinstance(plan, dict) or set(plan) != set(KINDS):
        found = ", ".join(map(str, plan)) if isinstance(plan, dict) else repr(plan)
        raise ValueError(f"a plan is a dictionary with bits for {', '.join(KINDS)}; this one has {found or 'nothing'}")
    parts = {}
    for kind, layers in KINDS.items():
        each = plan[kind] if isinstance(plan[kind], (list, tuple)) else [plan[kind]] * len(layers)
        if len(each) != len(layers):
            raise ValueError(f"{kind}: expected one number, or a list of {len(layers)}; found {len(each)} numbers")
        for layer, bits in zip(layers, each):
            if bits not in BITS or not isinstance(bits, int) or isinstance(bits, bool):
                where = kind if layer is None else f"{kind} of layer {layer}"
                raise ValueError(f"{where}: bits are one of {', '.join(map(str, BITS))}; found {bits!r}")
            parts[kind, layer] = bits
    return parts
