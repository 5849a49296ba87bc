"""What beginners write in place of the answers of notebook 08: wrong functions, each with what to tell its author.

Of two slips at once the likeliest pairs are here as well: corrected one by one, each would hide the other.
"""
import mlx.core as mx


def _back(L, offset, start=None, keys=None):
    """Query position minus key position, for queries from `start` on (offset) and a number of `keys` (offset + L)."""
    start, keys = offset if start is None else start, offset + L if keys is None else keys
    return mx.arange(start, start + L)[:, None] - mx.arange(keys)[None, :]


def _within(back, window):
    return (back >= 0) & (back < window)


MASK = (          # exercise 8.3
    (lambda L, window, offset: _within(_back(L, offset), window + 1),
     "your rows see window + 1 keys: a token's own key counts, so it is back < window"),
    (lambda L, window, offset: _within(_back(L, offset), window - 1),
     "your rows see window - 1 keys: a token's own key is one of the window's"),
    (lambda L, window, offset: (_back(L, offset) > 0) & (_back(L, offset) < window),
     "no query sees its own key: back = 0 is the token itself, so it is back >= 0"),
    (lambda L, window, offset: (_back(L, offset) > 0) & (_back(L, offset) <= window),
     "your rows lie one position too far left: a query sees itself, back = 0, and the window - 1 keys before it"),
    (lambda L, window, offset: _within(_back(L, offset, offset + 1), window),
     "your rows lie one position too far right: the first query sits at position offset"),
    (lambda L, window, offset: _back(L, offset) < window,
     "later tokens are visible: back is negative for them, and nothing excludes that"),
    (lambda L, window, offset: _back(L, offset) <= window,
     "later tokens are visible, since nothing excludes a negative back; and it is back < window, not <="),
    (lambda L, window, offset: abs(_back(L, offset)) < window,
     "the window reaches into the future, too: abs() forgets which of the two comes later"),
    (lambda L, window, offset: _within(-_back(L, offset), window),
     "your queries look forward: back is the query's position minus the key's, not the other way round"),
    (lambda L, window, offset: (_back(L, offset) >= 0) | (_back(L, offset) < window),
     "with | one of the two comparisons is enough; both must hold, so it is &"),
    (lambda L, window, offset: _within(_back(offset + L, 0, 0, offset + L), window)[-offset:],
     "the last offset rows are not the new ones: take the last L rows of the whole text's mask"),
    (lambda L, window, offset: _back(L, offset) >= 0,
     "that is the causal mask; the window is missing"),
    (lambda L, window, offset: _within(_back(L, offset, 0), window),
     "your queries start at position 0; the first one sits at position offset"),
    (lambda L, window, offset: _within(_back(L, offset, 0), window + 1),
     "your queries start at position 0 instead of offset; and it is back < window, not <="),
    (lambda L, window, offset: _back(L, offset, 0) >= 0,
     "your queries start at position 0 instead of offset; and the window is missing"),
    (lambda L, window, offset: _within(_back(L, 0), window),
     "the keys before this chunk are missing: there are offset + L of them, not L"),
    (lambda L, window, offset: _within(_back(L, 0), window + 1),
     "the keys before this chunk are missing: there are offset + L of them; and it is back < window"),
    (lambda L, window, offset: _within(_back(L, offset, keys=L), window),
     "your keys stop at position L; they go from 0 to offset + L - 1, as far as the queries do"),
    (lambda L, window, offset: _within(_back(offset + L, 0), window),
     "that is the mask of the whole text; only the last L of its rows are asked for"),
    (lambda L, window, offset: _within(_back(offset + L, 0), window + 1),
     "that is the mask of the whole text, of which the last L rows are asked for; and it is back < window"),
    (lambda L, window, offset: _back(offset + L, 0) >= 0,
     "that is the causal mask of the whole text; the last L rows are asked for, and the window is missing"),
    (lambda L, window, offset: mx.concatenate([mx.ones((L, offset), mx.bool_), _within(_back(L, 0), window)], axis=1),
     "the keys before this chunk are all visible; the window holds for them, too"),
    (lambda L, window, offset: (_back(L, offset) >= 0) & (_back(L, offset, 0) < window),
     "the window is counted from query positions that start at 0; the first one sits at position offset"),
    (lambda L, window, offset: ~_within(_back(L, offset), window),
     "True and False are exchanged: True means may look"),
    (lambda L, window, offset: _within(_back(L, offset), window).T,
     "rows and columns are exchanged: a row is a query, a column a key"),
    (lambda L, window, offset: _within(_back(L, offset), window).astype(mx.int32),
     "the entries are right, but as 1 and 0; comparisons give True and False by themselves"),
    (lambda L, window, offset: mx.where(_within(_back(L, offset), window), 0.0, -mx.inf),
     "that is what a mask adds to the scores; the exercise asks for the mask itself, True where a query may look"),
    (lambda L, window, offset: _back(L, offset) >= 0 and _back(L, offset) < window,
     "`and`, like a chain a <= b < c, asks for a single truth; write (back >= 0) & (back < window)"),
    (lambda L, window, offset: _back(L, offset) >= 0 & _back(L, offset) < window,
     "& binds more tightly than >= and <: put brackets around each of the two comparisons"),
)

