"""Write mlx_lm/: small random models that mlx-lm quantized, each with the logits that mlx-lm computes.

Run once, in an environment of its own, since the project does not need mlx-lm:

    python3 -m venv /tmp/mlx-lm-env
    /tmp/mlx-lm-env/bin/pip install "mlx[cpu]==0.32.4" mlx-lm==0.32.2 numpy
    /tmp/mlx-lm-env/bin/python tests/golden/make_mlx_lm.py

Each folder is as mlx-lm saves it, shard and index included; beside it lies logits.safetensors, with tokens and logits.
"""
import json
import tempfile
from pathlib import Path

import mlx.core as mx
import mlx_lm
from golden_cases import hf_config, random_tokens, random_weights
from mlx_lm.utils import load_model, quantize_model, save_config, save_model

FOLDER = Path(__file__).with_name("mlx_lm")
SEED = 77


def more_for_some(name, layer):
    """As mlx-lm's mixed recipes do: some layers get more bits, and one is not quantized at all."""
    if name == "lm_head":
        return False
    return {"group_size": 32, "bits": 6} if name.endswith(("v_proj", "down_proj")) else True


def main():
    config = hf_config(window=None, n_rep=4, head_dim=8, tied=False, theta=1e4)
    tokens = mx.array(random_tokens(SEED))  # (B, L)
    for name, predicate in (("uniform", None), ("mixed", more_for_some)):
        with tempfile.TemporaryDirectory() as plain:
            weights = {key: mx.array(array) for key, array in random_weights(config, SEED).items()}
            mx.save_safetensors(f"{plain}/model.safetensors", weights)
            Path(plain, "config.json").write_text(json.dumps(config))
            model, described = load_model(Path(plain))
            model, described = quantize_model(model, described, group_size=32, bits=4, quant_predicate=predicate)
        folder = FOLDER / name
        folder.mkdir(parents=True, exist_ok=True)
        save_model(folder, model)
        save_config(described, folder / "config.json")
        logits = model(tokens)              # (B, L, vocab_size)
        mx.save_safetensors(str(folder / "logits.safetensors"), {"tokens": tokens, "logits": logits},
                            {"mlx-lm": mlx_lm.__version__, "mlx": mx.__version__})
        print(f"{name}: {sum(file.stat().st_size for file in folder.iterdir()):,} bytes")


if __name__ == "__main__":
    main()
