"""What notebook 02 imports besides the names that all pages share."""
from mistral_edu.lab.n02_tokens.exercises import random_words
from mistral_edu.lab.n02_tokens.pictures import (
    dose_picture,
    label,
    languages_picture,
    merge_picture,
    pieces_picture,
    respelled_picture,
)
from mistral_edu.lab.n02_tokens.tokenizers_library import library_merges, tiny_merges, told_stories
from mistral_edu.lab.showing.widgets import text_box

__all__ = ["dose_picture", "label", "languages_picture", "library_merges", "merge_picture", "pieces_picture",
           "random_words", "respelled_picture", "text_box", "tiny_merges", "told_stories"]
