"""mlx-lm, as it is installed: its own loading, its own generation loop. Reads what mistral_edu.convert writes."""
PACKAGES = ("mlx-lm", "mlx")


def start(threads, on_gpu):
    """Imports. MLX on a processor chooses its threads itself.

    Raises ValueError if a GPU is asked for and MLX has none.
    """
    import mlx.core as mx
    import mlx_lm.generate
    import mlx_lm.utils  # noqa: F401
    if on_gpu and mx.default_device() == mx.Device(mx.cpu):
        raise ValueError("MLX computes on the processor in its environment, and ours on a GPU; set it up again")


def begin():
    """Let the peak start anew; bytes that MLX holds on the GPU now."""
    import mlx.core as mx
    mx.synchronize()
    mx.reset_peak_memory()
    return mx.get_active_memory()


def peak():
    """The most bytes that it has held since."""
    import mlx.core as mx
    return mx.get_peak_memory()


def taken():
    """Bytes of the GPU's memory that are taken, by whomever; None if MLX does not say."""
    import mlx.core as mx
    info = mx.device_info()
    return info["total_memory"] - info["free_memory"] if "free_memory" in info else None


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
