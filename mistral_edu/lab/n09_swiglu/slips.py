"""What goes wrong in the exercises of notebook 09: (wrong function, what to tell its author) pairs."""
import mlx.core as mx
import mlx.nn as nn
import numpy as np

from mistral_edu.feed_forward import silu


def _made(act=silu, gate_in="gate", up_in="up", join=lambda a, b: a * b, outside=None, end=None, turn="gate up down"):
    """A feed-forward with something wrong: the activation, which weight is which, how they meet, what is turned."""
    def feed_forward(x, gate, up, down):
        weights = {"gate": gate, "up": up, "down": down}
        weights = {name: w.T if name in turn.split() else w for name, w in weights.items()}
        gated = join(act(x @ weights[gate_in]), x @ weights[up_in])
        gated = outside(gated) if outside else gated
        result = gated @ weights["down"]
        return end(result) if end else result
    return feed_forward


def _no_down(act=silu):
    return lambda x, gate, up, down: act(x @ gate.T) * (x @ up.T)


def _columns(x, gate, up, down):
    return down @ (silu(gate @ x.T) * (up @ x.T))


def _silu_of_x(x, gate, up, down):
    return ((silu(x) @ gate.T) * (x @ up.T)) @ down.T


def _down_before(x, gate, up, down):
    return (silu(x @ gate.T) @ down.T) * ((x @ up.T) @ down.T)


def _no_brackets(x, gate, up, down):
    return silu(x @ gate.T) * x @ up.T @ down.T


def _brackets_at_the_end_missing(x, gate, up, down):
    return silu(x @ gate.T) * (x @ up.T @ down.T)


def _by_units(x, gate, up, down):
    total = np.zeros(len(x))
    for unit in range(len(gate)):
        g, u = gate[unit] @ x, up[unit] @ x
        total += g / (1 + np.exp(-g)) * u * down[:, unit]
    return total


def _matrix_product(x, gate, up, down):
    return (silu(x @ gate.T) @ (x @ up.T)) @ down.T


def same(z):
    return z


EXCHANGED = "gate and up are exchanged: silu belongs around what gate gives"
OUTSIDE = "silu is around the product; it belongs around the gate alone, before up is multiplied in"
SIGMOID = "that is the sigmoid alone; silu(z) is z * sigmoid(z), and silu is defined on the page"
TURNED = "a weight has the shape (out, in), so x meets its transpose: x @ gate.T, x @ up.T, gated @ down.T"
FORGOTTEN = "down is missing: the units' numbers have to go back to rows of dim numbers, @ down.T"
FEED_FORWARD_SLIPS = (
    (_made(gate_in="up", up_in="gate"), EXCHANGED),
    (_made(act=same, outside=silu), OUTSIDE),
    (_made(act=mx.sigmoid), SIGMOID),
    (_made(turn=""), TURNED),
    (_made(turn="gate up"), "down needs .T as well: its shape is (dim, hidden_dim), a row per number that comes out"),
    (_made(turn="down"), "gate and up need .T as well: they have the shape (hidden_dim, dim)"),
    (_no_down(), FORGOTTEN),
    (_no_down(mx.sigmoid), f"two things: {FORGOTTEN}. And {SIGMOID}"),
    (_made(act=same), "silu is missing: it goes around what gate gives"),
    (_made(act=nn.relu), "that is ReLU; Mistral's gate is silu"),
    (_made(act=nn.gelu), "that is GELU; Mistral's gate is silu"),
    (_made(join=lambda a, b: a + b), "gate and up are added; the gate multiplies"),
    (_made(join=lambda a, b: a), "up is missing: what the gate lets pass is x @ up.T"),
    (_made(join=lambda a, b: b), "the gate is missing: silu(x @ gate.T) multiplies what up gives"),
    (_made(join=lambda a, b: a * silu(b)), "silu is around both; up is multiplied in as it is"),
    (_made(act=same, end=silu), "silu comes last; it belongs around the gate, before up is multiplied in"),
    (_silu_of_x, "silu is taken of x; it belongs around x @ gate.T"),
    (_down_before, "down is applied twice, before the product; first the product, then down, once"),
    (_no_brackets,
     "* and @ go from left to right, so silu(...) meets x before x meets up: put brackets around x @ up.T"),
    (_brackets_at_the_end_missing, "down is applied to up alone; first the product of gate and up, in brackets, then "
                                   "@ down.T"),
    (lambda x, gate, up, down: x + _made()(x, gate, up, down),
     "x is added to the result; the block does that, in notebook 10. A feed-forward returns its own part alone"),
    (_by_units, "by_units takes one row and loops over the units; write it for all rows at once, with x @ gate.T"),
    (lambda x, gate, up, down: _columns(x, gate, up, down).T,
     "that is made for x as a column, and .T reverses all axes; here every token is a row: x @ gate.T"),
    (lambda x, gate, up, down: (silu(x @ gate.T), x @ up.T),
     "gate and up still have to be multiplied, and brought back by @ down.T"),
    (_made(act=nn.gelu, gate_in="up", up_in="gate"),
     f"two things: {EXCHANGED}. And that is GELU; Mistral's gate is silu"),
    (_matrix_product, "gate and up meet number by number, with *; the sign @ is for matrices"),
    (_columns, "that is made for x as a column; here every token is a row, so the order is x @ gate.T"),
    (_made(act=mx.sigmoid, gate_in="up", up_in="gate"), f"two things: {EXCHANGED}. And {SIGMOID}"),
    (_made(act=same, outside=mx.sigmoid), f"two things: {OUTSIDE}. And {SIGMOID}"),
    (_made(turn="", gate_in="up", up_in="gate"), f"two things: {TURNED}. And {EXCHANGED}"),
    (_made(turn="", act=mx.sigmoid), f"two things: {TURNED}. And {SIGMOID}"),
)


