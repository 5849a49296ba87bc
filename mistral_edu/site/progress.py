"""What is being recorded, and how much longer that takes, judged by what this run has recorded so far."""
import time


class Progress:
    """sliders: {page: how many it has}. tell: called with a line when a page begins and when a slider is recorded.

    >>> clock = iter([0, 90, 180])
    >>> progress = Progress({"05_attention": 3, "06_rope": 2}, print, now=lambda: next(clock))
    Recording 5 sliders, once; pages: 2 (ARGS=--still leaves it out)
    >>> progress.begins("05_attention")
      page 1 of 2, 05_attention, begins
    >>> progress.recorded("05_attention", 1)
      page 1 of 2, 05_attention: slider 1 of 3 is recorded; 1 of 5 in all in 2 min, so about 6 min to go
    >>> progress.recorded("05_attention", 2)
      page 1 of 2, 05_attention: slider 2 of 3 is recorded; 2 of 5 in all in 3 min, so about 5 min to go
    """

    def __init__(self, sliders: dict, tell, now=time.monotonic):
        self.sliders, self.tell, self.now = sliders, tell, now
        self.start, self.done, self.all = now(), 0, sum(sliders.values())
        if sliders:
            tell(f"Recording {self.all} sliders, once; pages: {len(sliders)} (ARGS=--still leaves it out)")

    def begins(self, page: str) -> None:
        self.tell(f"{self.place(page)}, begins")

    def recorded(self, page: str, slider: int) -> None:
        """The page's slider of this number, from 1, is recorded."""
        self.done += 1
        spent = self.now() - self.start
        left = spent / self.done * (self.all - self.done)
        self.tell(f"{self.place(page)}: slider {slider} of {self.sliders[page]} is recorded; {self.done} of {self.all} "
                  f"in all in {minutes(spent)}" + (f", so about {minutes(left)} to go" if left else ""))

    def place(self, page: str) -> str:
        pages = list(self.sliders)
        return f"  page {pages.index(page) + 1} of {len(pages)}, {page}"


def minutes(seconds: float) -> str:
    """
    >>> minutes(29), minutes(31), minutes(3000)
    ('30 s', '1 min', '50 min')
    """
    return f"{-(-seconds // 10) * 10:.0f} s" if seconds <= 30 else f"{-(-seconds // 60):.0f} min"
