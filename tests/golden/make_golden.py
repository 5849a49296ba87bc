"""Write logits.safetensors: what Hugging Face transformers computes for the random models of golden_cases.py.

Run once, in an environment of its own, since the project needs neither torch nor transformers:

    python3 -m venv /tmp/golden-env
    /tmp/golden-env/bin/pip install torch==2.13.0 transformers==5.23.0 safetensors numpy
    /tmp/golden-env/bin/python tests/golden/make_golden.py

The file holds tokens and logits of each case; its metadata hold configurations, seeds, and the versions at work.
"""
import json
import platform

import numpy as np
from golden_cases import FILE, cases, random_tokens, random_weights


def huggingface_logits(config, weights, tokens):
    """tokens (B, L) -> logits (B, L, vocab_size) of transformers' Mistral in fp32, all at once and without a cache."""
    import torch
    from transformers import MistralConfig, MistralForCausalLM

    settings = MistralConfig.from_dict(config)
    settings._attn_implementation = "eager"  # the written-out attention, the reference for the others
    model = MistralForCausalLM(settings).to(torch.float32).eval()
    loaded = model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()}, strict=False)
    tied = {"lm_head.weight"} if config["tie_word_embeddings"] else set()
    if loaded.unexpected_keys or set(loaded.missing_keys) - tied:
        raise SystemExit(f"the weights do not fit transformers' model: {loaded}")
    with torch.no_grad():
        return model(torch.from_numpy(tokens).long(), use_cache=False).logits.numpy()


def main():
    import safetensors.numpy
    import torch
    import transformers

    arrays, described = {}, []
    for name, config, seed in cases():
        tokens = random_tokens(seed)
        logits = huggingface_logits(config, random_weights(config, seed), tokens)
        arrays[f"{name}.tokens"], arrays[f"{name}.logits"] = tokens, logits.astype(np.float32)
        described.append({"name": name, "config": config, "seed": seed})
        print(f"{name}: largest logit {np.abs(logits).max():.2f}")
    versions = {"torch": torch.__version__, "transformers": transformers.__version__, "numpy": np.__version__,
                "python": platform.python_version()}
    safetensors.numpy.save_file(arrays, FILE, {"cases": json.dumps(described), "versions": json.dumps(versions)})
    print(f"{FILE}: {FILE.stat().st_size:,} bytes, {versions}")


if __name__ == "__main__":
    main()
