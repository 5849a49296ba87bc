"""What goes wrong in the exercises of notebook 19: (wrong function, what to tell its author) pairs."""
import mlx.core as mx

from mistral_edu.feed_forward import silu


def own(length, rank, size):
    """The run of a rank among so many."""
    n = length // size
    return slice(rank * n, (rank + 1) * n)


def _whole(x, gate, up, down):
    return (silu(x @ gate.T) * (x @ up.T)) @ down.T


def _term(act=silu, join=lambda gated, raised: gated * raised, run=own, down_run=None):
    """term with another activation, another product, or other units."""
    def wrong(x, gate, up, down, rank, size):
        mine = run(gate.shape[0], rank, size)
        theirs = (down_run or run)(gate.shape[0], rank, size)
        return join(act(x @ gate[mine].T), x @ up[mine].T) @ down[:, theirs].T
    return wrong


def _cut(gate_rows=True, up_rows=True, down_columns=True):
    """term with one of the matrices whole."""
    def wrong(x, gate, up, down, rank, size):
        mine = own(gate.shape[0], rank, size)
        gate, up = gate[mine] if gate_rows else gate, up[mine] if up_rows else up
        return (silu(x @ gate.T) * (x @ up.T)) @ (down[:, mine] if down_columns else down).T
    return wrong


def down_by_rows(x, gate, up, down, rank, size):
    mine = own(gate.shape[0], rank, size)
    return (silu(x @ gate[mine].T) * (x @ up[mine].T)) @ down[mine].T


def not_transposed(x, gate, up, down, rank, size):
    return x @ gate[own(gate.shape[0], rank, size)]


def down_by_its_own_rows(x, gate, up, down, rank, size):
    return _whole(x, gate, up, down[own(down.shape[0], rank, size)])


def inputs_cut(x, gate, up, down, rank, size):
    mine = own(x.shape[1], rank, size)
    return (silu(x[:, mine] @ gate[:, mine].T) * (x[:, mine] @ up[:, mine].T)) @ down.T


def no_down(x, gate, up, down, rank, size):
    mine = own(gate.shape[0], rank, size)
    return silu(x @ gate[mine].T) * (x @ up[mine].T)


def by_dim(x, gate, up, down, rank, size):
    return _term(run=lambda length, rank, size: own(x.shape[1], rank, size))(x, gate, up, down, rank, size)


def halves(length, rank, size):
    return slice(rank * (length / size), (rank + 1) * (length / size))


def interleaved(length, rank, size):
    return slice(rank, None, size)


def by_rank(length, rank, size):
    return slice(rank * size, (rank + 1) * size)


