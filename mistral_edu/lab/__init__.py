"""What notebooks share, and nothing else uses: checks, hints, predictions, sliders, figures, the map, `%%mistral`."""
from .exercises import check
from .hints import hint
from .map import course_map
from .plots import Picture, figure, show
from .predict import outcome, predict
from .say import say
from .widgets import explore

__all__ = ["Picture", "check", "course_map", "explore", "figure", "hint", "outcome", "predict", "say", "show"]
