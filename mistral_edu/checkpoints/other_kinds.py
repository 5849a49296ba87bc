"""Folders of other kinds, recognised by what lies in them, so that the message says what they are and what to do."""
from mistral_edu.checkpoints.authors_layout import config_file
from mistral_edu.checkpoints.errors import UnsupportedCheckpoint, WeightMismatch
from mistral_edu.checkpoints.json_file import read_json


def check_adapter(folder):
    """Raise UnsupportedCheckpoint where a folder holds only what a training has changed in some other model."""
    path = folder / "adapter_config.json"
    if not path.is_file() or config_file(folder).is_file():
        return
    described = read_json(path, missing={})
    base = described.get("base_model_name_or_path") or described.get("model")  # as PEFT says it, or MLX
    base = base or "a model that it does not name"
    raise UnsupportedCheckpoint(f"{path}: this folder holds an adapter (LoRA) for {base}, and no whole model; merge it "
                                "into that model (in PEFT: merge_and_unload, in MLX: mlx_lm.fuse), and load the folder "
                                "with the result")


def check_packed(entries, folder):
    """Raise UnsupportedCheckpoint for weights packed by AWQ or GPTQ, which old folders do not say in config.json."""
    packed = [name for name in entries if name.endswith(".qweight")]
    if packed:
        raise UnsupportedCheckpoint(f"{folder}: the files hold {min(packed)}, so the weights are quantized by AWQ or "
                                    "GPTQ, and only MLX's own quantization is read here; take a 16-bit checkpoint of "
                                    "this model, and load it with bits=4")


def check_prefix(entries, expected, folder):
    """Raise WeightMismatch where weights are called layers.0..., as in a MistralModel, for model.layers.0... .

    entries, expected: by name, as found and as they should be.
    """
    bare = sorted(name for name in entries.keys() - expected.keys() if f"model.{name}" in expected)
    if bare:
        raise WeightMismatch(f"{folder} names its weights without the prefix \"model.\": found {bare[0]}, expected "
                             f"model.{bare[0]}. Models are saved so without their output layer (as a MistralModel), to "
                             "compare texts and not to write them; take one saved as a MistralForCausalLM")
