"""The curve of a training run: loss above, exact match and recall below, against the tokens seen."""
from matplotlib.figure import Figure

from mistral_edu.palette import BLUE, GREEN, PINK, RED
from mistral_edu.tiny.training.counted import counted


def draw_curve(log, path, long_answers="stories"):
    """log: the entries of log.jsonl; long_answers: what the world calls them. Writes a PNG.

    What a world lacks (long answers, facts among rivals) has no line.
    """
    parts = (("story", long_answers, BLUE), ("answer", "short answers", RED))
    losses = [entry for entry in log if "loss" in entry]
    exams = [entry for entry in log if "exact_match" in entry]
    unit, units = (1e6, "millions") if any(e["tokens"] >= 1e6 for e in log) else (1e3, "thousands")
    figure = Figure(figsize=(8, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for part, label, colour in parts:
        points = [(e["tokens"] / unit, e[part]) for e in losses if e[part] > 0]
        if points:
            above.plot(*zip(*points), color=colour, label=label, marker="." if len(points) < 30 else "")
            above.set_yscale("log")
    above.set(ylabel="loss (nats a token)", title=_finding(losses, parts))
    x = [e["tokens"] / unit for e in exams]
    below.plot(x, [e["exact_match"] for e in exams], "o-", color=GREEN, label="mean of all tasks")
    for distance, style in zip(exams[-1]["recall"] if exams else (), ("-", "--", "-.", ":")):
        points = [e["recall"][distance] for e in exams]
        below.plot(x, points, style, color=PINK, label=f"a fact among rivals,\n{distance} tokens back")
    below.set(xlabel=f"{units} of tokens seen", ylabel="exact match on held-out prompts", ylim=(-0.02, 1.02))
    for axes in (above, below):
        if axes.lines:
            axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))  # beside the axes: covers no point
    figure.savefig(path, dpi=120, format="png")


def _finding(losses, parts):
    if not losses:
        return "no loss logged yet"
    last = losses[-1]
    found = [f"{last[part]:.3f} nats in {label}" for part, label, _ in parts if last[part] > 0]
    return f"After {counted(last['tokens'])}: {', '.join(found)}"
