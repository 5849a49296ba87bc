"""What notebook 05 imports besides the names that all pages share."""
from mistral_edu.attention import merge_heads, split_heads
from mistral_edu.lab.experiments.inside import record, walk
from mistral_edu.lab.experiments.skills import held_out_stories, recall, recall_items, story_loss
from mistral_edu.lab.n05_attention.pictures import draw_head, draw_merges, draw_query, draw_sink
from mistral_edu.lab.n05_attention.training import NO_CLUE, trained
from mistral_edu.lab.showing.widgets import text_box

__all__ = ["NO_CLUE", "draw_head", "draw_merges", "draw_query", "draw_sink", "held_out_stories", "merge_heads",
           "recall", "recall_items", "record", "split_heads", "story_loss", "text_box", "trained", "walk"]
