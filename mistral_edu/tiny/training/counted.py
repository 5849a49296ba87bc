"""Numbers of tokens, as the log, the curve and the names of checkpoints say them."""


def counted(tokens) -> str:
    """Few tokens in thousands, many in millions.

    >>> counted(20480), counted(1_268_000_000)
    ('20 thousand tokens', '1,268.00 M tokens')
    """
    return f"{tokens / 1e6:,.2f} M tokens" if tokens >= 1e6 else f"{tokens / 1e3:.0f} thousand tokens"


def checkpoint_name(mark) -> str:
    """A moment of --keep, in millions as it was typed, so that no two share a name.

    >>> checkpoint_name(40e6), checkpoint_name(0.01e6), checkpoint_name(0.002e6)
    ('0040M', '0000.01M', '0000.002M')
    """
    whole, part = f"{mark / 1e6:.6f}".split(".")
    return f"{whole:0>4}.{part}".rstrip("0").rstrip(".") + "M"
