"""What goes wrong in the exercises of notebook 07: (wrong function, what to tell its author) pairs."""
import mlx.core as mx


def _by_index(group_of):
    """repeat_kv that picks a kv head for each query head h by group_of(h, n_rep, n_kv_heads)."""
    def repeat_kv(x, n_rep):
        n_kv_heads = x.shape[1]
        return x[:, mx.array([group_of(h, n_rep, n_kv_heads) for h in range(n_kv_heads * n_rep)])]
    return repeat_kv


def _along(axis):
    return lambda x, n_rep: mx.repeat(x, n_rep, axis=axis)


def _reshaped(x, n_rep):
    B, n_kv_heads, S, head_dim = x.shape
    return x.reshape(B, n_kv_heads * n_rep, S, head_dim)


def _broadcast(x, n_rep):
    B, n_kv_heads, S, head_dim = x.shape
    return mx.broadcast_to(x, (B, n_kv_heads * n_rep, S, head_dim))


def _five_axes(x, n_rep):
    B, n_kv_heads, S, head_dim = x.shape
    return mx.broadcast_to(x[:, :, None], (B, n_kv_heads, n_rep, S, head_dim))


def _positions_then_reshape(x, n_rep):
    B, n_kv_heads, S, head_dim = x.shape
    return mx.repeat(x, n_rep, axis=2).reshape(B, n_kv_heads * n_rep, S, head_dim)


TILE = ("the copies come in turn, 0 1 0 1; neighbouring query heads share a kv head, so the order is 0 0 1 1. That is "
        "tile, or a concatenation of whole copies")
