"""What to say when a cell was stopped or a name is missing. In doubt, Python's own words stay."""
import ast
import builtins
import difflib
import traceback

from mistral_edu.lab.kernel.page import UNKNOWN, where_made
from mistral_edu.language import N_, _

IN_PLACE_OF = {                 # of a traceback, by where on the page the name is made
    "above": N_("`{name}` is not there: a cell above makes it. Run > Run All Above Selected Cell."),
    "below": N_("`{name}` is not there yet: a cell further down makes it."),
    "elsewhere": N_("`{name}` is not there: another cell of this page makes it. Run that one first."),
}
HOW_TO_MEND = {"was stopped": N_("Run it again."), "ended in an error": N_("Mend that first, and run it again."),
               "lacked a name from above": N_("Run > Run All Above Selected Cell.")}


def explain(cells, error):
    """The lines to show for a KeyboardInterrupt or a NameError; None if Python's own traceback says it all."""
    if hasattr(error, "_render_traceback_"):            # it speaks for itself, as the magics' Stopped does
        return None
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if cells.shell.compile.format_code_name(frame.filename)]
    place = _place(cells.shell, own[-1]) if own else ""
    if isinstance(error, KeyboardInterrupt):
        return [_("[stopped in {place}]", place=place) if place else _("[stopped]")]
    if type(error) is not NameError or not error.name or not own or own[-1] is not frames[-1]:
        return None                                     # an UnboundLocalError, or a fault in a library
    where = where_made(error.name, cells)
    sentence = (_unquoted_guess(error.name, cells) or _left_unmade(error.name, cells)
                or where in IN_PLACE_OF and _(IN_PLACE_OF[where], name=error.name))
    if sentence:
        return [sentence if own[-1].name == "<module>" else
                f"{sentence} " + _("(It is read in {place})", place=place)]
    note = _note(error.name, where, cells.shell)
    return note and cells.shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__) + ["", note]


def _place(shell, frame):
    number = shell.compile.format_code_name(frame.filename)[1].removeprefix("In")
    return _("In {number}, line {n}: {code}", number=number, n=frame.lineno, code=frame.line)


def _unquoted_guess(name, cells):
    """predict("8.5", cat): the second argument is made of names, and this one is missing."""
    try:
        calls = [node for node in ast.walk(ast.parse(cells.code)) if isinstance(node, ast.Call)]
    except SyntaxError:
        return None
    for call in calls:
        if getattr(call.func, "id", None) == "predict" and len(call.args) > 1:
            label, guess = (ast.get_source_segment(cells.code, argument) for argument in call.args[:2])
            if name in {node.id for node in ast.walk(call.args[1]) if isinstance(node, ast.Name)}:
                return _('Put your guess in quotes: predict({label}, "{guess}").', label=label, guess=guess)
    return None


def _left_unmade(name, cells):
    number, how = cells.left_unmade(name) or (None, None)
    return how and " ".join((_("`{name}` is not there: the cell that makes it, In [{number}], {how}.", name=name,
                               number=number, how=_(how)), _(HOW_TO_MEND[how])))


def _note(name, where, shell):
    """A line below the traceback, for a name that may be a typo; None without a good guess."""
    known = [known for known in {*shell.user_ns, *dir(builtins)} if not known.startswith("_")]
    if similar := difflib.get_close_matches(name, known, n=1, cutoff=0.75):
        return _("Did you mean `{name}`?", name=similar[0])
    if where is UNKNOWN:
        return _("If a cell above makes `{name}`, run it first: Run > Run All Above Selected Cell.", name=name)
    return None
