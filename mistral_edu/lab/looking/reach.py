"""What in a text can still make a difference to the next token: in the window, through the layers, or not at all.

Each layer looks W - 1 places back, so n_layers of them reach n_layers * (W - 1) places: the rule of notebook 08. That
is what is possible. How much each token matters is measured by exchanging it.
"""
import mlx.core as mx
import numpy as np

from mistral_edu.lab.looking.tokens import HATCH, draw_tokens, tokens_of
from mistral_edu.lab.showing.figures import Picture
from mistral_edu.language import N_, _, ngettext
from mistral_edu.palette import PALE, PALE_ORANGE, SKY
from mistral_edu.tokenizer import Tokenizer
from mistral_edu.transformer import Model

IN_WINDOW, THROUGH_LAYERS, OUT_OF_REACH = N_("in the window"), N_("through the layers"), N_("out of reach")
LOOKS = {IN_WINDOW: (SKY, "", False), THROUGH_LAYERS: (PALE_ORANGE, "", False), OUT_OF_REACH: (PALE, HATCH, False)}
LONGEST = 400                   # a text with more tokens is drawn without its words


def reach_view(text_or_ids: str | list[dict] | list[int], model: Model, tokenizer: Tokenizer, exchanges: int = 4,
               raw: bool = False) -> Picture:
    """Which tokens the next token can depend on, and how: a Picture, which also works under explore.

    text_or_ids: as in attention_view. exchanges: how many tokens of each region, including its ends, are exchanged for
    another one, to measure the largest change of a logit; the number is written below the token. Each costs a pass
    through the model; 0 for none.
    """
    ids, labels = tokens_of(text_or_ids, model, tokenizer, raw)
    found = regions(len(ids), model.config)
    tried = {n for places in found.values() for n in spread(places, exchanges)}
    change = exchanged(model, ids, sorted(tried))
    looks = [LOOKS[next(name for name, places in found.items() if n in places)] for n in range(len(ids))]
    below = [number(change[n]) if n in change else "" for n in range(len(ids))]
    edges = [found[name].start for name in (IN_WINDOW, THROUGH_LAYERS) if found[name].start > 0 and found[name]]
    fig = draw_tokens(labels if len(ids) <= LONGEST else [""] * len(ids), [look[0] for look in looks],
                      [look[1] for look in looks], below, {len(ids) - 1}, title(found),
                      {_(name): LOOKS[name] for name in found if found[name]}, _("change of a logit"), edges)
    caption = f"{told(len(ids), found, model.config)} {measured(found, change)}".strip()
    alt = _("The text as boxes, one per token, with a pattern for each region. {caption}", caption=caption)
    return Picture(fig, caption, alt)


def regions(n, config) -> dict:
    """The places of n tokens by how they can reach the next token: {IN_WINDOW: range, ...}.

    >>> from mistral_edu import load_config
    >>> regions(1020, load_config("tiny"))                  # 8 layers, a window of 128
    {'in the window': range(892, 1020), 'through the layers': range(3, 892), 'out of reach': range(0, 3)}
    """
    last, window = n - 1, config.window_size or n
    in_window = max(0, last - (window - 1))
    reached = max(0, last - config.n_layers * (window - 1))
    return {IN_WINDOW: range(in_window, n), THROUGH_LAYERS: range(reached, in_window), OUT_OF_REACH: range(reached)}


def spread(places, most) -> list[int]:
    """Up to `most` of these places, including both ends.

    >>> spread(range(10, 20), 3), spread(range(0), 3), spread(range(5, 7), 4)
    ([10, 14, 19], [], [5, 6])
    """
    chosen = np.linspace(0, len(places) - 1, min(most, len(places))).astype(int)
    return [places[n] for n in chosen.tolist()]


def exchanged(model, ids, places) -> dict:
    """{place: the largest change of a logit for the next token when the token there is exchanged for another}.

    The other one is the next in the text that differs, so that the text still consists of such words. All passes have
    the same length: without a path, a number is computed from the same numbers as before and stays exactly the same.
    """
    before = last_logits(model, ids)                                        # (vocab_size,)
    change = {}
    for n in places:
        other = next((id for id in ids[n + 1:] + ids if id != ids[n]), (ids[n] + 1) % model.config.vocab_size)
        change[n] = mx.abs(last_logits(model, [*ids[:n], other, *ids[n + 1:]]) - before).max().item()
    return change


def last_logits(model, ids):
    """The logits for the token after ids: (vocab_size,) fp32."""
    return model(mx.array([ids]), last_only=True)[0, -1].astype(mx.float32)


def title(found) -> str:
    """How many tokens there are of each kind."""
    n = len(found[IN_WINDOW])
    if not found[THROUGH_LAYERS] and not found[OUT_OF_REACH]:
        return ngettext("The one token is in the window", "All {n} tokens are in the window", n)
    rest = [f", {len(found[name])} {_(name)}" for name in (THROUGH_LAYERS, OUT_OF_REACH) if found[name]]
    return ngettext("{n} token in the window", "{n} tokens in the window", n) + "".join(rest)


def told(n, found, config) -> str:
    """A sentence on how far the window and the layers reach."""
    window, layers = config.window_size, config.n_layers
    if window is None:
        return _("There is no window: each of the {n} tokens is seen directly.", n=n)
    far = layers * (window - 1)
    said = _("A window of {window} in {layers} layers reaches {layers} x {back} = {far:,} places back.", window=window,
             layers=layers, back=window - 1, far=far)
    if n - 1 <= far:
        return f"{said} " + _("The text begins {back} places back, so nothing is out of reach.", back=n - 1)
    return f"{said} " + _("The first {hidden} of {n} tokens are out of reach.", hidden=len(found[OUT_OF_REACH]), n=n)


def measured(found, change) -> str:
    """A sentence on what the exchanges changed, by region."""
    said = []
    for name, places in found.items():
        changes = [change[n] for n in places if n in change]
        if changes:
            largest = max(changes)
            size = _("0 exactly") if largest == 0 else f"{largest:.1f}" if largest >= 0.05 else _("less than 0.05")
            said.append(f"{_(name)} {size}")
    return _("One token exchanged changes a logit by up to: {said}.", said=", ".join(said)) if said else ""


def number(change) -> str:
    """A change in a few characters.

    >>> number(12.345), number(0.0004), number(0.0)
    ('12.3', '4e-04', '0')
    """
    return "0" if change == 0 else f"{change:.1f}" if change >= 0.05 else f"{change:.0e}"
