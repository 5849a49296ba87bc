"""Say in one line what went wrong in the reader's own code, and where.

A traceback of thirty lines hides the one line that matters: the last one that the reader wrote. `describe` finds it.
"""
import linecache
import re
import traceback

from mistral_edu.language import _


def describe(error: BaseException, fn=None) -> str:
    """One line: the error, and the deepest line of fn's own file (a notebook cell counts as a file) that led to it.

    >>> try:
    ...     [1, 2][5]
    ... except IndexError as error:
    ...     print(describe(error))
    IndexError: list index out of range
    """
    message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    message = " ".join(message.split()).rstrip(".")
    message = re.sub(r"\. The following argument types are supported:.* Invoked with types:", "; it was given", message)
    home = getattr(getattr(fn, "__code__", None), "co_filename", None)
    own = [frame for frame in traceback.extract_tb(error.__traceback__)
           if frame.filename == home and frame.lineno is not None]     # a signal may strike between two lines
    if not own:
        return message
    number = own[-1].lineno
    source = (own[-1].line or linecache.getline(home, number)).strip()
    return _("{error}, in line {n} of your cell", error=message, n=number) + (f": {source}" if source else "")


def only_earlier(name: str, failed: tuple) -> str:
    """What to say about a function whose cell failed when it was last run, up to what to do next.

    failed: kernel.left_unmade(name), the In number of that cell and how it ended.

    >>> only_earlier("mask", (7, "was stopped"))
    'the cell that defines mask, In [7], was stopped, so there is only an earlier version of it. Mend that cell, run it,
    then'
    """
    number, end = failed
    return _("the cell that defines {name}, In [{number}], {end}, so there is only an earlier version of it. Mend that "
             "cell, run it, then", name=name, number=number, end=_(end))
