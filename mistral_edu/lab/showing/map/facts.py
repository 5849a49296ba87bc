"""What a box of the map says: a sentence, its formula, its shapes, its parameters and bytes, for one configuration.

Formulas are short HTML (<i>, <sub>, <sup>), so that they read well without styles. L tokens are read in this call, S
are in the cache. Vectors are rows, so a weight is on the right of what it multiplies, as in the library.
"""
from dataclasses import dataclass

from mistral_edu.checkpoints import memory
from mistral_edu.config import MistralConfig
from mistral_edu.language import _

BYTES = 2                              # of a 16-bit number, as in checkpoints


@dataclass(frozen=True)
class Facts:
    """each: parameters of one such part; times: how many the model has. memory: bytes that are not parameters."""
    what: str
    formula: str = ""
    shapes: str = ""
    each: int = 0
    times: int = 1
    memory: str = ""

    @property
    def parameters(self) -> int:
        return self.each * self.times


def facts_of(config: MistralConfig) -> dict:
    """Box key -> Facts."""
    return {**_path(config), **_block(config), **_around(config)}


def _path(c):
    """From text to tokens, and from the last state to the next token."""
    table, L_dim = c.vocab_size * c.dim, f"(L, {c.dim})"
    return {
        "Start here": Facts(_("You ask the model, and meet arrays, lazy evaluation and the device.")),
        "The whole model": Facts(
            _("All parts on one page: a text goes in, a score for each possible next token comes out."),
            "logits = model(tokens)", f"(L) → (L, {c.vocab_size})", c.n_parameters),
        "Text so far": Facts(_("Your prompt, and all that the model has written since.")),
        "Tokens": Facts(_("Text is cut into pieces. Each of the {n:,} that the model knows has a number.",
                          n=c.vocab_size),
                        "tokens = encode(text)", _("text → (L) whole numbers")),
        "Embedding": Facts(_("Each token becomes a vector, its row of a table. So the residual stream begins."),
                           "<i>x</i> = <i>E</i>[token]", f"(L) → {L_dim}", table),
        "RMSNorm after the last block": _norm(c, _("Brings each vector to one size before the scores are made."), 1),
        "Logits": Facts(_("A score for each possible next token: the embedding's table, read the other way round.")
                        if c.tie_embeddings else _("A score for each possible next token."),
            "logits = <i>x W</i>", f"{L_dim} → (L, {c.vocab_size})",
            0 if c.tie_embeddings else table),
        "Sampling": Facts(
            _("One token is drawn by chance; the temperature <i>T</i> makes the odds sharper or flatter."),
            "<i>p</i> = softmax(logits / <i>T</i>)", _("{shape} → one token", shape=f"({c.vocab_size})")),
    }


def _block(c):
    """What every block holds, and the caches beside it."""
    L_dim, heads = f"(L, {c.dim})", f"({c.n_heads}, L, {c.head_dim})"
    keys = f"({c.n_kv_heads}, S, {c.head_dim})"
    attention = c.dim * c.head_dim * (2 * c.n_heads + 2 * c.n_kv_heads)      # q and o, k and v
    feed_forward = 3 * c.dim * c.hidden_dim                                 # gate, up, down
    a_token = c.kv_bytes_per_token(BYTES)
    return {
        "Block, many times over": Facts(
            _("Attention, then a feed-forward layer; each adds to the stream. The model has {n} such blocks.",
              n=c.n_layers),
            "<i>x</i> ← <i>x</i> + attention(norm(<i>x</i>)); <i>x</i> ← <i>x</i> + SwiGLU(norm(<i>x</i>))",
            f"{L_dim} → {L_dim}", attention + feed_forward + 2 * c.dim, c.n_layers),
        "RMSNorm before attention": _norm(c, _("Brings each vector to one size before attention reads it."),
                                          c.n_layers),
        "Attention": Facts(
            _("Each token looks at the tokens before it, and takes from those whose keys fit its query."),
            f"softmax(<i>Q K</i><sup>T</sup> / √{c.head_dim}) <i>V</i>",
            f"Q {heads}; K, V {keys} → {L_dim}", attention, c.n_layers),
        "RoPE": Facts(_("Queries and keys turn with their position; in a score, only the distance is left of that."),
                      _("pair <i>i</i> turns by position · {power}",
                        power=f"{c.rope_theta:,.0f}<sup>−2<i>i</i>/{c.head_dim}</sup>"),
                      f"{heads} → {heads}"),
        "Groups": _groups(c, keys),
        "Window": _window(c),
        "KV cache": Facts(_("Keys and values of earlier tokens are kept, so that each token is computed once."),
                          "K ← [K; <i>k</i>], V ← [V; <i>v</i>]",
                          _("{n} layers of K, V {shape}", n=c.n_layers, shape=keys),
                          memory=_("{size} per token, in 16 bit", size=size(a_token))),
        "Rolling buffer": _buffer(c, a_token),
        "RMSNorm before SwiGLU": _norm(c, _("Brings each vector to one size before SwiGLU reads it."), c.n_layers),
        "SwiGLU": Facts(_("A feed-forward layer, for each token alone: one branch opens or closes the other."),
                        "(silu(<i>x W</i><sub>gate</sub>) ⊙ <i>x W</i><sub>up</sub>) <i>W</i><sub>down</sub>",
                        f"{L_dim} → (L, {c.hidden_dim}) → {L_dim}", feed_forward, c.n_layers),
    }


