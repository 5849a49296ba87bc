"""A rank's part of a model: a smaller Mistral, two of whose products a layer end in a sum over all ranks.

    import mlx.core as mx
    from mistral_edu.parallel import load_sharded
    group = mx.distributed.init()
    model, tokenizer = load_sharded("tiny", group)     # in every rank; then all as with any model

Each rank reads the same tokens and gets the same logits, bit for bit, so all of them do the same at every step. They
must: a rank that reads other tokens, or calls the model more often, makes the sums wrong or waits for ever. So where
tokens are drawn at random, all ranks need the same seed (under `mistral-edu launch` they have it).

Caches, windows and chunked prompts need no change: they belong to heads, and a rank has some of them. The engines of
mistral_edu.fast stay off, since they know nothing of sums between processes.
"""
import os

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten, tree_unflatten

from mistral_edu.bench.random_model import random_weight
from mistral_edu.checkpoints import authors_layout, memory
from mistral_edu.checkpoints.checkpoint import Checkpoint
from mistral_edu.checkpoints.entries import FLOATS
from mistral_edu.checkpoints.errors import NonFiniteWeights
from mistral_edu.checkpoints.layout import AUTHORS
from mistral_edu.checkpoints.loading import check_tokenizer, dtype_name, open_model
from mistral_edu.config import MistralConfig
from mistral_edu.parallel.counted import bytes_per_call
from mistral_edu.parallel.reading import Slices
from mistral_edu.parallel.split import part_shape, place, rank_config, split
from mistral_edu.quantize import FLOAT, QUANTIZED, quantize
from mistral_edu.tokenizer import Tokenizer
from mistral_edu.transformer import unfilled

LOCAL_RANKS = "MISTRAL_EDU_LOCAL_RANKS"  # environment variable: how many ranks share this machine's memory
BY_ROWS = ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj")
BY_COLUMNS = ("o_proj", "down_proj")


def load_sharded(name_or_folder="tiny", group=None, window_size="config", dtype=None, bits=None, fast=False,
                 context=None, revision=None, token=None):
    """This rank's part of a model, and the tokenizer; the arguments are those of load().

    group: from mx.distributed.init(); None: that of all ranks. Only the rank's own slices are read: `model.bytes_read`
    says how many bytes. fast: ignored. Raises what load() raises, and ValueError if the model cannot be divided among
    this many ranks.
    """
    group = group or mx.distributed.init()
    checkpoint, dtype = Checkpoint.open(name_or_folder, window_size, revision, token), dtype_name(dtype)
    config, tokenizer = checkpoint.config, Tokenizer(checkpoint.folder)
    check_tokenizer(checkpoint, tokenizer)
    if checkpoint.fetch_weights is not None:  # what would not fit is not fetched at all
        check_memory(checkpoint, split(config, group.size())[group.rank()], context, dtype, bits, group)
        checkpoint = checkpoint.fetched()
    whole, _ = open_model(checkpoint, dtype)  # names and shapes are compared, and no number is read
    if bits is not None:
        quantize(whole, bits)
    part = split(config, group.size(), group_size_of(whole))[group.rank()]
    check_memory(checkpoint, part, context, dtype, bits, group)
    with Slices(checkpoint.entries) as slices:
        model = part_of(whole, part, lambda name: read_part(slices, name, checkpoint, part, dtype), group)
        model.bytes_read = slices.bytes_read
    return model, tokenizer


def random_sharded(preset, bits=None, group=None, seed=0):
    """This rank's part of bench.random_model.random_model(preset, bits, seed): the same numbers.

    Each weight is drawn whole, one after another, and only the part is kept.
    """
    group = group or mx.distributed.init()
    config = MistralConfig.preset(preset)
    whole = unfilled(config)
    shapes = {name: weight.shape for name, weight in tree_flatten(whole.parameters())}
    keys = dict(zip(shapes, mx.random.split(mx.random.key(seed), len(shapes))))
    if bits is not None:
        quantize(whole, bits)
    part = split(config, group.size(), group_size_of(whole))[group.rank()]

    def draw(name):
        taken = place(name, shapes[name], config, part)
        runs = tuple(slice(None) if run is None else slice(run.start, run.stop) for run in taken)
        return mx.contiguous(random_weight(shapes[name], keys[name])[runs[:len(shapes[name])]])

    return part_of(whole, part, draw, group)


def part_of(whole, part, weight, group):
    """The model of one rank. whole: a model of which only the shapes are used; weight(name) -> array, of this part."""
    model = unfilled(rank_config(whole.config, part))
    quantize_as(model, whole)
    for name, layer in model.named_modules():
        if "weight" in layer:
            layer.update(layer_parameters(layer, name, weight))
            mx.eval(layer.parameters())  # one layer after another, so that memory holds at most two copies of one
    meet(model, group)
    size, itemsize = group.size(), model.model.norm.weight.itemsize
    model.answered_by = (f"readable code on {size} ranks, each of which sends "
                         f"{bytes_per_call(model.config, size, 1, itemsize, group.rank()):,} bytes per token")
    return model


