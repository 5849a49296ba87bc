"""Record how the authors' own encoder writes one conversation: recorded/authors_formats.json, for notebook 18.

    pip install "mistral-common>=1.5.6,<1.6"
    python -m mistral_edu.lab.n18_prompts.record

The files of the vocabularies lie in the wheel of mistral-common. The notebook needs neither: it reads the record.
"""
import datetime
import json
import logging
import os
import platform
from importlib.metadata import version
from pathlib import Path

from mistral_edu.sentencepiece import read_model

PLACE = Path(__file__).parent / "recorded" / "authors_formats.json"
FILES = {"v1": "tokenizer.model.v1", "v2": "mistral_instruct_tokenizer_240216.model.v2",
         "v3": "mistral_instruct_tokenizer_240323.model.v3"}
TALK = ("Where is the key?", "In the barn.", "And the ball?")       # question, answer, question


def record() -> dict:
    """All that is recorded, computed anew. Needs mistral-common; raises ImportError without it."""
    import mistral_common

    logging.getLogger("mistral_common").setLevel(logging.ERROR)
    data, formats = Path(mistral_common.__file__).parent / "data", {}
    for name, file in FILES.items():
        pieces = {id: piece for piece, id in read_model(data / file)["model"]["vocab"].items()}
        ids = encoded(data / file)
        formats[name] = {"ids": ids, "pieces": [pieces[id] for id in ids]}
    return {
        "question": "How does the encoder of Mistral's authors write this conversation?",
        "date": datetime.date.today().isoformat(),
        "versions": {"mistral-common": version("mistral-common"), "python": platform.python_version()},
        "command": "python -m mistral_edu.lab.n18_prompts.record",
        "files": FILES, "talk": list(TALK), "formats": formats,
    }


def encoded(file) -> list[int]:
    """The ids of TALK, by the authors' encoder with this vocabulary."""
    from mistral_common.protocol.instruct.messages import AssistantMessage, UserMessage
    from mistral_common.protocol.instruct.request import ChatCompletionRequest
    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

    kinds = (UserMessage, AssistantMessage)
    request = ChatCompletionRequest(messages=[kinds[n % 2](content=text) for n, text in enumerate(TALK)])
    return MistralTokenizer.from_file(str(file)).encode_chat_completion(request).tokens


def main():
    text = json.dumps(record(), ensure_ascii=False, indent=1)
    part = PLACE.with_suffix(".part")
    part.write_text(text + "\n", encoding="utf-8")
    os.replace(part, PLACE)
    print(f"{PLACE.name}: {len(text):,} characters")


if __name__ == "__main__":
    main()
