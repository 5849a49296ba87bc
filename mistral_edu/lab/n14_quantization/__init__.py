"""What notebook 14 imports besides the names that all pages share."""
from mistral_edu.lab.experiments.skills import held_out_stories, recall, story_logits, story_loss
from mistral_edu.lab.n14_quantization.game import OURS, bits_of_parts, part_of
from mistral_edu.lab.n14_quantization.pictures import draw_curve, draw_error_map, draw_leads

__all__ = ["OURS", "bits_of_parts", "draw_curve", "draw_error_map", "draw_leads", "held_out_stories", "part_of",
           "recall", "story_logits", "story_loss"]
