"""Looking inside an answer: what a model looked at, and what others would have said."""
from .comparing import compare_answers

__all__ = ["compare_answers"]
