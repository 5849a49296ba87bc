"""What notebook 06 imports besides the names that all pages share."""
from mistral_edu.lab.experiments.skills import held_out_stories, recall, story_loss
from mistral_edu.lab.n06_rope.pictures import draw_arrows, draw_beyond, draw_dials, draw_outgrown, draw_stopped
from mistral_edu.lab.n06_rope.rotation import rotation_with
from mistral_edu.lab.n06_rope.texts import news, token_costs
from mistral_edu.lab.n06_rope.training import loss_on_noise, trained

__all__ = ["draw_arrows", "draw_beyond", "draw_dials", "draw_outgrown", "draw_stopped", "held_out_stories",
           "loss_on_noise", "news", "recall", "rotation_with", "story_loss", "token_costs", "trained"]