# What a beginner may take for the reach of a stack.
REACHES = (
    (lambda depth, window: depth * window,
     "each layer reaches window - 1 tokens back, since the window counts the token itself"),
    (lambda depth, window: window - 1,
     "that is one layer; each further one adds another window - 1"),
    (lambda depth, window: window,
     "that is one layer, and one token too far; depth layers reach depth * (window - 1) tokens"),
    (lambda depth, window: depth * window - 1,
     "depth * window - 1 takes off one token for all layers together; every layer loses one"),
    (lambda depth, window: (window - 1) ** depth,
     "reaches add up from layer to layer; they do not multiply"),
    (lambda depth, window: window ** depth,
     "reaches add up from layer to layer, they do not multiply; and each is window - 1"),
    (lambda depth, window: (depth - 1) * (window - 1),
     "one layer too few: depth layers make depth hops"),
    (lambda depth, window: (depth - 1) * window,
     "one layer too few: there are depth hops; and each goes window - 1 tokens back"),
    (lambda depth, window: (depth + 1) * (window - 1),
     "one layer too many: depth layers make depth hops"),
    (lambda depth, window: depth * (window - 1) - 1,
     "one token short: perhaps a range stops one too early, or there is a + 1 too many"),
    (lambda depth, window: depth * (window - 1) + 1,
     "one token too far: after depth hops you are at the token that is asked for"),
    (lambda depth, window: depth,
     "a hop goes window - 1 tokens back, not one"),
    (lambda depth, window: depth * (window + 1),
     "each layer reaches window - 1 tokens back: one less than the window, not one more"),
    (lambda depth, window: depth + window,
     "each of the depth layers reaches window - 1 tokens back: multiply, do not add"),
)
NO_NEGATIVE = "there is no token before position 0"


def _earliest(reach):
    return lambda position, depth, window: max(0, position - reach(depth, window))


def _maybe_negative(reach):
    return lambda position, depth, window: position - reach(depth, window)


