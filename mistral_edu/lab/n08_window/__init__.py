"""What notebook 08 imports besides the names that all pages share."""
from mistral_edu.lab.experiments.leak import LENGTH, NO_CLUE, noise_loss
from mistral_edu.lab.experiments.reach import furthest, influence, states
from mistral_edu.lab.experiments.skills import held_out_stories, story_loss
from mistral_edu.lab.n08_window.exercises import pairs as scored_pairs
from mistral_edu.lab.n08_window.pictures import draw_influence, draw_reach, reach_picture
from mistral_edu.lab.n08_window.recall_by_distance import recall_curve, recall_items
from mistral_edu.lab.showing.mask_picture import draw_mask
from mistral_edu.palette import BLUE, GREEN, ORANGE

__all__ = ["BLUE", "GREEN", "LENGTH", "NO_CLUE", "ORANGE", "draw_influence", "draw_mask", "draw_reach", "furthest",
           "held_out_stories", "influence", "noise_loss", "reach_picture", "recall_curve", "recall_items",
           "scored_pairs", "states", "story_loss"]