def _around(c):
    """What is done with a model."""
    read = c.n_parameters - (0 if c.tie_embeddings else c.vocab_size * c.dim)       # of the table, one row
    weights, in_4_bit = memory.need(c, bytes_per_number=BYTES).weights, memory.need(c, bits=4).weights
    return {
        "Quantization": Facts(_("Weights in few bits: small whole numbers, with a scale and a bias for each group."),
                              _("<i>w</i> ≈ scale · <i>q</i> + bias"),
                              memory=_("{small} in 4 bit, {large} in 16 bit", small=size(in_4_bit),
                                       large=size(weights))),
        "Checkpoints": Facts(
            _("Files that hold the weights by name; another program's names and orders are translated."),
            _("name → array"), memory=_("a file of about {size}", size=size(weights))),
        "Training": Facts(_("All weights move a little, many times over, so that the next token surprises less."),
                          _("loss = −log <i>p</i>(next token); <i>w</i> ← <i>w</i> − rate · gradient")),
        "Speed": Facts(_("For each new token nearly all weights are read once, so memory sets the pace."),
                       _("tokens per second ≤ bytes that memory moves per second / bytes read per token"),
                       memory=_("{size} of weights read per token", size=size(read * BYTES))),
        "Prompt lab": Facts(_("How a question has to be written down for the model to answer it."),
                            _("&lt;s&gt;[INST] question [/INST]")),
        "More machines": Facts(_("Each machine holds some of the heads, and what they make is added up."),
                               "<i>y</i> = <i>y</i><sub>1</sub> + <i>y</i><sub>2</sub> + …"),
    }


def _norm(c, what, times):
    shape = f"(L, {c.dim})"
    return Facts(what, "<i>g</i> ⊙ <i>x</i> / √(mean(<i>x</i>²) + ε)", f"{shape} → {shape}", c.dim, times)


def _groups(c, keys):
    if c.n_rep == 1:
        return Facts(_("Each query head has keys and values of its own."), shapes=f"K, V {keys}")
    return Facts(_("{n} query heads share {few} heads of keys and values.", n=c.n_heads, few=c.n_kv_heads),
                 _("query head <i>h</i> reads key head ⌊<i>h</i> / {n}⌋", n=c.n_rep), f"K, V {keys}",
                 memory=_("a cache {times} times smaller than with {n} heads of keys and values", times=c.n_rep,
                          n=c.n_heads))


def _window(c):
    if c.window_size is None:
        return Facts(_("This model has no window: a token sees all before it."),
                     _("<i>i</i> sees <i>j</i> where <i>j</i> ≤ <i>i</i>"), _("mask (L, S)"))
    return Facts(_("A token sees the last {n:,} tokens, itself included.", n=c.window_size),
                 _("<i>i</i> sees <i>j</i> where 0 ≤ <i>i</i> − <i>j</i> &lt; {n:,}", n=c.window_size),
                 _("mask (L, S)"))


def _buffer(c, a_token):
    what = _("A cache that stops growing: a new token takes the place of one outside the window.")
    if c.window_size is None:
        return Facts(what + " " + _("This model has no window, so its cache grows with the text."))
    return Facts(what, _("token <i>p</i> lies in slot <i>p</i> mod {n:,}", n=c.window_size), f"S ≤ {c.window_size:,}",
                 memory=_("at most {size}", size=size(c.window_size * a_token)))


def size(n_bytes) -> str:
    """Bytes in a suitable unit; a kB is 1,000 bytes, as in memory.gb.

    >>> size(512), size(8192), size(15_737_344), size(14_483_464_192)
    ('512 bytes', '8.2 kB', '15.7 MB', '14.5 GB')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= unit:
            return f"{n_bytes / unit:.1f} {name}"
    return _("{n} bytes", n=n_bytes)
