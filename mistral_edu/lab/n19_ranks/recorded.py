"""Two GPUs beside one, as a run recorded them: `mistral-edu bench --show two_h200` prints its figures."""
from matplotlib.ticker import FuncFormatter, NullFormatter

from mistral_edu.bench.results import measured_result
from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.palette import BLUE, GREY, INK, RED

RUN = "two_h200"
LINES = {(16, "prompt"): (BLUE, "o-", "prompt, 16 bit"), (4, "prompt"): (BLUE, "s--", "prompt, 4 bit"),
         (16, "token"): (RED, "o-", "token, 16 bit"), (4, "token"): (RED, "s--", "token, 4 bit")}


def recorded(name=RUN):
    """{(bits, tokens of the prompt, ranks): row} of a recorded run, batch 1."""
    rows = measured_result(name, ("ranks",))["rows"]
    return {(row["bits"], row["context"], row["ranks"]): row for row in rows if row["batch"] == 1}


def times_as_fast(rows, what, bits, context):
    """One GPU's time over that of two, both medians: 2 where two are twice as fast, below 1 where they are slower.

    what: "prompt" or "token".
    """
    one, two = (rows[bits, context, ranks][f"{what}_ms"]["median"] for ranks in (1, 2))
    return one / two


def draw_recorded(rows) -> Picture:
    """How many times as fast two GPUs are, over the length of the prompt."""
    contexts = sorted({context for _, context, _ in rows})
    fig, ax = figure()
    for (bits, what), (colour, style, label) in LINES.items():
        values = [times_as_fast(rows, what, bits, context) for context in contexts]
        ax.plot(contexts, values, style, color=colour, label=label)
    ax.axhline(1, color=GREY, linewidth=1)
    ax.text(contexts[-1], 1.03, "as fast as one", color=INK, ha="right", va="bottom", fontsize=9)
    ax.set_xscale("log", base=2)
    ax.set_xticks(contexts)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set(xlabel="tokens of the prompt", ylabel="one GPU's time ÷ that of two", ylim=(0, 2.1),
           title="Two GPUs read long prompts faster, and write tokens more slowly")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    longest = contexts[-1]
    said = {key: times_as_fast(rows, key[1], key[0], longest) for key in LINES}
    return Picture(fig, f"After a prompt of {longest:,} tokens: prompt {said[16, 'prompt']:.2f} (16 bit) and "
                   f"{said[4, 'prompt']:.2f} (4 bit) times as fast as one GPU, token {said[16, 'token']:.2f} and "
                   f"{said[4, 'token']:.2f} times.",
                   alt="Four lines over the length of the prompt. Those of prompts end above 1, those of tokens stay "
                   "near one half.")