def without_sums(model):
    """The same part with the same arrays, whose ranks do not meet: what it answers is wrong, and takes as long as a
    rank's own work.
    """
    apart = unfilled(model.config)
    quantize_as(apart, model)
    apart.update(model.parameters())
    return apart


def quantize_as(model, whole):
    """Replace the layers of a part that are quantized in the whole model by quantized ones with the same bits."""
    settings = {name: {"bits": layer.bits, "group_size": layer.group_size} for name, layer in whole.named_modules()
                if "scales" in layer}
    nn.quantize(model, class_predicate=lambda name, layer: settings.get(name, False))


def layer_parameters(layer, name, weight):
    """The arrays of one layer by name, quantized if the layer is and the weight that came is not."""
    first = weight(f"{name}.weight")
    if not isinstance(layer, QUANTIZED):
        return {"weight": first}
    if first.dtype == mx.uint32:
        return {"weight": first, "scales": weight(f"{name}.scales"), "biases": weight(f"{name}.biases")}
    return dict(zip(("weight", "scales", "biases"), mx.quantize(first, layer.group_size, layer.bits)))


def read_part(slices, name, checkpoint, part, dtype=None):
    """A part of one stored array, by Hugging Face's name, whatever the layout of the folder."""
    config, is_authors = checkpoint.config, checkpoint.layout is AUTHORS
    stored = authors_layout.authors_name(name) if is_authors else name
    array = slices.read(stored, *place(name, slices.entries[stored].shape, config, part))
    if slices.entries[stored].dtype in FLOATS:
        array = array if dtype is None else array.astype(getattr(mx, dtype))
        if not mx.isfinite(array).all().item():
            raise NonFiniteWeights(f"{checkpoint.folder}: NaN or infinity in {stored}; expected finite numbers. The "
                                   "file is damaged, or the dtype asked for is too narrow for it (float16 ends at "
                                   "65504): take another")
    if is_authors:  # rows move within their head, so a part is put into order as the whole is
        array = authors_layout.as_hugging_face({stored: array}, rank_config(config, part))[name]
    return array


def meet(model, group):
    """Replace the linear layers of a part by MLX's sharded ones, which sum over the ranks: outputs if a product was cut
    by columns, gradients of the input if it was cut by rows.
    """
    layers = [(name, joined(layer, name, group)) for name, layer in model.named_modules()
              if name.split(".")[-1] in BY_ROWS + BY_COLUMNS]
    model.update_modules(tree_unflatten(layers))


def joined(layer, name, group):
    """MLX's sharded layer with the weights of a part's own layer."""
    by_rows, is_float = name.split(".")[-1] in BY_ROWS, isinstance(layer, FLOAT)
    kind = {(True, True): nn.AllToShardedLinear, (True, False): nn.QuantizedAllToShardedLinear,
            (False, True): nn.ShardedToAllLinear, (False, False): nn.QuantizedShardedToAllLinear}[by_rows, is_float]
    rows, width = layer.weight.shape
    numbers = {} if is_float else {"bits": layer.bits, "group_size": layer.group_size}
    width = width if is_float else width * 32 // layer.bits
    # MLX takes the sizes of the whole and divides them. If parts differ in size, the whole is N times this one.
    rows, width = (rows * group.size(), width) if by_rows else (rows, width * group.size())
    sharded = kind(width, rows, bias=False, group=group, **numbers)
    sharded.update(layer.parameters())
    return sharded


def group_size_of(model):
    """Of the quantized layers that are cut by columns, the largest group; 1 where they are floats."""
    return max((layer.group_size for name, layer in model.named_modules()
                if isinstance(layer, QUANTIZED) and name.split(".")[-1] in BY_COLUMNS), default=1)


def check_memory(checkpoint, part, context, dtype, bits, group):
    """Raise NotEnoughMemory unless the parts of all ranks on this machine fit into what is free, as load() does.

    All ranks check before any of them reads: what one has already taken must not be counted against the next.
    """
    n_here, config = int(os.environ.get(LOCAL_RANKS, 1)), checkpoint.config
    shapes = {stored: part_shape(authors_layout.hugging_face_name(stored), entry.shape, config, part)
              for stored, entry in checkpoint.entries.items()}
    here = {(stored, n): entry._replace(shape=shapes[stored])
            for stored, entry in checkpoint.entries.items() for n in range(n_here)}
    name = f"{checkpoint.name}, {n_here} of its {group.size()} ranks here,"
    memory.check_weights(name, config, here, context, dtype, bits)
    mx.eval(mx.distributed.all_sum(mx.array(1), group=group))
