"""What notebook 10 imports besides the names that all pages share."""
from mistral_edu.lab.experiments.inside import attribution, record, silenced
from mistral_edu.lab.experiments.reach import furthest, gradients
from mistral_edu.lab.experiments.skills import held_out_stories, story_loss
from mistral_edu.lab.n10_block.pictures import draw_attention, draw_both, draw_lens, draw_shares
from mistral_edu.lab.n10_block.quiz import place_ids, places_right, questions
from mistral_edu.lab.showing.grid import grid

__all__ = ["attribution", "draw_attention", "draw_both", "draw_lens", "draw_shares", "furthest", "gradients", "grid",
           "held_out_stories", "place_ids", "places_right", "questions", "record", "silenced", "story_loss"]
