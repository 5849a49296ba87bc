"""The curve of a training run: loss above, exact match and recall below, against the tokens seen."""
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"  # Okabe & Ito: told apart by everyone


def draw_curve(log, path):
    """log: the entries of log.jsonl. Writes a PNG."""
    losses = [entry for entry in log if "loss" in entry]
    exams = [entry for entry in log if "exact_match" in entry]
    figure = Figure(figsize=(8, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for part, colour in (("story", BLUE), ("answer", ORANGE)):
        label = {"story": "stories", "answer": "short answers"}[part]
        above.plot([e["tokens"] / 1e6 for e in losses], [e[part] for e in losses], color=colour, label=label)
    above.set(yscale="log", ylabel="loss (nats a token)", title=_finding(losses))
    below.plot([e["tokens"] / 1e6 for e in exams], [e["exact_match"] for e in exams], "o-", color=GREEN, label="all tasks")
    for distance, style in zip(exams[-1]["recall"] if exams else (), ("-", "--", "-.", ":")):
        points = [e["recall"][distance] for e in exams]
        x = [e["tokens"] / 1e6 for e in exams]
        below.plot(x, points, style, color=PURPLE, label=f"a fact among rivals, {distance} tokens back")
    below.set(xlabel="millions of tokens seen", ylabel="exact match on held-out prompts", ylim=(-0.02, 1.02))
    above.legend()
    below.legend(fontsize="small")
    figure.savefig(path, dpi=120, format="png")


def _finding(losses):
    if not losses:
        return "no loss logged yet"
    last = losses[-1]
    return f"After {last['tokens'] / 1e6:.0f} M tokens: {last['story']:.2f} nats in stories, {last['answer']:.4f} in answers"
