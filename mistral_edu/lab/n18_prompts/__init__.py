"""What notebook 18 imports besides the names that all pages share."""
from mistral_edu.lab.experiments.inside import record
from mistral_edu.lab.experiments.skills import share_right
from mistral_edu.lab.n18_prompts.pictures import draw_distances, draw_next, draw_ranking
from mistral_edu.lab.n18_prompts.questions import short_questions, told_and_asked
from mistral_edu.lab.showing.widgets import text_box
from mistral_edu.tiny.answers import answered
from mistral_edu.tiny.exam import task_items
from mistral_edu.tiny.world import sample as tell

__all__ = ["answered", "draw_distances", "draw_next", "draw_ranking", "record", "share_right", "short_questions",
           "task_items", "tell", "text_box", "told_and_asked"]
