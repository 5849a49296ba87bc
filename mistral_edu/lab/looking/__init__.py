"""Looking inside an answer: what a model looked at, and what others would have said."""
from .attention import attention_view
from .comparing import compare_answers
from .lens import lens_view
from .reach import reach_view

__all__ = ["attention_view", "compare_answers", "lens_view", "reach_view"]
