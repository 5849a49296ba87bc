"""Looking inside an answer: what a model looked at, what else it might have said, and what others would have said."""
from mistral_edu.lab.looking.asking import inspect_answer
from mistral_edu.lab.looking.attention import attention_view
from mistral_edu.lab.looking.comparing import compare_answers
from mistral_edu.lab.looking.lens import lens_view
from mistral_edu.lab.looking.reach import reach_view

__all__ = ["attention_view", "compare_answers", "inspect_answer", "lens_view", "reach_view"]
