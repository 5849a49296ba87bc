"""Looking inside an answer: what a model looked at, what else it might have said, and what others would have said."""
from .asking import inspect_answer
from .attention import attention_view
from .comparing import compare_answers
from .lens import lens_view
from .reach import reach_view

__all__ = ["attention_view", "compare_answers", "inspect_answer", "lens_view", "reach_view"]
