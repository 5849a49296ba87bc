"""Mistral's own tokenizers and encoder, asked once for a record that a notebook reads (recorded.py).

They and the vocabulary files are in the wheel of mistral-common, which the notebooks do not need:

    pip install "mistral-common>=1.5.6,<1.6"

Each function raises ImportError without it.
"""
import datetime
import json
import logging
import platform
import warnings
from importlib.metadata import version
from pathlib import Path

from mistral_edu.machine.whole_files import write_text


def file_of(name: str) -> Path:
    """A vocabulary file, by its name in the wheel."""
    import mistral_common

    return Path(mistral_common.__file__).parent / "data" / name


def authors_tokenizer(name: str):
    """The authors' tokenizer, with its encoder of conversations, for a file in the wheel."""
    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

    logging.getLogger("mistral_common").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of the Tekken file: its control tokens are built in
        return MistralTokenizer.from_file(str(file_of(name)))


def encoded(tokenizer, texts) -> list[int]:
    """The ids of a conversation, [question, answer, question, ...], as the authors' encoder writes it."""
    from mistral_common.protocol.instruct.messages import AssistantMessage, UserMessage
    from mistral_common.protocol.instruct.request import ChatCompletionRequest

    kinds = (UserMessage, AssistantMessage)
    request = ChatCompletionRequest(messages=[kinds[n % 2](content=text) for n, text in enumerate(texts)])
    return tokenizer.encode_chat_completion(request).tokens


def heading(question: str, module: str) -> dict:
    """How a record begins: what was asked, when, of which versions, and the command that asks again."""
    return {"question": question, "date": datetime.date.today().isoformat(),
            "versions": {"mistral-common": version("mistral-common"), "python": platform.python_version()},
            "command": f"python -m {module}"}


def keep(place: Path, record: dict) -> None:
    """Write a record, completely or not at all, and say how long it is."""
    text = json.dumps(record, ensure_ascii=False, indent=1)
    write_text(place, text + "\n")
    print(f"{place.name}: {len(text):,} characters")
