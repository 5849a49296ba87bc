"""What notebook 15 imports besides the names that all pages share."""
from mistral_edu.lab.experiments.inside import first_difference, record, silenced
from mistral_edu.lab.experiments.skills import recall, story_loss
from mistral_edu.lab.n15_checkpoints.causes import under_letters
from mistral_edu.lab.n15_checkpoints.folder import work
from mistral_edu.lab.n15_checkpoints.pictures import draw_apart, draw_need

__all__ = ["draw_apart", "draw_need", "first_difference", "recall", "record", "silenced", "story_loss", "under_letters",
           "work"]
