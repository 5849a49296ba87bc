"""mlx-lm, as it is installed: its own loading, its own generation loop. Reads what mistral_edu.convert writes."""
PACKAGES = ("mlx-lm", "mlx")


def start(threads):
    """Imports. MLX on a processor chooses its threads itself."""
    import mlx_lm.generate
    import mlx_lm.utils  # noqa: F401


class Engine:
    def __init__(self, folder, precision, threads, room):
        from mlx_lm.utils import load_model
        self.model, _ = load_model(folder)
        self.weight_bytes = sum(file.stat().st_size for file in folder.glob("*.safetensors"))

    def answer(self, ids, n_tokens):
        """Yield n_tokens ids, greedily."""
        import mlx.core as mx
        from mlx_lm.generate import generate_step
        self.first = None
        for token, logprobs in generate_step(mx.array(ids), self.model, max_tokens=n_tokens):
            self.first = logprobs if self.first is None else self.first
            yield token

    def logits(self):
        """After the last prompt, up to a constant: (V,), float32."""
        import mlx.core as mx
        import numpy as np
        return np.array(self.first.astype(mx.float32))
