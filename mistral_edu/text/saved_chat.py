"""A conversation in a file: its messages as JSON, a list of {"role": ..., "content": ...}."""
import json
from pathlib import Path

from mistral_edu.machine.whole_files import write_text
from mistral_edu.text.messages import check_messages


def save(messages, path) -> None:
    """Write messages to a file, complete or not at all. Another saved conversation of that name is replaced.

    Raises ValueError where there is nothing to save, or the file is something else, or cannot be written.
    """
    path = Path(path).expanduser()
    if not any(message["role"] == "user" for message in messages):
        raise ValueError("there is nothing to save yet; ask something first")
    if path.exists():
        try:
            load(path)
        except ValueError:
            raise ValueError(f"{path} is there already, and is no saved conversation; choose another name") from None
    try:
        write_text(path, json.dumps(messages, indent=1, ensure_ascii=False) + "\n")
    except (OSError, UnicodeEncodeError) as error:
        raise ValueError(f"{path} cannot be written ({error}); choose another place") from None


def load(path) -> list:
    """The messages in a file that save() wrote. Raises ValueError for any other file, or none."""
    path = Path(path).expanduser()
    try:
        messages = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); expected a file that /save wrote") from None
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, or nested without end
        raise ValueError(f"{path} is no saved conversation ({error}); expected a file that /save wrote") from None
    if not isinstance(messages, list):
        raise ValueError(f"{path} holds no list of messages; expected a file that /save wrote")
    try:
        check_messages(messages)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if messages[-1]["role"] != "assistant":
        raise ValueError(f"{path} ends in a question; expected its answer after it")
    return messages
