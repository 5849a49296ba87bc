"""What one head looks at: its attention weights, drawn over the text."""
import mlx.core as mx
import numpy as np
from matplotlib.colors import to_rgb

from mistral_edu.lab.experiments.inside import walk
from mistral_edu.lab.experiments.inside.changes import check_place
from mistral_edu.lab.experiments.inside.recording import attention_weights
from mistral_edu.lab.looking.tokens import HATCH, draw_tokens, place_of, tokens_of
from mistral_edu.lab.showing.figures import Picture
from mistral_edu.language import _
from mistral_edu.palette import PALE, SKY
from mistral_edu.tokenizer import Tokenizer
from mistral_edu.transformer import Model

MOST, LEAST = 10, 0.01      # how many weights are written below their tokens, and from which size on


def attention_view(text_or_ids: str | list[dict] | list[int], model: Model, tokenizer: Tokenizer, layer: int, head: int,
                   position: int | None = None, raw: bool = False) -> Picture:
    """How one head of one layer spreads its attention over a text: a Picture, which also works under explore.

    text_or_ids: a string, messages or ids, as in stream_generate; messages that end in an answer, or the ids of a
    prompt and its answer, show both. layer, head: counted from 0. position: the token that looks; None for the last.
    The darker a token, the more it gets; the largest weights are written below their tokens. Hatched tokens get
    nothing: those left of the red line are outside the window in this layer, and those after the token that looks come
    later. Raises ValueError for a layer, a head or a position that does not exist.
    """
    ids, labels = tokens_of(text_or_ids, model, tokenizer, raw)
    check_place(model, layer, head)
    at = place_of(position, len(ids))
    weights = weights_of(model, ids, layer, head, at)
    window = model.config.window_size
    start = 0 if window is None else max(0, at - window + 1)
    order = np.argsort(-weights, kind="stable")[:MOST].tolist()
    below = [f"{weight:.2f}" if n in order and weight >= LEAST else "" for n, weight in enumerate(weights)]
    in_sight = [start <= n <= at for n in range(len(ids))]
    most = order[0]
    fig = draw_tokens(
        labels, [shade(weight / weights[most]) if seen else PALE for weight, seen in zip(weights, in_sight)],
        ["" if seen else HATCH for seen in in_sight], below, {at},
        _("Layer {layer} head {head}: {token} looks most at {most}, {weight:.2f}", layer=layer, head=head,
          token=quoted(labels, at), most=quoted(labels, most), weight=weights[most]),
        {_("darker: gets more"): (shade(1), "", False), _("the token that looks"): ("white", "", True),
         _("hidden from it"): (PALE, HATCH, False)}, _("weight"), [start] if start else [])
    two = "; ".join(_("{weight:.2f} to {token}", weight=weights[n], token=quoted(labels, n)) for n in order[:2])
    caption = _("Layer {layer} head {head}, from {token}: {two}. What it gives to what is in sight (tokens {start} to "
                "{at}) adds up to {total:.2f}. {window}", layer=layer, head=head, token=quoted(labels, at), two=two,
                start=start, at=at, total=weights[start:at + 1].sum(),
                window=of_the_window(labels, weights, window, start))
    return Picture(fig, caption, _("The text as boxes, one per token, shaded by attention. {caption}", caption=caption))


def weights_of(model, ids, layer, head, position):
    """The weights (L,) that the token at `position` gives to each of ids, in one head: fp32.

    They are 0 where it may not look. The forward pass goes only as far as this layer.
    """
    for part, n, array in walk(model, ids):
        if n == layer and part == "rotation of the queries":
            q = array.astype(mx.float32)                                    # (1, n_heads, L, head_dim)
        if n == layer and part == "rotation of the keys":
            k = array.astype(mx.float32)                                    # (1, n_kv_heads, L, head_dim)
            break
    mask = model.model.make_mask(len(ids))
    return np.array(attention_weights(model.layers[layer].self_attn, q, k, mask)[head, position])


def of_the_window(labels, weights, window, start) -> str:
    """A sentence on what the window hides."""
    if window is None:
        return _("There is no window: nothing before is hidden.")
    if not start:
        return _("The window of {window} reaches to the first token.", window=window)
    hidden = weights[:start].sum() + 0.0
    return _("The window of {window} begins at {token}; what stands before gets {hidden:g}.", window=window,
             token=quoted(labels, start), hidden=hidden)


def quoted(labels, n) -> str:
    """A token with its position."""
    return _("“{token}” ({n})", token=labels[n], n=n)


def shade(share):
    """White for 0, blue for 1; dark letters are readable on both."""
    return tuple(1 - share * (1 - channel) for channel in to_rgb(SKY))