REACH = (         # exercise 8.5
    *((_earliest(reach), sentence) for reach, sentence in REACHES),
    *((_maybe_negative(reach), f"{sentence}. And {NO_NEGATIVE}") for reach, sentence in REACHES),
    (lambda position, depth, window: position - depth * (window - 1),
     f"{NO_NEGATIVE}; max(0, ...) keeps the result from falling below"),
    (lambda position, depth, window: position - min(depth, position // max(1, window - 1)) * (window - 1),
     "a hop that would pass the beginning ends there: at position 0"),
    (lambda position, depth, window: max(1, position - depth * (window - 1)),
     "the first token sits at position 0, not 1"),
    (lambda position, depth, window: min(0, position - depth * (window - 1)),
     "min(0, ...) is never above 0; take the larger of the two: max"),
    (lambda position, depth, window: abs(position - depth * (window - 1)),
     f"abs() turns a negative position into a positive one; {NO_NEGATIVE}, so it is max(0, ...)"),
    (lambda position, depth, window: depth * (window - 1),
     "that is the reach, a number of tokens; the exercise asks for the position where it ends"),
    (lambda position, depth, window: depth * window,
     "that is a number of tokens, one too many for each layer; the exercise asks for the position where it ends"),
    (lambda position, depth, window: depth * (window - 1) - position,
     "the signs are reversed: go back from position"),
    (lambda position, depth, window: max(0, depth * (window - 1) - position),
     "the signs are reversed: go back from position"),
    (lambda position, depth, window: (position - depth) * (window - 1),
     "the brackets are in the wrong place: subtract depth * (window - 1) from position"),
)

PAIRS = (         # exercise 8.9
    (lambda n, window: n * window,
     "the first queries see fewer: the one at position i has only i + 1 tokens to look at"),
    (lambda n, window: n * min(n, window),
     "the first queries see fewer: the one at position i has only i + 1 tokens to look at"),
    (lambda n, window: n * (n + 1) // 2,
     "that is full attention: no query sees more than window keys"),
    (lambda n, window: n * n,
     "that counts later tokens, too, which no query sees"),
    (lambda n, window: sum(min(i, window) for i in range(n)),
     "the token at position i sees i + 1 keys, its own included"),
    (lambda n, window: sum(min(i + 1, window + 1) for i in range(n)),
     "a window of W means W keys, the token's own included, not W + 1"),
    (lambda n, window: n * (n - 1) // 2,
     "that is full attention without the token's own key; a token sees itself, and at most window keys"),
    (lambda n, window: sum(min(i + 1, window - 1) for i in range(n)),
     "a window of W means W keys, the token's own included, not W - 1"),
    (lambda n, window: sum(min(i + 1, window) for i in range(1, n)),
     "the first token is left out: range(1, n) starts at the second"),
    (lambda n, window: sum(min(i + 1, window) for i in range(n + 1)),
     "one token too many: range(n + 1) has n + 1 numbers, and n - window tokens come after the first window"),
    (lambda n, window: sum(max(i + 1, window) for i in range(n)),
     "max takes the larger of the two; a token sees the smaller: min"),
    (lambda n, window: [min(i + 1, window) for i in range(n)],
     "these are the keys of each token; add them up with sum"),
    (lambda n, window: min(n * (n + 1) // 2, n * window),
     "the smaller number has to be taken for each token, before adding up: the sum of min(…, …)"),
    (lambda n, window: sum(min(i, window - 1) for i in range(1, n)),
     "the token's own key is missing: the first token sees 1 key, a later one up to window"),
    (lambda n, window: (n - window) * window + n * (n + 1) // 2,
     "the second part has to count the first window tokens alone, not all n"),
    (lambda n, window: _within(_back(n, 0), window),
     "that is the mask; add up its ones"),
    (lambda n, window: window * (window + 1) // 2,
     "that counts only the first window tokens; each later one adds window pairs"),
    (lambda n, window: (n - window) * window,
     "that counts only the tokens after the first window ones; the first see 1, 2, 3, … keys"),
    (lambda n, window: window * (window - 1) // 2 + (n - window) * window,
     "one row of window keys is missing: the first window tokens see 1, 2, … window keys, and each of the n - window "
     "after them sees window. And a text may be shorter than the window"),
    (lambda n, window: min(n, window) * (min(n, window) + 1) // 2 + max(0, n - window - 1) * window,
     "one row of window keys is missing: the first window tokens see 1, 2, … window keys, and each of the n - window "
     "after them sees window"),
    (lambda n, window: n * window - window * (window - 1) // 2,
     "right for texts longer than the window; a shorter one never fills it"),
)