def from_rank(length, rank, size):
    return slice(rank, rank + length // size)


def one_unit(length, rank, size):
    return slice(rank, rank + 1)


def from_one(length, rank, size):
    return own(length, rank - 1, size)


def one_less(length, rank, size):
    mine = own(length, rank, size)
    return slice(mine.start, mine.stop - 1)


def next_one(length, rank, size):
    return own(length, (rank + 1) % size, size)


def no_end(length, rank, size):
    return slice(rank * (length // size), None)


def no_start(length, rank, size):
    return slice(None, (rank + 1) * (length // size))


COLUMNS = ("each hidden unit has a column of down, so down is cut by columns, and the part is transposed: "
           "down[:, start:end].T")
START = "the units of a rank start at rank * n, where n = gate.shape[0] // size is how many it has"
BOTH = "of gate and up, one is whole: both need the rows of the rank's own units"
TERM_SLIPS = (
    (lambda x, gate, up, down, rank, size: _whole(x, gate, up, down),
     "that is the whole feed-forward; a rank returns its own term, and the sum over the ranks is the whole"),
    (lambda x, gate, up, down, rank, size: _whole(x, gate, up, down) / size,
     "that is an equal share of the finished result; a rank computes with its own hidden units, and cannot know it"),
    (not_transposed, "x meets the numbers of each row of gate and up, so both parts are transposed: "
                     "x @ gate[start:end].T, and up in the same way"),
    (down_by_rows, COLUMNS),
    (down_by_its_own_rows, "that is a part of the result, from all hidden units; a term has all dim numbers, from the "
                           "rank's own units"),
    (inputs_cut, "the numbers of x are cut here, and silu is taken before the sum over them is whole; cut gate and up "
                 "by rows, and x not at all"),
    (_cut(up_rows=False), BOTH),
    (_cut(gate_rows=False), BOTH),
    (_cut(down_columns=False), COLUMNS),
    (no_down, "down is missing: what the units hold still has to be multiplied by down[:, start:end].T"),
    (_term(run=halves), "a slice needs whole numbers, and / gives a float; // gives a whole number"),
    (by_dim, "the units are counted by gate.shape[0], which is hidden_dim; x.shape[1] is dim"),
    (_term(join=lambda gated, raised: gated), "up is missing: silu(x @ gate.T) * (x @ up.T)"),
    (_term(act=lambda z: z), "silu is missing: silu(x @ gate.T)"),
    (_term(act=mx.sigmoid), "silu(z) is z * sigmoid(z), and silu is imported on this page"),
    (_term(join=lambda gated, raised: gated + raised), "the gate multiplies: silu(x @ gate.T) * (x @ up.T)"),
    (_term(act=lambda z: z, join=lambda gated, raised: gated * silu(raised)),
     "silu belongs to the gate: silu(x @ gate.T) * (x @ up.T)"),
    (_term(act=lambda z: z, join=lambda gated, raised: silu(gated * raised)),
     "silu is taken of the gate alone, before the product: silu(x @ gate.T) * (x @ up.T)"),
    (_term(run=one_unit), "that is a single unit, number rank; a rank has n = gate.shape[0] // size of them, from "
                          "rank * n on"),
    (_term(run=from_one), "ranks are counted from 0: the units of rank 0 start at 0, those of the others at rank * n"),
    (_term(run=interleaved), "every size-th unit would do as well, but the exercise asks for consecutive ones: n units "
                             "from rank * n on"),
    (_term(run=by_rank), START),
    (_term(run=from_rank), START),
    (_term(run=one_less), "one unit is missing: a slice ends before its second number, so that is (rank + 1) * n"),
    (_term(down_run=next_one), "the columns of down are those of another rank"),
    (_term(run=no_end), "the slice runs to the end of the matrix; a rank's units end before (rank + 1) * n"),
    (_term(run=no_start), "the slice begins at 0; a rank's units start at rank * n"),
)


def _latency(gain=lambda n: 1 - 1 / n, per_ms=1000, around=lambda n: 2 * (n - 1) / n, sign=-1, per_sum=True, us=1):
    """largest_latency with one thing or another done otherwise; us: what kb / gb_per_s is multiplied with."""
    def wrong(read_ms, n, sums, kb, gb_per_s):
        saved = per_ms * read_ms * gain(n)
        return (saved / sums if per_sum else saved) + sign * around(n) * us * kb / gb_per_s
    return wrong


FOR_TWO = "that is right for two devices; n may be another number"


def transfer_once(around):
    return lambda read_ms, n, sums, kb, gb: (1000 * read_ms * (1 - 1 / n) - around(n) * kb / gb) / sums


GAIN = "each of n devices still reads for read_ms / n; only the rest, read_ms - read_ms / n, is saved"
AROUND = "in a sum, each device sends 2 (n - 1) / n times its kb kilobytes"
ALREADY = "kb / gb_per_s is already in microseconds: 1e3 bytes / 1e9 bytes a second"
BYTES = "kb and gb_per_s both count bytes, so there is nothing to multiply by 8"
ONCE = "the transfer is paid in each sum: divide what is saved by sums first, then subtract it"
LATENCY_SLIPS = (
    (_latency(around=lambda n: 0), "the transfer is missing: 2 (n - 1) / n * kb / gb_per_s microseconds"),
    (_latency(gain=lambda n: 1), GAIN),
    (_latency(gain=lambda n: 1 / n), f"read_ms / n is what remains to be read. {GAIN[0].upper() + GAIN[1:]}"),
    (_latency(around=lambda n: 1), AROUND),
    (_latency(around=lambda n: (n - 1) / n), f"two rounds, not one: {AROUND}"),
    (_latency(around=lambda n: 2), f"2 is the limit for many devices: {AROUND}"),
    (_latency(around=lambda n: n - 1), f"nobody sends the whole vector to everybody: {AROUND}"),
    (_latency(around=lambda n: 2 * (n - 1)), f"divided by n: {AROUND}"),
    (_latency(sign=1), "the transfer takes some of the time that was saved, so it is subtracted"),
    (_latency(per_ms=1), "read_ms is in milliseconds, and the result in microseconds: 1000 times as many"),
    (_latency(per_ms=1e6), "a millisecond has 1000 microseconds"),
    (_latency(per_ms=1, around=lambda n: 0),
     "two things: the result is asked for in microseconds, a millisecond has 1000; and the transfer is missing"),
    (_latency(gain=lambda n: 1 / 2), FOR_TWO),
    (_latency(gain=lambda n: 1 / 2, around=lambda n: 1), FOR_TWO),
    (_latency(us=1000), ALREADY),
    (_latency(us=1000, around=lambda n: 1), f"two things: {ALREADY}; and {AROUND}"),
    (_latency(us=1e-3), "kb / gb_per_s is in microseconds, not in nanoseconds: 1e3 bytes / 1e9 bytes a second"),
    (_latency(us=8), BYTES),
    (_latency(us=8, around=lambda n: 1), f"two things: {BYTES}; and {AROUND}"),
    (transfer_once(lambda n: 2 * (n - 1) / n), ONCE),
    (transfer_once(lambda n: 1), f"two things: {ONCE}; and {AROUND}"),
    (_latency(per_sum=False), "that is for all sums together; one of them may take 1 / sums of what is saved"),
    (lambda read_ms, n, *link: _latency()(read_ms, n, *link) / (n - 1),
     "a sum has the latency once, however many devices there are: do not divide by n - 1"),
    (lambda *given: max(0, _latency()(*given)),
     "a negative result stays as it is: it says that no latency is small enough, and how much is missing"),
    (lambda *given: _latency()(*given) / 1000, "that is in milliseconds; microseconds are asked for"),
    (lambda *given: _latency()(*given) / 1e6, "that is in seconds; microseconds are asked for"),
    (lambda read_ms, n, sums, kb, gb: 1000 * read_ms * (1 - 1 / n) / (2 * sums) - 2 * (n - 1) / n * kb / gb,
     "sums counts all sums of a token already; there are no two in each of them"),
    (_latency(gain=lambda n: 1, around=lambda n: 0), f"two things: {GAIN}; and the transfer is missing"),
    (_latency(gain=lambda n: 1 / n, around=lambda n: 0), f"two things: {GAIN}; and the transfer, too, takes time"),
    (_latency(gain=lambda n: 1, around=lambda n: 1), f"two things: {GAIN}; and {AROUND}"),
)
