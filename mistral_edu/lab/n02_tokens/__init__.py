"""What notebook 02 imports beside the words that all pages share."""
from mistral_edu.lab.showing.widgets import text_box

from .exercises import random_words
from .library import library_merges, tiny_merges, told_stories
from .pictures import (dose_picture, label, languages_picture, merge_picture, pieces_picture, respelled_picture)

__all__ = ["dose_picture", "label", "languages_picture", "library_merges", "merge_picture", "pieces_picture",
           "random_words", "respelled_picture", "text_box", "tiny_merges", "told_stories"]
