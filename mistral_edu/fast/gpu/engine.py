"""The engine for GPUs: the model's own weights and MLX's own operations. Two ways through the model.

Prompts are read piece by piece (prompt.py), single tokens of one or more sequences by compiled parts (step.py). Both
keep in the caches what the readable model would keep, so each can go on from what another has left. What they do not
cover, masks and quantized caches, the readable code answers.
"""
import mlx.core as mx

from mistral_edu.fast.changes import Watchful
from mistral_edu.fast.gpu import prompt
from mistral_edu.fast.gpu.caches import are_as_made
from mistral_edu.fast.gpu.embedding import rows_of
from mistral_edu.fast.gpu.layer import Layer, Output
from mistral_edu.fast.gpu.nvidia import step as nvidia
from mistral_edu.fast.gpu.nvidia.window import make_attention
from mistral_edu.fast.gpu.step import Step
from mistral_edu.fast.gpu.watching import Pointers
from mistral_edu.fast.products import Traced, known
from mistral_edu.fast.step import go_back
from mistral_edu.quantized_cache import make_layer_cache
from mistral_edu.rope import rope_frequencies
from mistral_edu.transformer import check_call

WITH_KERNELS = "gpu: kernels for NVIDIA; MLX operations for prompts"


class GpuEngine(Watchful):
    """model: one that choose.why_not says nothing against; chunk: how many tokens of a prompt are read at once."""

    name = "gpu: MLX operations, a compiled step"

    def __init__(self, model, chunk):
        self.config, self.chunk, self.addresses = model.config, chunk, Pointers()
        periods = 1 / rope_frequencies(self.config.head_dim, self.config.rope_theta)
        mx.eval(periods)
        self.layers = [Layer(block, periods) for block in model.layers]
        self.embed = model.model.embed_tokens
        self.output = Output(model.model.norm, self.embed if self.config.tie_embeddings else model.lm_head)
        self.step = Step(self.embed, self.layers, self.output)
        self.kernels, self.why = nvidia.make_step(self.config, self.embed, self.layers, self.output)
        self.attend = make_attention(self.config, self.output.norm[0].dtype)
        if self.kernels:
            self.name = WITH_KERNELS
        mx.clear_cache()  # of weights before they were joined

    def __call__(self, tokens, cache=None, mask=None, last_only=False):
        """tokens (B, L) int -> logits (B, L or 1, vocab_size). None where only the readable code can answer."""
        try:
            check_call(tokens, cache, len(self.layers))
            known(tokens)
        except (ValueError, Traced):    # a mistake, which the readable code explains; or inside mx.compile, mx.grad
            return None
        if mask is None and cache is not None and self.kernels and tokens.shape == (1, 1):
            if (logits := self.kernels(tokens, cache)) is not None:
                return logits
            self.name = WITH_KERNELS if self.kernels.trusted is not False else type(self).name
        if mask is not None or not are_as_made(cache or (), self.config.window_size, len(tokens)):
            return None
        if cache is None:
            cache = [make_layer_cache(self.config) for _ in self.layers]
        offset = cache[0].offset
        try:
            return self.step(tokens, cache) if tokens.shape[1] == 1 else self.read(tokens, cache, last_only)
        except BaseException:           # an interrupt: no layer shall be further than another
            go_back(cache, offset)
            raise

    def read(self, tokens, cache, last_only):
        """A prompt: logits after each token, or after the last one alone."""
        (B, L), window, logits = tokens.shape, self.config.window_size, []
        for start, end in prompt.pieces(L, cache[0].offset, window, max(1, self.chunk // B)):
            if window is None and end - start >= prompt.MANY:
                mx.clear_cache()  # of keys and values that earlier pieces outgrew: MLX would keep all their sizes
            x = rows_of(self.embed, tokens[:, start:end])                               # (B, end - start, dim)
            x = prompt.read(self.layers, x, cache, window, self.attend)
            if not last_only:
                logits.append(self.output(x))
        return self.output(x[:, -1:]) if last_only else mx.concatenate(logits, axis=1)
