"""What the controls of an Explorer offer, and at which of its values it is recorded."""
from math import prod

import ipywidgets

from mistral_edu.language import _

MOST_OF_ONE = 41           # values of one control
MOST = 400                 # pictures of one function: the product over its controls


def offered(control) -> list:
    """[(label, value)] in the order of the control; a field to type in offers what stands in it.

    >>> offered(ipywidgets.FloatSlider(min=0, max=1, step=0.5, readout_format=".1f"))
    [('0.0', 0.0), ('0.5', 0.5), ('1.0', 1.0)]
    >>> offered(ipywidgets.Checkbox()), offered(ipywidgets.Text("a"))
    ([('no', False), ('yes', True)], [('a', 'a')])
    """
    if isinstance(control, ipywidgets.Checkbox):
        return [(_("no"), False), (_("yes"), True)]
    if hasattr(control, "options"):
        return [option if isinstance(option, tuple) else (str(option), option) for option in control.options]
    if not hasattr(control, "step"):
        return [(str(control.value), control.value)]
    whole = isinstance(control, ipywidgets.IntSlider)
    count = int((control.max - control.min) / control.step + 1e-6) + 1
    values = [control.min + n * control.step for n in range(count)]
    values = values if whole else [round(value, 10) for value in values]
    return [(str(value) if whole else format(value, control.readout_format), value) for value in values]


def chosen(counts: list, starts: list) -> list:
    """For each control, the positions of the values to record: so few that no limit is exceeded.

    counts: how many values each control offers; starts: the position of the one it begins with, which is always kept.
    A control loses values only while it has as many as any other; then they are spread evenly.

    >>> chosen([19, 21], [0, 10]) == [list(range(19)), list(range(21))]
    True
    >>> [len(each) for each in chosen([64, 14, 6, 3], [31, 6, 3, 0])]
    [5, 5, 5, 3]
    """
    kept = [min(count, MOST_OF_ONE) for count in counts]
    while prod(kept) > MOST:
        most = max(kept)
        kept[len(kept) - 1 - kept[::-1].index(most)] -= 1
    return [spread(count, few, start) for count, few, start in zip(counts, kept, starts)]


def spread(count: int, few: int, start: int) -> list:
    """So many of `count` positions, from the first to the last, with `start` among them. Equal steps are preferred if
    they cost no more than a third of the positions.

    >>> spread(31, 20, 10), spread(5, 5, 0), spread(10, 3, 1)
    ([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30], [0, 1, 2, 3, 4], [0, 1, 9])
    """
    for step in range(1, count):
        if (count - 1) % step == 0 and start % step == 0 and 2 * few <= 3 * ((count - 1) // step + 1) <= 3 * few:
            return list(range(0, count, step))
    places = [round(n * (count - 1) / max(1, few - 1)) for n in range(few)]
    if start not in places:
        inner = places[1:-1]
        places.remove(min(inner, key=lambda place: abs(place - start)))
    return sorted({*places, start})
