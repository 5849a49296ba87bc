"""The window of a model as people write it: after --window, in a cell, in a field of the panel."""
import argparse


def window(written):
    """"config" as the model was published, "none" for full attention, or a number of tokens.

    Whether the number can be a window is for MistralConfig to say. Raises ValueError for what is no number.

    >>> window("64"), window("none")
    (64, 'none')
    """
    if written in ("config", "none"):
        return written
    try:
        return int(written)
    except (TypeError, ValueError):
        raise ValueError('a window is a number of tokens, at least 1, or "config" or "none"; '
                         f"got {written!r}") from None


def argument(written):
    """window(written) for argparse, which shows the message of no other error than its own."""
    try:
        return window(written)
    except ValueError as error:
        raise argparse.ArgumentTypeError(error) from None


def window_size(window):
    """A window as load() takes it: None for full attention.

    >>> window_size("none"), window_size(64), window_size("config")
    (None, 64, 'config')
    """
    return None if window == "none" else window