REPEAT_SLIPS = (
    (lambda x, n_rep: mx.tile(x, (1, n_rep, 1, 1)), TILE),
    (_by_index(lambda h, n_rep, n_kv_heads: h % n_rep),
     "h % n_rep counts the number within a group; the group of query head h is h // n_rep"),
    (_by_index(lambda h, n_rep, n_kv_heads: h // n_kv_heads),
     "h is divided by the number of kv heads; a group has n_rep query heads, so divide by n_rep"),
    (_along(0), "axis=0 repeats the texts of the batch; the heads are axis 1"),
    (_along(2), "axis=2 repeats the positions; the heads are axis 1"),
    (_along(-1), "the last axis holds the numbers within a head; the heads are axis 1"),
    (_along(None), "without an axis, mx.repeat makes one long row of all numbers; say axis=1"),
    (lambda x, n_rep: mx.tile(x, n_rep), "mx.tile with one number repeats along the last axis, the numbers within a "
                                         "head; and it would bring the copies in turn"),
    (_reshaped, "reshape only regroups the same numbers and makes no copies; repeat the heads, or broadcast a new "
                "axis and then reshape"),
    (_broadcast, "only an axis of size 1 can be broadcast, so this works for a single kv head alone"),
    (_five_axes, "the axis of the copies is still there: merge it with the heads, reshape to (B, n_kv_heads * n_rep, "
                 "S, head_dim)"),
    (_positions_then_reshape, "the positions were repeated (axis 2), and reshape made heads of them; repeat the heads, "
                              "axis 1"),
    (lambda x, n_rep: mx.concatenate([x] * n_rep, axis=2),
     "axis=2 makes more positions; the heads are axis 1. And whole copies come in turn, 0 1 0 1"),
    (lambda x, n_rep: x.repeat(n_rep, axis=1), "MLX has repeat as a function, not as a method: mx.repeat(x, ...)"),
    (lambda x, n_rep: mx.repeat(x, 2, axis=1), "n_rep is an argument, and not always 2"),
    (lambda x, n_rep: mx.repeat(x, 4, axis=1), "n_rep is an argument, and not always 4"),
    (lambda x, n_rep: mx.repeat(x, n_rep + 1, axis=1), "one copy too many: the head itself counts, so there are n_rep"),
    (lambda x, n_rep: mx.repeat(x[:, ::-1], n_rep, axis=1), "the kv heads are in reverse order"),
    (lambda x, n_rep: mx.repeat(x, n_rep, axis=1)[0], "the axis of the texts is gone; all four axes stay"),
    (lambda x, n_rep: x * n_rep, "that multiplies every number by n_rep; make copies"),
    (lambda x, n_rep: x, "x comes back as it was; each kv head has to be there n_rep times"),
)


def _fitting(of_one, allowed=lambda n, n_heads: n_heads % n == 0, fits=lambda need, room: need <= room):
    """most_kv_heads with something wrong: the bytes of one kv head, which numbers are allowed, or what fits."""
    def most_kv_heads(cache_bytes, tokens, n_layers, n_heads, head_dim):
        need = of_one(tokens, n_layers, head_dim)
        return max((n for n in range(1, n_heads + 1) if allowed(n, n_heads) and fits(n * need, cache_bytes)), default=0)
    return most_kv_heads


def _right(tokens, n_layers, head_dim):
    return 4 * tokens * n_layers * head_dim


def _no_default(cache_bytes, tokens, n_layers, n_heads, head_dim):
    return max([n for n in range(1, n_heads + 1)
                if n_heads % n == 0 and n * _right(tokens, n_layers, head_dim) <= cache_bytes])


def _from_the_top(cache_bytes, tokens, n_layers, n_heads, head_dim):
    for n in range(n_heads, 0, -1):
        if n_heads % n == 0 and n * _right(tokens, n_layers, head_dim) <= cache_bytes:
            return n


def _smallest(cache_bytes, tokens, n_layers, n_heads, head_dim):
    return 1 if _right(tokens, n_layers, head_dim) <= cache_bytes else 0


def _per_group(cache_bytes, *of_the_model):
    n_kv_heads = _fitting(_right)(cache_bytes, *of_the_model)
    return of_the_model[2] // n_kv_heads if n_kv_heads else 0


NONE = "where not even one kv head fits, the answer is 0"
UNEVEN = "so many would fit, but groups have to be of one size: the number of kv heads has to divide n_heads"
FITTING_SLIPS = (
    (_fitting(_right, allowed=lambda n, n_heads: True), UNEVEN),
    (lambda room, tokens, n, heads, d: room // _right(tokens, n, d), UNEVEN),
    (_fitting(_right, allowed=lambda n, n_heads: n & (n - 1) == 0 and n_heads % n == 0),
     "any number that divides n_heads will do, not only powers of 2: 3 divides 6"),
    (_fitting(_right, allowed=lambda n, n_heads: n_heads % n == 0 and n < n_heads),
     "n_heads kv heads are allowed, too; range(1, n_heads) ends before n_heads"),
    (_fitting(_right, fits=lambda need, room: need < room), "a cache that is exactly full fits: <=, not <"),
    (_fitting(lambda tokens, n, d: 2 * tokens * n * d),
     "a token leaves a key and a value, and each number takes 2 bytes; one of these two factors of 2 is missing"),
    (_fitting(lambda tokens, n, d: tokens * n * d),
     "a token leaves a key and a value, and each number takes 2 bytes; both factors of 2 are missing"),
    (_fitting(lambda tokens, n, d: 32 * tokens * n * d), "16 bits are 2 bytes; yours counts 16 bytes for a number"),
    (_fitting(lambda tokens, n, d: 8 * tokens * n * d), "a number of 16 bits takes 2 bytes; yours counts 4"),
    (_fitting(lambda tokens, n, d: 4 * tokens * d), "the layers are missing: every layer has a cache of its own"),
    (_fitting(lambda tokens, n, d: 4 * n * d), "the tokens are missing: each of them leaves a key and a value"),
    (_fitting(lambda tokens, n, d: 4 * tokens * n),
     "head_dim is missing: a key is head_dim numbers, and so is a value"),
    (_no_default, NONE + "; max needs default=0 for that"),
    (_from_the_top, NONE + "; your loop ends without a return there, which gives None"),
    (_smallest, "that is the smallest number; the largest that fits is asked for"),
    (_per_group, "that is the number of query heads in a group; the number of kv heads is asked for"),
)
