"""What makes a reader commit, try, and find out: predictions, the checker, hints."""
from mistral_edu.lab.exercises.check import check
from mistral_edu.lab.exercises.hints import hint
from mistral_edu.lab.exercises.predict import outcome, predict

__all__ = ["check", "hint", "outcome", "predict"]
