"""From tokens to the text that may be shown, and why it ended.

Two things hold text back: a character whose bytes are not all there (tokenizer.py), and a stop string, which may arrive
in several pieces, so that what could be its beginning waits until it is clear.
"""


class StopStrings:
    """Text in, text out, up to the first stop string. `found` says that it was there; what follows it is dropped.

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
        beginnings = (string[:n] for string in self.strings for n in range(1, len(string)))
        n_held = max((len(beginning) for beginning in beginnings if text.endswith(beginning)), default=0)
        self._held = text[len(text) - n_held:]
        return text[:len(text) - n_held]

    def finish(self) -> str:
        """What was held back, once the text has ended without a stop string."""
        text, self._held = self._held, ""
        return text


class AnswerText:
    """The text of an answer, token by token; `finish_reason` says why it ended, None while it goes on.

    prompt_ids: what the answer continues. Without a tokenizer there is no text, and no end but the last token.
    """

    def __init__(self, tokenizer, prompt_ids, stop=()):
        self.tokenizer, self.stops = tokenizer, StopStrings(stop)
        if tokenizer is None and self.stops.strings:
            raise ValueError("stop strings need a tokenizer; without one, compare piece.token with the ids to stop at")
        # A stop string that is a control token never shows as text: its id stops the answer.
        self.stop_ids = {tokenizer.control_ids[name] for name in self.stops.strings if name in tokenizer.control_ids} \
            if tokenizer else set()
        self.characters = tokenizer.stream(before=prompt_ids) if tokenizer else None
        self.finish_reason = None

    def add(self, token: int, is_last: bool) -> str:
        """The text to show for one more token. is_last: no other will come, so nothing is held back."""
        ended = self.tokenizer is not None and token in self.tokenizer.end_ids
        stopped = not ended and token in self.stop_ids
        text = ""
        if self.tokenizer and not ended and not stopped:
            text = self.stops.add(self.characters.add(token))
        if self.tokenizer and (ended or stopped or is_last) and not self.stops.found:
            text += self.stops.add(self.characters.finish()) + self.stops.finish()
        reasons = {"stop_string": self.stops.found or stopped, "stop": ended, "length": is_last}
        self.finish_reason = next((reason for reason, holds in reasons.items() if holds), None)
        return text
