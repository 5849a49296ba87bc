"""An answer as HTML: its tokens, each with its surprise as a bar, and for the chosen one what could have come instead.

Nothing in it needs a kernel: a token is the label of a radio button, and answer.css shows the table of the chosen one.
If styles are lost (GitHub, a page that is not trusted), the text stays, and all tables in a list that can be opened.
With live=True there are also buttons, whose clicks inspector.js sends to the kernel.
"""
from html import escape
from pathlib import Path

from mistral_edu.lab.looking.answer_tree import describe
from mistral_edu.lab.showing.visible import rounded, visible
from mistral_edu.language import N_, _

HIGHEST = 5.0               # nats: from here on a bar is as high as bars get
STYLE = Path(__file__).with_name("answer.css").read_text(encoding="utf-8")
LEGEND = N_("Surprise, −ln p in nats, is the height of the bar below a token, and the strength of its colour.")
HOW = {False: N_("Click on a token, or press Tab and then arrow keys: below stands what could have come in its place."),
       True: N_("Click on a token, or press Tab and then arrow keys. Below stands what could have come in its place: "
                "click on it, or press Tab and Enter, and the answer goes on from there.")}
# JupyterLab takes letters, arrows and Enter as its own commands; with Ctrl or Shift they remain so.
KEYS = escape("""if (!event.ctrlKey && !event.metaKey && !event.shiftKey
  && (event.key.length === 1 || event.key === 'Enter' || event.key.startsWith('Arrow'))) event.stopPropagation()""")


def still_page(answer) -> str:
    """The whole of it for a page without a kernel, with its style."""
    return (f'<div class="mistral-answer still">\n<style>\n{STYLE}</style>\n{_texts(answer)}\n'
            f"<details><summary>{_('Token by token')}</summary>\n{_form(answer, live=False)}\n</details>\n</div>")


def live_page(answer) -> str:
    """The inside of the widget, which brings its own style."""
    return f'<div data-answer="{answer.number}">\n{_texts(answer)}\n{_form(answer, live=True)}\n</div>'


def first_chosen(answer) -> int:
    """The step that is open at first: where the answer left another one, otherwise the most surprising one."""
    costs = [round(step.surprise, 2) for step in answer.steps]      # rounded: the same step on every machine
    return costs.index(max(costs)) if answer.at is None else answer.at


def _texts(answer):
    prompt = answer.writer.tokenizer.decode(answer.writer.prompt_ids, skip_special=False)
    shown = prompt.rstrip() + visible(prompt[len(prompt.rstrip()):].encode())  # a space at its end can be the point
    return (f'<p class="prompt"><b>{_("Prompt")}</b> <span>{escape(shown)}</span></p>\n'
            f'<p class="text"><b>{_("Answer")}</b> <span>{escape(answer.text)}</span></p>\n'
            f'<p class="facts">{escape(answer.facts)}.</p>')


def _form(answer, live):
    chosen = first_chosen(answer)
    tokens = "\n".join(_token(step, n, n == chosen, live) for n, step in enumerate(answer.steps))
    return (f'<form onsubmit="return false" onkeydown="{KEYS}">\n'
            f'<p class="legend">{_(LEGEND)} {_samples()}</p>\n<p class="how">{_(HOW[live])}</p>\n'
            f'<div class="tokens" role="radiogroup" aria-label="{_("Tokens of the answer")}">\n{tokens}\n</div>\n'
            f"{_branches(answer, live)}</form>")


def _samples():
    """The legend's bars, for those who see them."""
    samples = [(0, _("0 nats")), (1, "1"), (2.5, "2.5"), (HIGHEST, _("{highest:g} and more", highest=HIGHEST))]
    tokens = " ".join(f'<span class="token" style="--s:{surprise / HIGHEST:g}"><b>{words}</b></span>'
                      for surprise, words in samples)
    return f'<span class="samples" aria-hidden="true">{tokens}</span>'


def _token(step, n, chosen, live):
    """A token with its bar, followed by the table of its step."""
    told = _("step {n}: {token}, probability {probability}, surprise {surprise:.2f} nats", n=n, token=step.visible,
             probability=rounded(step.probability), surprise=step.surprise)
    height = round(min(step.surprise / HIGHEST, 1.0), 2)
    rows = "".join(_row(row, number, step, n, live) for number, row in enumerate(step.alternatives)
                   if live or row.token == step.token or row.probability >= 0.005)
    return (f'<label class="token" style="--s:{height:g}"><input type="radio" name="token" hidden="hidden" '
            f'aria-label="{escape(told)}"{" checked" * chosen}><b>{escape(step.visible)}</b></label>'
            f'<div class="told"><table><caption>{escape(told)}</caption>{rows}</table></div>'
            + '<span class="turn"></span>' * ("↵" in step.visible))


def _row(row, number, step, n, live):
    taken = row.token == step.token
    name, probability = escape(row.visible), escape(rounded(row.probability))
    if live and not taken:
        told = _("go on with {token} {probability}", token=name, probability=probability)
        name = f'<button type="button" data-step="{n}" data-row="{number}" aria-label="{told}">{name}</button>'
    return (f'<tr{" class=taken" * taken}><th scope="row">{name}</th><td>{probability}</td>'
            f'<td>{_("✓ taken") * taken}</td><td class="bar"><i style="--p:{row.probability:.2f}"></i></td></tr>')


def _branches(answer, live):
    """All answers to the prompt so far, if there are more than this one."""
    if len(answer.branches) == 1:
        return ""
    items = []
    for other in answer.branches:
        number, here = other.number, other is answer
        words = f"{number}: {escape(describe(other))}" + f" {_('(shown above)')}" * here
        if live:
            words = f'<button type="button" data-answer="{number}"{" aria-current=true" * here}>{words}</button>'
        items.append(f'<li style="--depth:{other.depth}">{words}</li>')
    return (f'<p class="how">{_("All answers to this prompt, by their numbers:")}</p>\n'
            f'<ul class="branches">{"".join(items)}</ul>\n')
