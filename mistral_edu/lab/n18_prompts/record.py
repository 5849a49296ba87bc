"""Record how the authors' own encoder writes one conversation: recorded/authors_formats.json, for notebook 18.

    python -m mistral_edu.lab.n18_prompts.record

Needs mistral-common: see lab/experiments/authors_tokenizers.py. The notebook does not: it reads the record.
"""
from pathlib import Path

from mistral_edu.lab.experiments.authors_tokenizers import authors_tokenizer, encoded, file_of, heading, keep
from mistral_edu.text.tokenizer_model import read_model

PLACE = Path(__file__).parent / "recorded" / "authors_formats.json"
FILES = {"v1": "tokenizer.model.v1", "v2": "mistral_instruct_tokenizer_240216.model.v2",
         "v3": "mistral_instruct_tokenizer_240323.model.v3"}
TALK = ("Where is the key?", "In the barn.", "And the ball?")       # question, answer, question


def record() -> dict:
    """All that is recorded, computed anew. Needs mistral-common; raises ImportError without it."""
    formats = {}
    for name, file in FILES.items():
        pieces = {id: piece for piece, id in read_model(file_of(file))["model"]["vocab"].items()}
        ids = encoded(authors_tokenizer(file), TALK)
        formats[name] = {"ids": ids, "pieces": [pieces[id] for id in ids]}
    return {**heading("How does the encoder of Mistral's authors write this conversation?",
                      "mistral_edu.lab.n18_prompts.record"),
            "files": FILES, "talk": list(TALK), "formats": formats}


if __name__ == "__main__":
    keep(PLACE, record())
