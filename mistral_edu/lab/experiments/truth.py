"""The world's own truth: the probability of each next token at the places where a story of the world may branch.

No corpus tells with which probability its next word came. The world of the embedded model does: its grammar chooses one
of n alternatives, and draws names and things from lists. `told_story` tells a story and, at each choice in it, tells it
again many times: what was said so far stays, and what was still open is drawn anew. The shares of the next tokens are
the truth, to within the chance of so many tellings (2.5 points at most for 400).
"""
import random
from collections import Counter
from os.path import commonprefix
from typing import NamedTuple

import mlx.core as mx

from mistral_edu.chat import encode_chat
from mistral_edu.tiny.training.data import EOS
from mistral_edu.tiny.world.cast import cast
from mistral_edu.tiny.world.plots import PLOTS
from mistral_edu.tiny.world.stories import Teller

TELLINGS = 400
ALIKE = [("pl2", "p2", "P2", "place2"), ("fear", "Fear")]     # slots that are one thing, besides those of a role


class Told(NamedTuple):
    """A story, and the truth at some of its places."""
    prompt: list        # ids
    story: list         # ids, the closing </s> included
    truth: dict         # place in the story -> {id: probability of standing there, given all before}


class Remembering(Teller):
    """A teller whose choices are all left to chance, and who remembers in which order slots and choices came."""

    def __init__(self, r, chosen=()):
        super().__init__(r)
        self.chosen, self.came = dict(chosen), []

    def pick(self, number, n):
        self.came.append(number)
        return super().pick(number, n)

    def tell(self, plot, slots):
        return super().tell(plot, Noted(slots, self.came))


class Noted(dict):
    """Slots that note which of them is looked up, and when. How the story opens is no word of it."""

    def __init__(self, slots, came):
        super().__init__(slots)
        self.came = came

    def __getitem__(self, name):
        if name != "opening":
            self.came.append(name)
        return super().__getitem__(name)


def told_story(tokenizer, seed=0, tellings=TELLINGS) -> Told:
    """A story for the request "Tell me a story about (a theme).", which leaves all else to chance."""
    r = random.Random(f"{seed}/truth")
    plot, (roles, slots) = r.choice(PLOTS), cast(r)
    teller = Remembering(r)
    text = teller.tell(plot, slots)
    groups = [tuple(role.slots) for role in roles.values()] + ALIKE
    truth, furthest = {}, -1
    for i, number in enumerate(teller.came):
        if isinstance(number, int):
            chosen = {n: teller.chosen[n] for n in teller.came[:i] if isinstance(n, int)}
            said = {name for name in teller.came[:i] if isinstance(name, str)}
            texts = [text]
            for _ in range(tellings):
                texts.append(Remembering(r, chosen).tell(plot, redrawn(r, slots, said, groups)))
            place, shares = next_tokens(tokenizer, texts)
            if place is not None and place > furthest:      # at the same place, the first choice leaves all open
                truth[place], furthest = shares, place
    prompt = encode_chat([{"role": "user", "content": f"Tell me a story about {plot.theme}."}], tokenizer)
    return Told(prompt, tokenizer.encode(" " + text, bos=False) + [EOS], truth)


def redrawn(r, slots, said, groups):
    """A new cast in which what was mentioned stays: said holds names of slots, groups those that go together."""
    _, new = cast(r)
    for name in said:
        together = next((group for group in groups if name in group), (name,))
        new.update({name: slots[name] for name in together})
    return new


def next_tokens(tokenizer, texts):
    """The first place at which the tokens of texts differ, and the shares of what stands there: (place, {id: share}).

    The first text is the story itself, which was not drawn anew: it is not counted. (None, None) where no two differ.
    """
    same = len(commonprefix(texts))
    endings = Counter(cut(text, same) for text in texts[1:])
    if len(endings) < 2:
        return None, None
    ids = {ending: tokenizer.encode(" " + ending, bos=False) + [EOS] for ending in endings}
    place = len(commonprefix(list(ids.values())))
    shares = Counter()
    for ending, count in endings.items():
        shares[ids[ending][place]] += count / (len(texts) - 1)
    return place, dict(shares)


def cut(text, same):
    """A text up to the end of the word that holds character `same`: tokens do not depend on later words."""
    end = text.find(" ", same + 1)
    return text if end < 0 else text[:end]


def said_and_true(model, told):
    """[(said, true), ...] for each token that the world may say at each branching place of a story: probabilities."""
    ids = told.prompt + told.story
    said = mx.softmax(model(mx.array([ids[:-1]]))[0].astype(mx.float32), axis=-1)     # (L, vocab_size)
    before = len(told.prompt) - 1                                                     # this token predicts story[0]
    return [(said[before + place, token].item(), true)
            for place, shares in told.truth.items() for token, true in shares.items()]
