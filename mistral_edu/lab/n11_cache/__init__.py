"""What notebook 11 imports besides the names that all pages share."""
from mistral_edu.lab.experiments.skills import held_out_stories, recall_items
from mistral_edu.lab.n11_cache.pictures import draw_filling, draw_margins, draw_work

__all__ = ["draw_filling", "draw_margins", "draw_work", "held_out_stories", "recall_items"]
