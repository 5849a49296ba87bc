"""The one place where JSON files are read: whatever a file holds comes back as a dict, or as this project's error."""
import json
from pathlib import Path

from mistral_edu.checkpoints.errors import UnreadableFile


def read_json(path, missing=None) -> dict:
    """The JSON object in a file. missing: what to return where there is no file, or no object in it; None raises.

    Raises FileNotFoundError, and UnreadableFile for what is no UTF-8, no JSON, nested without end, or no object with
    names and values.
    """
    path = Path(path)
    if missing is not None and not path.is_file():
        return missing
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {path}; a folder with a model holds one") from None
    except RecursionError:
        raise UnreadableFile(f"{path} is not valid JSON (nested too deep to be read); fetch it again") from None
    except ValueError as error:  # a UnicodeDecodeError is one, too
        raise UnreadableFile(f"{path} is not valid JSON ({error}); fetch it again") from None
    if not isinstance(described, dict):
        if missing is not None:
            return missing
        raise UnreadableFile(f"{path} holds {type(described).__name__}, where an object with names and values is "
                             "expected; fetch it again")
    return described
