"""One prompt, several models: what each of them answers, where the answers part, and how close the choice was there.

Once a token differs, the texts that follow are different texts, so only the first difference compares the models: there
all of them continue the same beginning.
"""
from dataclasses import dataclass
from typing import Any

import mlx.core as mx

from mistral_edu.generate import logprobs_of, stream_generate
from mistral_edu.lab.looking.comparison_shown import as_html, as_text
from mistral_edu.lab.showing.visible import visible
from mistral_edu.prefill import Reader, common_prefix, prefill
from mistral_edu.text.answer import AnswerText
from mistral_edu.text.prompt import check_room, prompt_ids
from mistral_edu.tokenizer import Tokenizer
from mistral_edu.transformer import Model


def compare_answers(prompt: str | list[dict] | list[int], models: dict[str, Model], tokenizer: Tokenizer, *,
                    raw: bool = False, max_tokens: int = 100, seed: int | None = 0,
                    **sampling: Any) -> "Comparison":
    """The answers of several models to one prompt, side by side: a Comparison, which shows itself in a notebook.

    prompt: as in stream_generate; raw=True sends a string as it is.
    models: {"16 bit": model, "4 bit": load_model(bits=4), "window 32": load_model(window_size=32), ...}, at least two,
    all with this tokenizer's vocabulary. The others are compared with the first.
    sampling: temperature and the like, as in stream_generate, the same for all, as is the seed; greedy without it.
    In 16 bits, close choices may differ from machine to machine; with dtype="float32" in load_model, as in pages with
    stored outputs, they do not.
    Raises ValueError for fewer than two models, and for another vocabulary.

    >>> from mistral_edu import load_model, load_tokenizer
    >>> models = {"as stored": load_model(), "8 bit": load_model(bits=8)}
    >>> print(compare_answers("What is 7 plus 5?", models, load_tokenizer()))
    as stored, 11 tokens:
        7 + 5 = 12.
    8 bit: the same 11 tokens.
    """
    check_models(models, tokenizer)
    ids = prompt_ids(prompt, tokenizer, raw)
    room = min(check_room(ids, 0, model.config) for model in models.values())
    answers = {name: [piece.token for piece in stream_generate(model, tokenizer, ids, max_tokens=min(max_tokens, room),
                                                               seed=seed, **sampling)]
               for name, model in models.items()}
    first, *others = answers.values()
    parted: dict[int, list[int]] = {}  # place -> the tokens that came there, the first answer's in front
    for tokens in others:
        if tokens != first:
            n = common_prefix(first, tokens)
            parted.setdefault(n, [first[n]])
            parted[n] += [tokens[n]] * (tokens[n] not in parted[n])
    places = [Place(n, tokens, {name: chances(model, ids + first[:n], tokens) for name, model in models.items()})
              for n, tokens in sorted(parted.items())]
    return Comparison(tokenizer, ids, answers, places)


@dataclass(frozen=True)
class Place:
    """Where answers part: the first model and others have the same n tokens before, and different ones here."""
    n: int
    tokens: list        # the ids that came here: the first model's, then those of the others
    chances: dict       # {name of a model: the probability of each of these tokens after the n}


class Comparison:
    """Answers to one prompt: `ids` of the prompt, `answers` {name: ids}, `places` where they part.

    `same` {name: how many tokens at the beginning are those of the first answer}, `texts` {name: string}.
    """

    def __init__(self, tokenizer, ids, answers, places):
        self.tokenizer, self.ids, self.answers, self.places = tokenizer, ids, answers, places
        first = next(iter(answers.values()))
        self.same = {name: common_prefix(first, tokens) for name, tokens in answers.items()}
        self.parts = {name: text_parts(tokenizer, ids, tokens) for name, tokens in answers.items()}
        self.texts = {name: "".join(parts) for name, parts in self.parts.items()}

    def label(self, id) -> str:
        """A token as text, with its spaces and line ends made visible."""
        return visible(self.tokenizer.token_bytes(id))

    def is_cut(self, name) -> bool:
        """Whether an answer was ended by max_tokens, and not by its model."""
        return self.answers[name][-1] not in self.tokenizer.end_ids

    def __str__(self):
        return as_text(self)

    __repr__ = __str__

    def _repr_html_(self):
        return as_html(self)


def text_parts(tokenizer, ids, tokens) -> list[str]:
    """The text that each token adds to an answer; joined, the answer's text."""
    answer = AnswerText(tokenizer, ids)
    return [answer.add(token, is_last=n == len(tokens)) for n, token in enumerate(tokens, 1)]


def chances(model, ids, tokens):
    """The probability that a model gives to each of these tokens as the next one after ids."""
    logits = prefill(Reader(model), ids)                            # (vocab_size,)
    return mx.exp(logprobs_of(mx.array(tokens), logits)).tolist()


def check_models(models, tokenizer):
    """Raise ValueError unless there are at least two models, each with a row for every token of a text."""
    if not isinstance(models, dict) or len(models) < 2:
        found = f"{len(models)} of them" if isinstance(models, dict) else type(models).__name__
        raise ValueError(f'give at least two models, with names: {{"16 bit": model, "4 bit": other}}; got {found}')
    for name, model in models.items():
        if not isinstance(name, str) or not hasattr(model, "config"):
            raise ValueError(f"expected names with models, as from load_model(); got {name!r}: {type(model).__name__}")
        if model.config.vocab_size < tokenizer.text_ids:
            raise ValueError(f"the model {name!r} has a vocabulary of {model.config.vocab_size:,}, but the tokenizer "
                             f"one of {tokenizer.text_ids:,}; answers are compared token by token, so take models that "
                             "share this tokenizer")
