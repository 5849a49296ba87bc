"""The echo: nine random letters, then the same nine again; and a small Mistral that can learn it."""
import mlx.core as mx

from mistral_edu.config import MistralConfig
from mistral_edu.transformer import Model

LETTERS, DISTANCE, ROWS = 16, 9, 32      # different letters; places from a letter to its echo; texts of a step


def echoes(number, rows=ROWS):
    """Texts (rows, 18): DISTANCE random letters, and the same again. Another number gives other texts."""
    half = mx.random.randint(0, LETTERS, (rows, DISTANCE), key=mx.random.key(number))
    return mx.concatenate([half, half], axis=1)


def small_model(window, seed=0):
    """A Mistral of 2 layers, 4 heads and some 20,000 parameters, with random weights; the same for the same seed."""
    mx.random.seed(seed)
    return Model(MistralConfig(dim=32, n_layers=2, head_dim=8, hidden_dim=64, n_heads=4, n_kv_heads=2,
                               window_size=window, context_len=2 * DISTANCE, vocab_size=LETTERS))


def written(model, texts):
    """The share of right letters when the model writes the second halves of texts (rows, 18) itself, one by one."""
    text = texts[:, :DISTANCE]
    for _ in range(DISTANCE):
        text = mx.concatenate([text, model(text)[:, -1:].argmax(axis=-1).astype(text.dtype)], axis=1)
    return (text[:, DISTANCE:] == texts[:, DISTANCE:]).mean().item()