def _units(gate, up, down):
    """Two gated units with these weights."""
    gate, up, down = (mx.array(weight).astype(mx.float32) for weight in (gate, up, down))
    return lambda rows: (silu(rows @ gate.T) * (rows @ up.T)) @ down.T


X, Y, MINUS_X, MINUS_Y, NOTHING = [1, 0], [0, 1], [-1, 0], [0, -1], [0, 0]
ADDED = "the two units are added, silu(x) y + silu(-x) y. One of them has to count negative: one sign, in up or in down"
ALONE = "that is silu(x) y alone. What silu takes away from x, a second unit can give back: its gate finds -x"
CROSSED = "Both gates should ask for one and the same number: the first for x, the second for -x"
PRODUCT_SLIPS = (
    (_units([X, MINUS_X], [Y, Y], [[1, 1]]), ADDED),
    (lambda rows: (silu(rows @ [X].T)), "lists have no .T: wrap each of the three in mx.array(...)"),
    (_units([X, X], [Y, Y], [[1, -1]]),                               # or written in columns: [[1, -1], [0, 0]], ...
     "the two units cancel, or find nothing. The first gate should find x, the second -x; and a unit is a row of gate "
     "and a row of up, not a column"),
    (_units([X, X], [Y, Y], [[1, 1]]), "that is silu(x) y twice. Let the second gate find -x, and subtract its unit"),
    (_units([X, NOTHING], [Y, NOTHING], [[1, 0]]), ALONE),
    (_units([X, MINUS_X], [X, X], [[1, -1]]), "that is x * x: up should give y in both units"),
    (_units([Y, MINUS_Y], [Y, Y], [[1, -1]]), "that is y * y: the gates should find x and -x"),
    (_units([X, MINUS_X], [Y, Y], [[0.5, -0.5]]), "that is half of x * y"),
    (_units([[2, 0], [-2, 0]], [Y, Y], [[1, -1]]),
     "that is twice x * y: the gates should find x and -x, [1, 0] and [-1, 0]"),
    (_units([X, MINUS_X], [Y, Y], [[-1, 1]]), "that is -x * y: exchange the signs in down"),
    (_units([X, Y], [Y, X], [[1, 1]]), f"that is silu(x) y + silu(y) x. {CROSSED}"),
    (_units([X, Y], [Y, X], [[1, -1]]), f"that is silu(x) y - silu(y) x. {CROSSED}"),
    (_units([X, Y], [Y, X], [[0.5, 0.5]]), f"that is half of silu(x) y + silu(y) x. {CROSSED}"),
    (_units([X, Y], [X, Y], [[1, 1]]), f"that is silu(x) x + silu(y) y. {CROSSED}; and both ups for y"),
    (_units([X, MINUS_X], [X, Y], [[1, -1]]), "the first up finds x; both ups should find y"),
    (_units([X, MINUS_X], [Y, X], [[1, -1]]), "the second up finds x; both ups should find y"),
    (_units([[1, 1], [-1, -1]], [[1, 1], [1, 1]], [[1, -1]]),
     "that is the square of x + y: a row of gate should pick x alone, [1, 0], and a row of up y alone, [0, 1]"),
    (_units([[1, 1], [-1, -1]], [Y, Y], [[1, -1]]),
     "that is (x + y) y: a row of gate should pick x alone, [1, 0] and [-1, 0]"),
    (_units([X, MINUS_X], [[1, 1], [1, 1]], [[1, -1]]), "that is x (x + y): a row of up should pick y alone, [0, 1]"),
    (_units([[1, -1], [0, 0]], [Y, Y], [[1, -1]]),
     "the two numbers in a row of gate belong to x and y; the second unit has a row of its own, the one below"),
    (_units([X, MINUS_X], [Y, Y], [1, -1]), "down needs the shape (1, 2): one row, [[1, -1]], with two brackets"),
    (_units([X, MINUS_X], [Y, Y], [[1], [-1]]), "down has the shape (2, 1); a weight is (out, in), so here (1, 2)"),
)
