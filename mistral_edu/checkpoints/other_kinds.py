"""Folders of other kinds, recognised by what lies in them, so that the message says what they are and what to do."""
from mistral_edu.checkpoints.errors import UnsupportedCheckpoint, WeightMismatch
from mistral_edu.checkpoints.json_file import read_json
from mistral_edu.checkpoints.layout import layout_of


def check_adapter(folder):
    """Raise UnsupportedCheckpoint where a folder holds only what a training has changed in some other model."""
    path = folder / "adapter_config.json"
    if not path.is_file() or (folder / layout_of(folder).config).is_file():
        return
    described = read_json(path, missing={})
    base = described.get("base_model_name_or_path") or described.get("model")  # as PEFT says it, or MLX
    base = base or "a model that it does not name"
    raise UnsupportedCheckpoint(f"{path}: this folder holds an adapter (LoRA) for {base}, and no whole model; merge it "
                                "into that model (in PEFT: merge_and_unload, in MLX: mlx_lm.fuse), and load the folder "
                                "with the result")


def check_packed(checkpoint):
    """Raise UnsupportedCheckpoint for weights packed by AWQ or GPTQ, which old folders do not say in config.json."""
    packed = [name for name in checkpoint.entries if name.endswith(".qweight")]
    if packed:
        raise UnsupportedCheckpoint(f"{checkpoint.folder}: the files hold {min(packed)}, so the weights are quantized "
                                    "by AWQ or GPTQ, and only MLX's own quantization is read here; take a 16-bit "
                                    "checkpoint of this model, and load it with bits=4")


def check_prefix(checkpoint, expected):
    """Raise WeightMismatch where weights are called layers.0..., as in a MistralModel, for model.layers.0... .

    expected: what the model has, by name.
    """
    bare = sorted(name for name in checkpoint.entries.keys() - expected.keys() if f"model.{name}" in expected)
    if bare:
        raise WeightMismatch(f"{checkpoint.folder} names its weights without the prefix \"model.\": found {bare[0]}, "
                             f"expected model.{bare[0]}. A model saved as a MistralModel has no output layer and "
                             "cannot write text; take one saved as a MistralForCausalLM")
