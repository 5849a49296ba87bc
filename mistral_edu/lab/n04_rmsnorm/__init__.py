"""What notebook 04 imports besides the names that all pages share."""
from mistral_edu.lab.experiments.skills import held_out_stories, recall, story_loss
from mistral_edu.lab.n04_rmsnorm.pictures import DOUBT, draw_against, draw_doubt, draw_losses, draw_stream
from mistral_edu.lab.n04_rmsnorm.training import ALPHABET, losses_of, small_model

__all__ = ["ALPHABET", "DOUBT", "draw_against", "draw_doubt", "draw_losses", "draw_stream", "held_out_stories",
           "losses_of", "recall", "small_model", "story_loss"]
