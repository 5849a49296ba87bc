"""{name} in a prompt stands for a variable of the notebook.

Prompts are full of braces that mean something else, JSON above all. So only a brace that holds one plain name is filled
in; `{"key": 1}`, `{}`, `{1, 2}` and `{ name }` stay as they are. As in an f-string, `{{` is a brace, and so is the
matching `}}`.
"""
import difflib
import re

from mistral_edu.language import _

NAME = re.compile(r"\{([^\W\d]\w*)\}")


def fill(text: str, variables: dict) -> str:
    """The text with each {name} replaced by str(variables[name]), in one pass: a value's own braces stay.

    Raises ValueError, which names the variable, if there is none.

    >>> fill('Where is the {thing}? Answer as {"place": ...}.', {"thing": "ball"})
    'Where is the ball? Answer as {"place": ...}.'
    >>> fill('{{thing}} and {{"a": {"b": 1}}}', {})
    '{thing} and {"a": {"b": 1}}'
    """
    filled, at, opened = [], 0, []          # opened: "{" or "{{" for each brace that waits for its end
    while at < len(text):
        match = NAME.match(text, at)
        if text.startswith("{{", at):
            opened.append("{{")
            step, piece = 2, "{"
        elif match:
            step, piece = len(match[0]), value_of(match[1], variables)
        elif text[at] == "{":
            opened.append("{")
            step, piece = 1, "{"
        elif text[at] == "}":
            doubled = opened[-1:] == ["{{"] and text.startswith("}}", at)
            opened = opened[:-1]
            step, piece = 1 + doubled, "}"
        else:
            step, piece = 1, text[at]
        filled.append(piece)
        at += step
    return "".join(filled)


def value_of(name, variables):
    if name in variables:
        return str(variables[name])
    known = [other for other in variables if not other.startswith("_")]
    similar = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    raise ValueError(_("the prompt has {braced}, but there is no variable {name}", braced=f"{{{name}}}", name=name)
                     + (_(" (did you mean {name}?)", name=similar[0]) if similar else "")
                     + _(". Make it in a cell above, or write {doubled} to send the braces themselves",
                         doubled=f"{{{{{name}}}}}"))
