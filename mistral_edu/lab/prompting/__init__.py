"""`%mistral` and `%%mistral`: ask the model in a cell of its own, and go on talking in the next one.

`options` reads the line, `variables` fills in what the notebook holds, `session` has the model and the conversation,
`magics` streams the answer into the cell, and `reply` is what remains of it.
"""
from mistral_edu.lab.prompting.options import MagicError
from mistral_edu.lab.prompting.reply import Reply

__all__ = ["MagicError", "Reply", "load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(shell) -> None:
    """Called by `%load_ext mistral_edu`."""
    from mistral_edu.lab.prompting.magics import MistralMagics  # needs IPython; a Reply does not
    shell.register_magics(MistralMagics)
    plain = shell.display_formatter.formatters["text/plain"]  # shows strings in its own way: in quotes
    plain.for_type(Reply, lambda reply, printer, cycle: printer.text(reply.text))


def unload_ipython_extension(shell) -> None:
    """Called by `%unload_ext mistral_edu`: removes the magics, and with them their model and their conversation."""
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("mistral", None)
    shell.magics_manager.registry.pop("MistralMagics", None)
    shell.display_formatter.formatters["text/plain"].pop(Reply, None)
