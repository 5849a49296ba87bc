"""What notebook 07 imports besides the names that all pages share."""
from mistral_edu.lab.experiments.inside import silenced
from mistral_edu.lab.experiments.skills import recall, story_logits, story_loss
from mistral_edu.lab.n07_groups.pictures import draw_layers, draw_shares, draw_wiring

__all__ = ["draw_layers", "draw_shares", "draw_wiring", "recall", "silenced", "story_logits", "story_loss"]
