"""What notebook 16 imports besides the names that all pages share."""
from mistral_edu.lab.experiments.reach import furthest, gradients
from mistral_edu.lab.experiments.skills import story_loss
from mistral_edu.lab.n16_training.checkpoints import MOMENTS, opened, per_set, reading, right_without
from mistral_edu.lab.n16_training.echo_task import DISTANCE, LETTERS, echoes, small_model, written
from mistral_edu.lab.n16_training.exercises import adam_step as adamw
from mistral_edu.lab.n16_training.exercises import clip as clipped
from mistral_edu.lab.n16_training.pictures import (
    STAGES,
    draw_curves,
    draw_first_steps,
    draw_run,
    draw_schedule,
    draw_stages,
)
from mistral_edu.tiny.training.optimizer import rate_at as tiny_rate_at

__all__ = ["DISTANCE", "LETTERS", "MOMENTS", "STAGES", "adamw", "clipped", "draw_curves", "draw_first_steps",
           "draw_run", "draw_schedule", "draw_stages", "echoes", "furthest", "gradients", "opened", "per_set",
           "reading", "right_without", "small_model", "story_loss", "tiny_rate_at", "written"]
