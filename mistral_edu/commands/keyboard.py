"""What a person types in a terminal: with history, and over several lines if prompt_toolkit is installed."""


def line_editor(prompt="> "):
    """A function that returns the next thing typed; it raises EOFError at Ctrl-D, KeyboardInterrupt at Ctrl-C.

    prompt_toolkit comes with IPython: Enter sends, Alt-Enter (or Esc, then Enter) begins another line, and pasted text
    may have many. Without it, readline gives arrow keys and history, one line at a time. Nothing that was typed is
    written to disk.
    """
    try:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.key_binding import KeyBindings
    except ImportError:
        import readline  # noqa: F401  (arrow keys and history for input())
        return lambda: input(prompt)
    keys = KeyBindings()
    keys.add("enter")(lambda event: event.current_buffer.validate_and_handle())
    keys.add("escape", "enter")(lambda event: event.current_buffer.insert_text("\n"))
    session = PromptSession(prompt, multiline=True, key_bindings=keys, prompt_continuation="  ")
    return session.prompt
