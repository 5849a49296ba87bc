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
     "h % n_rep counts the place within a group; the group of query head h is h // n_rep"),
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


def _even(of_a_token, turned=False):
    """break_even with a wrong number of bytes for a token, or with the division the wrong way round."""
    def break_even(weight_bytes, n_layers, n_kv_heads, head_dim):
        cache_bytes = of_a_token(n_layers, n_kv_heads, head_dim)
        return cache_bytes / weight_bytes if turned else weight_bytes / cache_bytes
    return break_even


def _no_brackets(weight_bytes, n_layers, n_kv_heads, head_dim):
    return weight_bytes / 2 * n_layers * n_kv_heads * head_dim * 2


def _four_without_brackets(weight_bytes, n_layers, n_kv_heads, head_dim):
    return weight_bytes / 4 * n_layers * n_kv_heads * head_dim


def _divided_by_layers_alone(weight_bytes, n_layers, n_kv_heads, head_dim):
    return weight_bytes / n_layers * n_kv_heads * head_dim * 4


BRACKETS = ("Python divides by the first number after / and multiplies by the others: put brackets around the bytes of "
            "a token")
EVEN_SLIPS = (
    (_no_brackets, BRACKETS), (_four_without_brackets, BRACKETS), (_divided_by_layers_alone, BRACKETS),
    (_even(lambda n, kv, d: n * kv * d * 2),
     "twice too many: a token leaves a key and a value, and each number takes 2 bytes; one of these two factors of 2 "
     "is missing"),
    (_even(lambda n, kv, d: n * kv * d),
     "four times too many: a token leaves a key and a value, and each number takes 2 bytes; both factors of 2 are "
     "missing"),
    (_even(lambda n, kv, d: n * kv * d * 32), "16 bits are 2 bytes; yours counts 16 bytes for a number"),
    (_even(lambda n, kv, d: n * kv * d * 16),
     "16 bits are 2 bytes, and a token leaves a key and a value: 2 times 2 bytes for each place, not 16"),
    (_even(lambda n, kv, d: n * kv * d * 64), "16 bits are 2 bytes; yours counts 16, and two more factors of 2"),
    (_even(lambda n, kv, d: kv * d * 2), "two things: the layers are missing, for every layer has a cache of its own. "
                                         "And one of two factors of 2: a key and a value, 2 bytes for each number"),
    (_even(lambda n, kv, d: n * kv * d * 8), "a number of 16 bits takes 2 bytes; yours counts 4"),
    (_even(lambda n, kv, d: kv * d * 4), "the layers are missing: every layer has a cache of its own"),
    (_even(lambda n, kv, d: n * d * 4), "the kv heads are missing: a token leaves a key and a value in each"),
    (_even(lambda n, kv, d: n * kv * 4), "head_dim is missing: a key is head_dim numbers, and so is a value"),
    (_even(lambda n, kv, d: n * kv * d * 4, turned=True), "the division is the wrong way round: weights divided by the "
                                                          "bytes of one token"),
    (lambda weight_bytes, n, kv, d: n * kv * d * 4,
     "these are the bytes of one token; the question is how many tokens make as many bytes as the weights"),
)
