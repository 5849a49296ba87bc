"""What notebook 03 imports besides the names that all pages share."""
from mistral_edu.lab.experiments.truth import true_shares, village_stories
from mistral_edu.lab.n03_loss.exercises import cross_entropy as mean_loss
from mistral_edu.lab.n03_loss.pictures import (
    BEYOND,
    calibration_picture,
    choice_picture,
    costs_picture,
    scale_picture,
    surprise_picture,
)
from mistral_edu.lab.showing.widgets import text_box
from mistral_edu.tiny.world.storylines import OPENINGS

__all__ = ["BEYOND", "OPENINGS", "calibration_picture", "choice_picture", "costs_picture", "mean_loss", "scale_picture",
           "surprise_picture", "text_box", "true_shares", "village_stories"]
