"""How things are shown: pictures with words, text that breaks between words, sliders, the map of the course."""
from .figures import Picture, figure, show
from .map import course_map
from .say import say
from .widgets import explore

__all__ = ["Picture", "course_map", "explore", "figure", "say", "show"]
