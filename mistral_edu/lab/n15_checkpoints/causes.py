"""Six causes under letters, in an order that the page does not show."""

ORDER = (1, 2, 4, 5, 0, 3)       # A is the second cause that the page names, B the third, ...


def under_letters(causes):
    """{letter: (cause, what it stands for)} of a dict of six. Raises ValueError for another number.

    >>> letters = under_letters({name: name.upper() for name in "pqrstu"})
    >>> list(letters), letters["E"]
    (['A', 'B', 'C', 'D', 'E', 'F'], ('p', 'P'))
    """
    causes = list(causes.items())
    if len(causes) != len(ORDER):
        raise ValueError(f"expected {len(ORDER)} causes, got {len(causes)}; run the cell that names them again")
    return {letter: causes[n] for letter, n in zip("ABCDEF", ORDER)}
