"""What makes a reader commit, try, and find out: predictions, the checker, hints."""
from .check import check
from .hints import hint
from .predict import outcome, predict

__all__ = ["check", "hint", "outcome", "predict"]
