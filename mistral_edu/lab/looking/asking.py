"""`inspect_answer`: ask a model, and get an answer that can be looked into."""
from functools import cache
from typing import Any

from mistral_edu.checkpoints.loading import load
from mistral_edu.lab.looking.answer import Answer
from mistral_edu.lab.looking.writer import Writer
from mistral_edu.sampling import NAMES, Sampling
from mistral_edu.tokenizer import Tokenizer
from mistral_edu.transformer import Model

SETTINGS = [name for name in NAMES if name != "seed"]


def inspect_answer(prompt: str | list[dict] | list[int], model: Model | None = None, tokenizer: Tokenizer | None = None,
                   raw: bool = False, n_tokens: int = 60, n_alternatives: int = 5, seed: int | None = 0,
                   **sampling: Any) -> Answer:
    """Let a model answer and return the Answer, which shows itself token by token.

    prompt: a string, sent as a user's message (raw=True: as it is), messages, or ids.
    model, tokenizer: from load(); without them tiny, in float32, so that its figures are the same on every machine.
    n_tokens: the most tokens of an answer. n_alternatives: how many of the likeliest tokens each step lists.
    sampling: temperature, top_k, top_p, min_p, repetition_penalty, as in stream_generate; greedy without them.
    seed: the same seed gives the same answer; it matters above temperature 0.

    >>> answer = inspect_answer("The ball is in the barn. The key is in the kitchen. Where is the ball?")
    >>> answer.text
    'The ball is in the barn.'
    """
    if (model is None) != (tokenizer is None):
        raise ValueError("a model comes with its tokenizer: model, tokenizer = load(NAME), then "
                         "inspect_answer(prompt, model, tokenizer); without both, tiny answers")
    if unknown := sampling.keys() - set(SETTINGS):
        raise ValueError(f"inspect_answer does not know {', '.join(sorted(unknown))}; it takes seed, "
                         f"{', '.join(SETTINGS)}, and n_tokens, the most tokens of an answer")
    if model is None:
        model, tokenizer = _tiny()
    answer = Answer(Writer(model, tokenizer, prompt, raw, n_tokens, n_alternatives, Sampling(seed=seed, **sampling)))
    answer.go_on()
    return answer


@cache
def _tiny():
    return load(dtype="float32")
