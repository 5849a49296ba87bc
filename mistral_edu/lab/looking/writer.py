"""A model at a prompt, which writes an answer from any beginning of it, step by step."""
import math
from dataclasses import dataclass

from mistral_edu.generate import stream_generate
from mistral_edu.lab.showing.visible import visible
from mistral_edu.prefill import Reader
from mistral_edu.sampling import GREEDY
from mistral_edu.text.prompt import ids_and_room


@dataclass(frozen=True)
class Alternative:
    """A token that could come next."""

    token: int
    text: str               # U+FFFD for a part of a character
    visible: str            # the same, with spaces, line ends and bytes to be seen
    probability: float      # by the model alone: before temperature, penalty and filters


@dataclass(frozen=True)
class Step(Alternative):
    """The token that was taken, and its alternatives."""

    alternatives: tuple     # the likeliest first, and last the one taken if it is not among the likeliest

    @property
    def surprise(self) -> float:
        """-ln(probability), in nats: what this token costs, as in notebook 03."""
        return math.log(1 / self.probability)

    def instead(self, alternative):
        """The same step with one of its alternatives taken."""
        return Step(*vars(alternative).values(), self.alternatives)


class Writer:
    """All answers to one prompt share one Writer, and so one cache: what two of them have in common is read once.

    prompt, raw: as in stream_generate. n_tokens: at most, of a whole answer; n_alternatives: of a step. sampling: how
    each token is chosen.
    """

    def __init__(self, model, tokenizer, prompt, raw=False, n_tokens=60, n_alternatives=5, sampling=GREEDY):
        if n_tokens < 1 or n_alternatives < 1:
            raise ValueError(f"n_tokens and n_alternatives should be at least 1; got {n_tokens} and {n_alternatives}")
        self.model, self.tokenizer, self.n_alternatives = model, tokenizer, n_alternatives
        self.sampling = sampling
        self.prompt_ids, room = ids_and_room(prompt, tokenizer, model.config, raw)
        self.n_tokens = min(n_tokens, room)
        self.reader, self.reused_tokens = Reader(model), 0      # of what was read last, so many were in the cache
        self._turn = None                                       # whose the cache is now

    def steps_after(self, tokens):
        """Yield a Step for each token that follows these tokens of an answer, up to its end.

        The draws start from the seed again: the same beginning is always continued in the same way. If another call
        begins before this one is finished, this one ends: the cache is no longer its own.
        """
        if self.why_ended(tokens):
            return
        self._turn = turn = object()
        for piece in stream_generate(self.model, self.tokenizer, self.prompt_ids + tokens, cache=self.reader,
                                     max_tokens=self.n_tokens - len(tokens), logprobs=self.n_alternatives,
                                     **vars(self.sampling)):
            self.reused_tokens = piece.reused_tokens
            likeliest = [self._alternative(token, logprob) for token, _, logprob in piece.logprobs]
            taken = self._alternative(piece.token, piece.logprob)
            if taken.token not in [one.token for one in likeliest]:
                likeliest.append(taken)
            yield Step(*vars(taken).values(), tuple(likeliest))
            if self._turn is not turn:
                return

    def why_ended(self, tokens):
        """"stop": the model ended these tokens; "length": there may be no more of them; None: more can follow."""
        if tokens and tokens[-1] in self.tokenizer.end_ids:
            return "stop"
        return "length" if len(tokens) >= self.n_tokens else None

    def text(self, tokens, start=0) -> str:
        """The text of an answer's tokens, from step `start` on; a mark that ends the answer is not part of it."""
        characters, ends = self.tokenizer.stream(before=self.prompt_ids), self.tokenizer.end_ids
        pieces = ["" if token in ends else characters.add(token) for token in tokens]
        return "".join(pieces[start:]) + characters.finish()

    def _alternative(self, token, logprob):
        probability = min(1.0, math.exp(logprob))       # a rounded sum may leave a hair more than 1
        shown = visible(self.tokenizer.token_bytes(token))
        return Alternative(token, self.tokenizer.token_text(token), shown, probability)
