"""How MLX's folders say that their weights are quantized, and how a model is made to take them.

config.json holds {"quantization": {"group_size": 64, "bits": 4}}, and in the files each quantized layer has three
arrays instead of one: packed integers under "weight", and "scales" and "biases" of its groups (see quantize.py). A
layer may have numbers of its own, under its name: {"model.layers.0.mlp.down_proj": {"group_size": 64, "bits": 6}}.
"""
import mlx.nn as nn

from mistral_edu.checkpoints.errors import UnsupportedCheckpoint, WeightMismatch
from mistral_edu.checkpoints.other_kinds import check_packed
from mistral_edu.quantize import BITS, FLOAT, GROUP_SIZES

INSTEAD = "take a 16-bit checkpoint of this model, and load it with bits=4"


def read_quantization(description, path):
    """{"": {"bits": 4, "group_size": 64}, "a.layer": ...} where a config.json says so, else None.

    description: what config.json holds, path: for messages. The empty name stands for all layers without an entry of
    their own; a layer whose entry is False is not quantized. Raises UnsupportedCheckpoint for quantization that is not
    MLX's affine one: mxfp4, GPTQ, AWQ, fp8 and others.
    """
    stored = description.get("quantization") or description.get("quantization_config")
    if stored is None:
        return None
    if not isinstance(stored, dict):
        raise UnsupportedCheckpoint(f"{path}: quantization is {stored!r}; expected an object with bits and group_size")
    if "quant_method" in stored:
        raise UnsupportedCheckpoint(f"{path}: the weights are quantized by {stored['quant_method']}, and only MLX's "
                                    f"own quantization is read here, by bits and group_size; {INSTEAD}")
    of_layers = {name: value for name, value in stored.items() if "." in name or name == "lm_head"}
    settings = {"": read_numbers({name: value for name, value in stored.items() if name not in of_layers}, path)}
    for name, numbers in of_layers.items():
        if isinstance(numbers, bool):
            settings[name] = settings[""] if numbers else False
        else:
            settings[name] = read_numbers(numbers, f"{path}, {name}")
    return settings


def read_numbers(stored, where):
    """{"bits", "group_size"} of one entry. Raises UnsupportedCheckpoint."""
    match stored:
        case {"mode": mode} if mode != "affine":
            raise UnsupportedCheckpoint(f"{where}: the weights are quantized in mode {mode!r}, and only 'affine' is "
                                        f"read here; {INSTEAD}")
        case {"bits": bits, "group_size": group_size, **rest} if rest.keys() <= {"mode"}:
            if bits in BITS and group_size in GROUP_SIZES:
                return {"bits": bits, "group_size": group_size}
    raise UnsupportedCheckpoint(f"{where}: quantization is {stored}; expected bits, one of {BITS}, and group_size, one "
                                f"of {GROUP_SIZES}, as MLX writes them; {INSTEAD}")


def expect_quantized(model, checkpoint):
    """Replace each layer that is quantized in the files by its quantized form, in place.

    A layer is quantized when the files hold its scales. Raises WeightMismatch when what the configuration says of
    quantization does not fit the shapes in the files, UnsupportedCheckpoint for quantization of another kind.
    """
    settings, entries, folder = checkpoint.quantization, checkpoint.entries, checkpoint.folder
    check_packed(checkpoint)
    if settings is None:
        scales = [name for name in entries if name.endswith(".scales")]
        if scales:
            raise WeightMismatch(f"{folder}: the files hold {min(scales)}, so the weights are quantized, and "
                                 'config.json does not say so; expected "quantization" with bits and group_size. '
                                 "Fetch the config.json that belongs to these files")
        return
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, FLOAT)}
    quantized = {name for name in layers if f"{name}.scales" in entries}
    unknown = sorted(settings.keys() - layers.keys() - {""})
    if unknown:
        raise UnsupportedCheckpoint(f"{folder}: config.json says how {unknown[0]} is quantized, and the model has no "
                                    f"such layer; expected names such as model.layers.0.mlp.up_proj; {INSTEAD}")
    if not quantized:
        raise WeightMismatch(f"{folder}: config.json says that the weights are quantized, and the files hold no scales "
                             "of quantized weights; both must be of the same model, fetch them from one place")
    for name in sorted(quantized):
        check_shapes(checkpoint, name, layers[name].weight.shape[-1])
    nn.quantize(model, class_predicate=lambda name, _: settings.get(name, settings[""]) if name in quantized else False)


def check_shapes(checkpoint, name, width):
    """Raise WeightMismatch when a layer's packed weight and scales are of other bits or groups than config.json says.

    32 / bits numbers are packed into each integer, and group_size of them share a scale. width: numbers in a row.
    """
    weight, scales = checkpoint.entries.get(f"{name}.weight"), checkpoint.entries[f"{name}.scales"]
    if weight is None or not weight.shape or not scales.shape or 0 in (weight.shape[-1], scales.shape[-1]):
        return  # check_weights says what is wrong with these
    bits, group_size = weight.shape[-1] * 32 / width, width / scales.shape[-1]
    said = checkpoint.quantization.get(name, checkpoint.quantization[""])
    if said is False:
        raise WeightMismatch(f"{checkpoint.folder}: config.json says that {name} is not quantized, and the files hold "
                             "its scales; both must be of the same model, fetch them from one place")
    if (bits, group_size) != (said["bits"], said["group_size"]):
        raise WeightMismatch(f"{checkpoint.folder}: config.json says that {name} is quantized to {said['bits']} bits "
                             f"in groups of {said['group_size']}, and the shapes in the files are those of {bits:g} "
                             f"bits in groups of {group_size:g}; both must be of the same model, fetch them from one "
                             "place")
