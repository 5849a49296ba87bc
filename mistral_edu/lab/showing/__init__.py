"""How things are shown: pictures with captions, text that breaks between words, sliders, the map of the course."""
from mistral_edu.lab.showing.figures import Picture, figure, show
from mistral_edu.lab.showing.map import course_map
from mistral_edu.lab.showing.say import say
from mistral_edu.lab.showing.widgets import explore

__all__ = ["Picture", "course_map", "explore", "figure", "say", "show"]
