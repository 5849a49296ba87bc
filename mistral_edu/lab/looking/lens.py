"""The logit lens over one token: what the output layer would say after each layer, and when the answer appears.

Source: nostalgebraist 2020, "interpreting GPT: the logit lens"; notebook 10 builds it.
"""
import mlx.core as mx
import numpy as np

from mistral_edu.lab.experiments.inside import walk
from mistral_edu.lab.experiments.inside.recording import unembed
from mistral_edu.lab.looking.attention import quoted
from mistral_edu.lab.looking.tokens import place_of, tokens_of
from mistral_edu.lab.showing.figures import Picture, figure
from mistral_edu.lab.showing.pieces import label
from mistral_edu.language import _, ngettext
from mistral_edu.palette import BLACK, BLUE, PALE, SKY
from mistral_edu.tokenizer import Tokenizer
from mistral_edu.transformer import Model

LONGEST = 14                # characters of a token that fit into its field
LEAST = 0.01                # smaller probabilities are not in the caption


def lens_view(text_or_ids: str | list[dict] | list[int], model: Model, tokenizer: Tokenizer,
              position: int | None = None, best: int = 3, raw: bool = False) -> Picture:
    """What a model would say next after each of its layers: a Picture, which also works under explore.

    text_or_ids: as in attention_view. position: the token after which the next one is looked for; None for the last.
    A row for each number of layers: the `best` likeliest tokens, and on the right the probability of the token that
    came in the end: the next one of the text, or after its last token the model's own choice.
    """
    ids, labels = tokens_of(text_or_ids, model, tokenizer, raw)
    at = place_of(position, len(ids))
    if not 1 <= best <= 6:
        raise ValueError(f"best is how many tokens a row shows, 1 to 6; got {best}")
    chances = lens_of(model, ids, at)                                       # (n_layers + 1, vocab_size)
    came = ids[at + 1] if at + 1 < len(ids) else int(chances[-1].argmax())
    name = lambda id: label(tokenizer.token_bytes(id)) if id < tokenizer.n_ids else f"id {id}"
    top = np.argsort(-chances, axis=1, kind="stable")[:, :best]             # (n_layers + 1, best)
    led = leads_from(chances, came)
    fig, (left, right) = figure(height=1.1 + 0.27 * len(chances), columns=2, width_ratios=(best, 1.4))
    _fields(left, chances, top, came, name)
    _bars(right, chances[:, came], name(came))
    fig.suptitle(title(quoted(labels, at), name(came), led), x=0.01, ha="left", fontsize=11.5, fontweight="bold",
                 parse_math=False)
    last = ", ".join(_("“{token}” {chance:.2f}", token=name(id), chance=chances[-1, id]) for id in top[-1].tolist()
                     if chances[-1, id] >= LEAST or id == top[-1, 0])
    caption = _("After {token} came “{came}”. Its probability after 0 to {n} layers: {chances}. After the last: "
                "{last}.", token=quoted(labels, at), came=name(came), n=len(chances) - 1, last=last,
                chances=" ".join(f"{chance:.2f}" for chance in chances[:, came]))
    return Picture(fig, caption, _("The likeliest next tokens after each layer. {caption}", caption=caption))


def lens_of(model, ids, position):
    """What the output layer would say after each layer at one position: probabilities (n_layers + 1, vocab_size), fp32.

    Like inside.logit_lens, which does this for all positions at once and so takes much memory for a large model.
    """
    stream = [array[0, position] for part, _, array in walk(model, ids) if part in ("embedding", "stream")]
    logits = unembed(model, model.model.norm(mx.stack(stream[::2])))        # the stream between layers, not within
    return np.array(mx.softmax(logits.astype(mx.float32), axis=-1))


def leads_from(chances, token):
    """The number of layers after which this token stays the likeliest; None if it is not the likeliest in the end.

    >>> leads_from(np.array([[0.6, 0.4], [0.3, 0.7], [0.6, 0.4], [0.2, 0.8]]), 1)
    3
    """
    other = np.nonzero(chances.argmax(axis=1) != token)[0]
    first = int(other[-1]) + 1 if len(other) else 0
    return first if first < len(chances) else None


def title(token, came, led) -> str:
    """From how many layers on what came leads: led, as of leads_from."""
    if led is None:
        return _("After {token}: “{came}” does not lead in the end", token=token, came=came)
    return ngettext("After {token}: “{came}” leads once {n} layer has run",
                    "After {token}: “{came}” leads once {n} layers have run", led, token=token, came=came)


def _fields(ax, chances, top, came, name):
    """The likeliest tokens of each row, each in a field filled in proportion to its probability; bold: what came."""
    for (row, column), id in np.ndenumerate(top):
        share, text = chances[row, id], name(int(id))
        ax.barh(row, 0.94, 0.8, left=column, color=PALE)
        ax.barh(row, 0.94 * share, 0.8, left=column, color=SKY)
        text = text if len(text) <= LONGEST else text[:LONGEST - 1] + "…"
        weight = "bold" if id == came else "normal"
        ax.text(column + 0.03, row, text, va="center", fontsize=9, fontweight=weight, parse_math=False)
        ax.text(column + 0.91, row, f"{share:.2f}", va="center", ha="right", fontsize=9, fontweight=weight)
    ax.set(xlim=(0, top.shape[1]), ylim=(len(top) - 0.4, -0.6), xticks=[], yticks=range(len(top)),
           ylabel=_("layers that have run"), xlabel=_("the likeliest tokens (bold: what came)"))
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def _bars(ax, shares, came):
    """The probability of what came, layer by layer."""
    ax.barh(range(len(shares)), shares, 0.8, color=BLUE)
    for row, share in enumerate(shares):
        outside = share < 0.7
        ax.text(share + (0.03 if outside else -0.03), row, f"{share:.2f}", va="center", fontsize=9,
                ha="left" if outside else "right", color=BLACK if outside else "white")
    ax.set(xlim=(0, 1), ylim=(len(shares) - 0.4, -0.6), yticks=[])
    ax.set_xlabel(_("probability of “{came}”", came=came), parse_math=False)
