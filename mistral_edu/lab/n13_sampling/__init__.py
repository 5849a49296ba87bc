"""What notebook 13 imports besides the names that all pages share."""
from mistral_edu.lab.experiments.skills import recall_items
from mistral_edu.lab.experiments.truth import village_stories
from mistral_edu.lab.n13_sampling.pictures import draw_calibration, draw_price, draw_survivors
from mistral_edu.lab.showing.widgets import text_box

__all__ = ["draw_calibration", "draw_price", "draw_survivors", "recall_items", "text_box", "village_stories"]
