"""What notebook 09 imports besides the names that all pages share."""
from mistral_edu.lab.experiments.inside import silenced, walk
from mistral_edu.lab.experiments.skills import recall, recall_items, share_right, skill_items, skills, story_loss
from mistral_edu.lab.n09_swiglu.exercises import two_gated_units
from mistral_edu.lab.n09_swiglu.held import held_by_units
from mistral_edu.lab.n09_swiglu.pictures import draw_gate, draw_losses, draw_product, draw_skills, draw_unit
from mistral_edu.lab.n09_swiglu.relu_units import fitted_relu_units
from mistral_edu.lab.n09_swiglu.training import trained_loss

__all__ = ["draw_gate", "draw_losses", "draw_product", "draw_skills", "draw_unit", "fitted_relu_units",
           "held_by_units", "recall", "recall_items", "share_right", "silenced", "skill_items", "skills",
           "story_loss", "trained_loss", "two_gated_units", "walk"]
