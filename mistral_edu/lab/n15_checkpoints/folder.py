"""A folder for the files of notebook 15, made once however often its cells run; it goes when the kernel ends."""
import tempfile
from pathlib import Path

_holder = tempfile.TemporaryDirectory()
work = Path(_holder.name)
