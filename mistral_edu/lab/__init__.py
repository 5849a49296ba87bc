"""What the cells of notebooks call, and nothing else uses: the vocabulary that all pages share.

`exercises` checks, hints and predicts; `showing` draws, prints and makes sliders; `experiments` holds what several
pages try on a model, and `use`, which puts a reader's function into one; `looking` shows what went on in an answer;
`kernel` explains what goes wrong in a cell; `prompting` is `%mistral`, which `%load_ext mistral_edu` adds; `panel` is a
chat in a cell. What belongs to one page alone has a room with its number: `n08_window`.
"""
from mistral_edu.lab import kernel
from mistral_edu.language import language

try:
    from mistral_edu.lab.exercises import check, hint, outcome, predict
    from mistral_edu.lab.experiments.use import use
    from mistral_edu.lab.looking import attention_view, compare_answers, inspect_answer, lens_view, reach_view
    from mistral_edu.lab.panel import chat_panel
    from mistral_edu.lab.recorded import recorded
    from mistral_edu.lab.showing import Picture, course_map, explore, figure, say, show
except ModuleNotFoundError as error:
    if error.name not in ("IPython", "ipywidgets", "matplotlib"):
        raise
    raise ModuleNotFoundError(f"the pages need {error.name}, which is not installed here: "
                              'pip install "mistral-edu[lab]", then restart the kernel', name=error.name) from None

__all__ = ["Picture", "attention_view", "chat_panel", "check", "compare_answers", "course_map", "explore", "figure",
           "hint", "inspect_answer", "language", "lens_view", "outcome", "predict", "reach_view", "recorded", "say",
           "show", "use"]

kernel.listen()
