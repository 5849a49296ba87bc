"""Record what the authors' own tokenizers make of some texts: recorded/authors_tokenizers.json, for notebook 02.

    python -m mistral_edu.lab.n02_tokens.record

Needs mistral-common: see lab/experiments/authors_tokenizers.py. The notebook does not: it reads the record.
"""
import re
from pathlib import Path

from mistral_edu.lab.experiments.authors_tokenizers import authors_tokenizer, encoded, file_of, heading, keep
from mistral_edu.text.tokenizer_model import SPACE, read_model

PLACE = Path(__file__).parent / "recorded" / "authors_tokenizers.json"
FILES = {"7B v0.1": "tokenizer.model.v1", "7B v0.3": "mistral_instruct_tokenizer_240323.model.v3",
         "Tekken": "tekken_240911.json"}
SENTENCES = {  # article 1 of the Universal Declaration of Human Rights, its first sentence
    "English": "All human beings are born free and equal in dignity and rights.",
    "German": "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "French": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "Chinese": "人人生而自由，在尊严和权利上一律平等。",
    "Russian": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "Korean": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "Arabic": "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق.",
    "Greek": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "Hindi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
}
QUESTION = "The key is in the barn. Where is the key?"
AWKWARD = ("naïve", "🙂", "한국", "🧌")
INDENT = "a" + 4 * " " + "b"


def record() -> dict:
    """Everything that is recorded, computed again. Needs mistral-common; raises ImportError without it."""
    theirs = {name: authors_tokenizer(file) for name, file in FILES.items()}
    bare = {name: tokenizer.instruct_tokenizer.tokenizer for name, tokenizer in theirs.items()}
    description = read_model(file_of(FILES["7B v0.3"]))["model"]
    pieces = {id: piece for piece, id in description["vocab"].items()}

    def encode(text, name="7B v0.3"):
        return bare[name].encode(text, bos=False, eos=False)

    turn = encoded(theirs["7B v0.3"], [QUESTION])
    made = {left + right: rank for rank, (left, right) in reversed([*enumerate(description["merges"])])}
    late = sum(rank < max(made.get(left, -1), made.get(right, -1))
               for rank, (left, right) in enumerate(description["merges"]))
    letters = {"Russian": "[а-яё]{2,}", "Greek": "[α-ωά-ώ]{2,}"}
    return {
        **heading("What do the tokenizers of Mistral's authors make of these texts?",
                  "mistral_edu.lab.n02_tokens.record"),
        "files": FILES,
        "vocabularies": {name: tokenizer.n_words for name, tokenizer in bare.items()},
        "languages": {language: {"text": text, "bytes": len(text.encode()),
                                 "tokens": {name: len(encode(text, name)) for name in FILES}}
                      for language, text in SENTENCES.items()},
        "pieces of two letters or more": {language: sum(bool(re.fullmatch(pattern, piece.strip(SPACE).lower()))
                                                        for piece in description["vocab"])
                                          for language, pattern in letters.items()},
        "turn": {"question": QUESTION, "ids": turn, "pieces": [pieces[id] for id in turn]},
        "awkward": {text: [pieces[id] for id in encode(text)] for text in AWKWARD},
        "indent": {"text": INDENT, "pieces": [pieces[id] for id in encode(INDENT)]},
        "merges": {"all": len(description["merges"]), "with a piece that a later merge makes": late,
                   "question": fragment(description, QUESTION), "indent": fragment(description, INDENT)},
    }


def fragment(description, text) -> dict:
    """The part of a vocabulary that a text can use: its merges, with their ranks, and the ids of all its pieces."""
    text = SPACE + text.replace(" ", SPACE)
    within = {text[i:j] for i in range(len(text)) for j in range(i + 1, len(text) + 1)}
    return {"merges": [[left, right, rank] for rank, (left, right) in enumerate(description["merges"])
                       if left + right in within],
            "ids": {piece: id for piece, id in description["vocab"].items() if piece in within}}


if __name__ == "__main__":
    keep(PLACE, record())
