"""What a cell has made is released when the cell runs again.

A widget lives on in the kernel after its cell has run again: it still listens to the controls that it shares with the
new one, so one move of a slider would draw as many times as the cell was run. It also keeps its pictures in memory.
"""
from mistral_edu.lab.kernel import running_cell

_made = {}      # what identifies a cell -> (its run, what it has made in that run)


def takes_the_place_of_earlier(thing, key=None) -> list:
    """Note that the running cell has made this, and let go (thing.let_go()) of what an earlier run of it made.

    Returns what it has let go.

    key: identifies the cell if it is unknown which one is running (a script, a front end that gives cells no id). Then
    every call counts as another run; without a key nothing is let go.
    """
    cell, run = running_cell()
    if cell is None and key is None:
        return []
    cell, run = (cell, run) if cell is not None else (key, object())
    before, things = _made.get(cell, (run, []))
    gone = things if before != run else []
    for thing_before in gone:
        thing_before.let_go()
    _made[cell] = run, [thing] if gone else [*things, thing]
    return gone
