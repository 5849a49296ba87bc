"""mlx-lm, as it is installed: its own loading, its own generation loops, for one sequence and for several. Reads what
mistral_edu.convert writes.

It takes no notice of the window in a Mistral's config.json. Its rotating cache, of the window's size and with no tokens
kept from the beginning, computes the same model, so a model with a window is given that.
"""
import json

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
        self.window = json.loads((folder / "config.json").read_text()).get("sliding_window")
        self.weight_bytes = sum(file.stat().st_size for file in folder.glob("*.safetensors"))

    def answer(self, ids, n_tokens):
        """Yield n_tokens ids, greedily."""
        import mlx.core as mx
        from mlx_lm.generate import generate_step
        self.first = None
        for token, logprobs in generate_step(mx.array(ids), self.model, max_tokens=n_tokens, prompt_cache=self.cache()):
            self.first = logprobs if self.first is None else self.first
            yield token

    def answer_side_by_side(self, prompts, n_tokens):
        """Yield a list of the next id of each sequence, n_tokens times, greedily."""
        from mlx_lm.generate import BatchGenerator
        n, self.first = len(prompts), None
        generator = BatchGenerator(self.model, prefill_batch_size=n, completion_batch_size=n)
        try:  # one token more than is wanted: at the last one, it would stop to copy every sequence's cache
            generator.insert(prompts, [n_tokens + 1] * n, caches=[self.cache() for _ in prompts])
            for _ in range(n_tokens):
                responses = generator.next_generated()
                self.first = responses[0].logprobs if self.first is None else self.first
                yield [response.token for response in responses]
        finally:
            generator.close()

    def cache(self):
        """Of each layer, for one sequence; None for what mlx-lm takes by itself."""
        if self.window is None:
            return None
        from mlx_lm.models.cache import RotatingKVCache
        return [RotatingKVCache(max_size=self.window, keep=0) for _ in self.model.layers]

    def logits(self):
        """After the last prompt, up to a constant: (V,), float32."""
        import mlx.core as mx
        import numpy as np
        return np.array(self.first.astype(mx.float32))
