"""The slides so far, and what those of the next cell depend on."""
from dataclasses import dataclass, field, replace

from mistral_edu.classroom.slides.fitting import fit, room_below, total


@dataclass
class Deck:
    """Slides, made cell by cell.

    ends: what the page's reader has at the end. sections: their headings, with minutes. heading: that of the section.
    text: of the Markdown cell just above. choices: of predictions, by label. opens: the next slide begins a section.
    explains: the next Markdown cell says why an outcome is what it is.
    """
    ends: str = ""
    slides: list = field(default_factory=list)
    sections: list = field(default_factory=list)
    heading: str = ""
    text: str = ""
    choices: dict = field(default_factory=dict)
    opens: bool = False
    explains: bool = False

    def add(self, parts, heading: str | None = None, notes: str = "") -> None:
        """Slides with these parts; none without parts."""
        if parts:
            self.slides += fit(heading or self.heading, parts, notes, self.opens)
            self.opens = False

    def extend(self, parts) -> None:
        """More parts below those of the last slide; what does not fit goes on to the next. Nothing is said twice."""
        last = self.slides.pop()
        new = [part for part in parts if not any(part.text[:-1] in other.text for other in last.parts)]
        self.slides += fit(last.heading, [*last.parts, *new], last.notes, last.opens)

    def note(self, text: str) -> None:
        """Words for the speaker, on the last slide."""
        if self.slides:
            last = self.slides[-1]
            self.slides[-1] = replace(last, notes=f"{last.notes}\n\n{text}".strip())

    def said(self, sentence: str) -> bool:
        """Whether one of the last slides has this sentence already, whatever it ends in."""
        return any(sentence[:-1] in part.text for slide in self.slides[-3:] for part in slide.parts)

    def fits(self, parts) -> bool:
        """Whether these parts need no more than one slide."""
        return total(parts) <= room_below(self.heading)
