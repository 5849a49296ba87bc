"""What can be wrong with a checkpoint, one class a kind.

Every message names the file, what was found, what was expected, and the next step. A file that is not there at all is
Python's own FileNotFoundError; a wrong argument is a plain ValueError.
"""
LONGEST = 1200  # characters of a message


class CheckpointError(ValueError):
    """A checkpoint cannot be used as it is. All errors below are of this kind.

    A message that quotes too much of a damaged file keeps its beginning and its end.

    >>> issubclass(WeightMismatch, CheckpointError) and issubclass(CheckpointError, ValueError)
    True
    >>> len(str(CheckpointError("x" * 10_000)))
    1200
    """

    def __init__(self, message: str = ""):
        super().__init__(message if len(message) <= LONGEST else f"{message[:LONGEST - 503]}...{message[-500:]}")


class UnreadableFile(CheckpointError):
    """A file is cut off, or is not in the format that its name promises."""


class UnsupportedCheckpoint(CheckpointError):
    """The files are sound, but hold a model, or a layout, that this library does not read."""


class WeightMismatch(CheckpointError):
    """Weights are missing, left over, or of another shape than the configuration asks for."""


class NonFiniteWeights(CheckpointError):
    """A weight holds NaN or infinity, or is so large that it leads there: no answer computed with it means anything."""


class UnavailableCheckpoint(CheckpointError):
    """The Hugging Face hub does not hand a checkpoint out: no such name, no permission, or no connection."""


class NotEnoughMemory(CheckpointError):
    """The weights, the caches and the work space together do not fit into what this machine has free."""
