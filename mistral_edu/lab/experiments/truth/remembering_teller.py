"""A teller of stories that remembers the order of its choices, so that a story can be told again from any of them."""
from mistral_edu.tiny.world.stories import Teller

ALIKE = [("pl2", "p2", "P2", "place2"), ("fear", "Fear")]     # slots that are one thing, besides those of a role


class Remembering(Teller):
    """A teller who leaves all choices to chance and remembers in which order slots and choices came."""

    def __init__(self, r, chosen=()):
        super().__init__(r)
        self.chosen, self.came = dict(chosen), []

    def pick(self, number, n):
        self.came.append(number)
        return super().pick(number, n)

    def tell(self, plot, slots):
        return super().tell(plot, Noted(slots, self.came))


class Noted(dict):
    """Slots that note which of them is looked up, and when. How the story opens is not part of it."""

    def __init__(self, slots, came):
        super().__init__(slots)
        self.came = came

    def __getitem__(self, name):
        if name != "opening":
            self.came.append(name)
        return super().__getitem__(name)
