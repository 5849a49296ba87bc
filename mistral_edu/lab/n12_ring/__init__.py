"""What notebook 12 imports besides the names that all pages share."""
from mistral_edu.lab.experiments.skills import held_out_stories, recall_items
from mistral_edu.lab.n12_ring.deleting_cache import Forgetful
from mistral_edu.lab.n12_ring.faulty_caches import in_secret_order
from mistral_edu.lab.n12_ring.pictures import draw_memory, draw_ring

__all__ = ["Forgetful", "draw_memory", "draw_ring", "held_out_stories", "in_secret_order", "recall_items"]
