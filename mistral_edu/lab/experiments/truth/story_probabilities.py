"""Stories of the village, and the world's own probability of each of their tokens.

No corpus says how likely its next word was. The village does: a story is retold many times from some point on; what was
said before stays, and all that is still open is decided again. The shares of what comes next are the truth, up to the
chance in so many tellings; a choice between n alternatives gets its shares of 1/n exactly.
"""
import random
from collections import Counter
from os.path import commonprefix
from typing import NamedTuple

from mistral_edu.chat import encode_chat
from mistral_edu.lab.experiments.truth.remembering_teller import ALIKE, Remembering
from mistral_edu.tiny.training.data import EOS
from mistral_edu.tiny.world import held_out
from mistral_edu.tiny.world.cast import cast, child
from mistral_edu.tiny.world.stories import Teller
from mistral_edu.tiny.world.storylines import PLOTS

TELLINGS = 420       # divisible by 2 to 7, the numbers of alternatives
WORDS = 6            # how far tellings are compared: further on, the next decision speaks for itself
ENOUGH = 30          # if fewer tellings still agree with the story, no share is taken
END = "\n"           # marks the end of a story: no story holds a line break


class Story(NamedTuple):
    """A story, and how it came about."""
    prompt: list        # ids of "Tell me a story about (a theme)."
    ids: list           # of the story, including the closing </s>
    text: str
    plot: object
    slots: dict         # who and what it is about
    groups: list        # names of slots that are decided together
    teller: Remembering


class Counting(Remembering):
    """A teller who remembers in which order things were decided, and among how many alternatives."""

    def __init__(self, r):
        super().__init__(r)
        self.options = {}

    def pick(self, number, n):
        self.options[number] = n
        return super().pick(number, n)


def village_stories(tokenizer, n):
    """The first n of an endless series of stories about a child, all about people and things held out of training."""
    return [village_story(tokenizer, seed) for seed in range(n)]


def village_story(tokenizer, seed):
    """One story of that series, with the request for its theme, which leaves everything else to chance."""
    r = random.Random(f"{seed}/village")
    plot, (roles, slots) = r.choice(PLOTS), cast(r)
    while slots["noun"] not in ("girl", "boy") or not held_out(("free", slots["n"], slots["a"], slots["o"])):
        roles, slots = cast(r)
    teller = Counting(r)
    text = teller.tell(plot, slots)
    prompt = encode_chat([{"role": "user", "content": f"Tell me a story about {plot.theme}."}], tokenizer)
    groups = [tuple(role.slots) for role in roles.values()] + ALIKE
    return Story(prompt, tokenizer.encode(" " + text, bos=False) + [EOS], text, plot, slots, groups, teller)


def true_shares(tokenizer, story, tellings=TELLINGS, seed=0):
    """{place in story.ids: {id: its probability in the world, given everything before it}}.

    Places at which the world leaves no choice are omitted, and so are a few others, hidden by a long chain of choices.
    """
    r = random.Random(f"{seed}/again")
    casts = [cast(r)[1] for _ in range(tellings)]
    shares, hidden = {}, -1
    for number, chosen, mentioned in decisions(story):
        kinds = alternatives(r, story, number)
        again = []
        for n, slots in enumerate(casts):
            chosen_now = dict(chosen) if number is None else chosen | {number: n % len(kinds)}
            text = tell(r, story.plot, chosen_now, recast(r, story, slots, mentioned))
            again.append((text, kinds[n % len(kinds)]))
        found, last_open = shares_along(tokenizer, story.text, again)
        # A choice may be made before the text shows it: "One ..." may still become "One day" or "One Sunday". What
        # later decisions find up to there assumes more than a reader knows, so the earlier finding stands.
        shares.update({place: here for place, here in found.items() if place > hidden})
        hidden = max(hidden, last_open)
    return dict(sorted(shares.items()))


def tell(r, plot, chosen, slots):
    """The text that these choices and slots make; what was not chosen is left to chance."""
    teller = Teller(r)
    teller.chosen = dict(chosen)
    return teller.tell(plot, slots)


def alternatives(r, story, number):
    """The story with each alternative of a choice, all else unchanged: equal texts are one alternative, said twice."""
    if number is None:
        return [story.text]
    return [tell(r, story.plot, story.teller.chosen | {number: n}, story.slots)
            for n in range(story.teller.options[number])]


def decisions(story):
    """What is decided, in the order in which the story needs it: (number of the choice, what was chosen before, which
    slots were mentioned before). The number is None where a slot is first mentioned."""
    came, settled = story.teller.came, set()
    for i, what in enumerate(came):
        if what not in settled:
            chosen = {number: story.teller.chosen[number] for number in came[:i] if isinstance(number, int)}
            yield what if isinstance(what, int) else None, chosen, {name for name in came[:i] if isinstance(name, str)}
            settled |= {what}.union(*(group for group in story.groups if what in group and what != "kid"))


def recast(r, story, slots, mentioned):
    """The slots of another cast, with those of the story for all that was mentioned; nobody appears twice."""
    while True:
        fixed = mentioned.union(*(group for group in story.groups if not mentioned.isdisjoint(group)))
        new = slots | {name: story.slots[name] for name in fixed}
        if "kid" in mentioned and "n" not in mentioned:         # "a little girl called": only her name is open
            new |= child(r, "n", girl=story.slots["noun"] == "girl").slots | {"kid": story.slots["kid"]}
        if new["n"] != new["h"] and new["pl"] != new["pl2"] and new["an"] != new["who"]:
            return new
        slots = cast(r)[1]


def shares_along(tokenizer, text, again):
    """From where the tellings first differ, as long as enough of them agree with the text: ({place: {id: share}}, the
    last place at which more than one alternative is still possible). again: pairs (telling, alternative)."""
    same = len(commonprefix([text, *(telling for telling, _ in again)]))
    own = encoded(tokenizer, beginning(text, same))
    counts = Counter((beginning(telling, same), kind) for telling, kind in again)
    alive = [(encoded(tokenizer, start), kind, n) for (start, kind), n in counts.items()]
    shares, last_open = {}, -1
    for place in range(len(commonprefix([own, *(ids for ids, *_ in alive)])), len(own)):
        alive = [(ids, kind, n) for ids, kind, n in alive if ids[:place] == own[:place]]
        total = sum(n for *_, n in alive)
        if total < ENOUGH:
            break
        if len({kind for _, kind, _ in alive}) > 1:
            last_open = place
        here = Counter()
        for ids, _, n in alive:
            here[ids[place]] += n / total
        if len(here) > 1:
            shares[place] = dict(here)
    return shares, last_open


def beginning(text, same):
    """A text up to a few words after its character `same`: its tokens do not depend on later words."""
    end = same
    for _ in range(WORDS):
        end = text.find(" ", end + 1)
        if end < 0:
            return text + END
    return text[:end]


def encoded(tokenizer, start):
    ids = tokenizer.encode(" " + start.removesuffix(END), bos=False)
    return ids + [EOS] if start.endswith(END) else ids
