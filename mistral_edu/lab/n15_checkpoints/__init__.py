"""What notebook 15 imports beside the words that all pages share."""
from mistral_edu.lab.experiments.inside import first_difference, record, silenced
from mistral_edu.lab.experiments.skills import recall, story_loss

from .folder import work
from .pictures import draw_apart, draw_need
from .suspects import under_letters

__all__ = ["draw_apart", "draw_need", "first_difference", "recall", "record", "silenced", "story_loss", "under_letters",
           "work"]
