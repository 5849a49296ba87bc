"""Stop strings: end an answer where one of them is complete, and show no part of it.

A stop string may arrive in several pieces, so text that could be the beginning of one is held back until it is clear.
"""


class StopStrings:
    """Text in, text out, up to the first stop string. `found` says that it was there; the rest is dropped.

    stop: one string, or several. Of several, the one that is complete first counts, and of those the longest.

    >>> stops = StopStrings(["END", "."])
    >>> stops.add("The E"), stops.add("gg EN"), stops.add("D of"), stops.found
    ('The ', 'Egg ', '', True)
    """

    def __init__(self, stop=()):
        self.strings = (stop,) if isinstance(stop, str) else tuple(stop)
        if not all(isinstance(string, str) and string for string in self.strings):
            raise ValueError(f"stop takes strings that are not empty; got {stop!r}")
        self.found = False
        self._held = ""

    def add(self, text: str) -> str:
        """The text that is certain to stand before any stop string."""
        text, self._held = self._held + text, ""
        places = [(at + len(string), at) for string in self.strings if (at := text.find(string)) >= 0]
        if places:
            self.found = True
            return text[:min(places)[1]]
        held = max((n for string in self.strings for n in range(1, len(string)) if text.endswith(string[:n])), default=0)
        self._held = text[len(text) - held:]
        return text[:len(text) - held]

    def finish(self) -> str:
        """What was held back, once the text has ended without a stop string."""
        text, self._held = self._held, ""
        return text
