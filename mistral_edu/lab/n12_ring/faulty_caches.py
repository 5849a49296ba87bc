"""Four caches with a fault each, under letters: which is which, and what a reader is told about a guess."""

FAULTS = {"A": "KeepsWindow", "B": "TrimsFreely", "C": "WritesFirst", "D": "OneTooFew"}


def in_secret_order(*kinds):
    """{letter: class} of the four faulty caches of the page. Raises ValueError when one is missing.

    >>> letters = in_secret_order(*(type(name, (), {}) for name in sorted(FAULTS.values())))
    >>> list(letters)
    ['A', 'B', 'C', 'D']
    """
    by_name = {kind.__name__: kind for kind in kinds}
    if missing := sorted(set(FAULTS.values()) - set(by_name)):
        raise ValueError(f"expected the four caches {', '.join(sorted(FAULTS.values()))}; {', '.join(missing)} did not "
                         "come. Run the cells above that define them")
    return {letter: by_name[name] for letter, name in FAULTS.items()}


class Judge:
    """judge(A=..., B=..., C=..., D=...) -> which of the four names are right, as a text.

    A name may be the class itself. right, wrong: the words of the answer. With other words, an answer that was only
    written down gives itself away.

    >>> JUDGES[0](A="KeepsWindow", B="TrimsFreely", C="OneTooFew", D="WritesFirst")
    'A right, B right, C wrong, D wrong'
    """
    __name__ = "judge"

    def __init__(self, right="right", wrong="wrong"):
        self.right, self.wrong = right, wrong

    def __call__(self, *unnamed, **names):
        if unnamed or set(names) != set(FAULTS):
            raise ValueError(f"judge wants a name for each of {', '.join(FAULTS)}, written as A=...; it got "
                             f"{', '.join(names) or 'no letter'}")
        given = {letter: getattr(name, "__name__", name) for letter, name in names.items()}
        for letter, name in given.items():
            if name not in FAULTS.values():
                raise ValueError(f"there is no cache {name!r} for {letter}; the four are "
                                 f"{', '.join(sorted(FAULTS.values()))}")
        return ", ".join(f"{letter} {self.right if given[letter] == FAULTS[letter] else self.wrong}"
                         for letter in FAULTS)


JUDGES = Judge(), Judge("yes", "no")
