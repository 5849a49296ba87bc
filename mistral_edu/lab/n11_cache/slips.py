"""What goes wrong in the exercises of notebook 11: (wrong function, what to tell its author) pairs."""
import mlx.core as mx


def _joined(axis, order=(0, 1)):
    """update that joins along another axis, or with the new keys and values in front."""
    def update(cache, k, v):
        if cache is None:
            return k, v
        return tuple(mx.concatenate([(held, new)[n] for n in order], axis=axis) for held, new in zip(cache, (k, v)))
    return update


def _no_first(cache, k, v):
    keys, values = cache
    return mx.concatenate([keys, k], axis=2), mx.concatenate([values, v], axis=2)


def _no_first_by_index(cache, k, v):
    return mx.concatenate([cache[0], k], axis=2), mx.concatenate([cache[1], v], axis=2)


def _with(join_keys, join_values):
    """update with a rule of its own for the keys and for the values."""
    def update(cache, k, v):
        return (k, v) if cache is None else (join_keys(*cache, k, v), join_values(*cache, k, v))
    return update


def _both(a, b):
    return mx.concatenate([a, b], axis=2)


FIRST = "before the first token the cache is None, which cannot be taken apart: return k, v in that case"
UPDATE_SLIPS = (
    (lambda cache, k, v: (k, v), "only the new keys and values come back; those held before are lost, so the token "
                                 "would see nothing but itself"),
    (lambda cache, k, v: (k, v) if cache is None else cache, "the new keys and values are never added"),
    (_no_first, FIRST), (_no_first_by_index, FIRST),
    (_joined(0), "axis 0 counts the texts of the batch; the tokens are axis 2"),
    (_joined(1), "axis 1 counts the kv heads; the tokens are axis 2"),
    *((_joined(axis), "the last axis holds the numbers of a key; the tokens are axis 2") for axis in (-1, 3)),
    (_joined(2, (1, 0)), "the new ones come first; they belong after those that are held"),
    (_with(lambda keys, _, k, v: _both(keys[:, :, 1:], k), lambda _, values, k, v: _both(values[:, :, 1:], v)),
     "the oldest token is dropped; here every token stays (dropping some is notebook 12)"),
    (_with(lambda keys, _, k, v: _both(keys[:, :, :-1], k), lambda _, values, k, v: _both(values[:, :, :-1], v)),
     "the last token held is overwritten; the new ones belong after it"),
    (_with(lambda keys, values, k, v: keys + k, lambda keys, values, k, v: values + v),
     "+ adds the numbers; to put arrays behind each other, use mx.concatenate"),
    (_with(lambda keys, values, k, v: _both(keys, k), lambda keys, values, k, v: _both(values, k)),
     "the new keys are joined to both; the values get v"),
    (lambda cache, k, v: (k, v) if cache is None else (*cache, k, v),
     "a pair has to stay a pair: join the arrays, not the tuples"),
    (_with(lambda keys, values, k, v: _both(keys, k[:, :, -1:]),
           lambda keys, values, k, v: _both(values, v[:, :, -1:])),
     "only the last of the new tokens is added; a prompt brings many at once"),
    (_with(lambda keys, values, k, v: _both(keys, k), lambda keys, values, k, v: v),
     "the keys grow, the values do not: both need those before"),
    (_with(lambda keys, values, k, v: _both(keys, v), lambda keys, values, k, v: _both(values, k)),
     "k and v are exchanged: new keys belong behind keys, new values behind values"),
    (_with(lambda keys, values, k, v: _both(keys, k), lambda keys, values, k, v: _both(keys, k)),
     "the keys come back twice; the second result is the values"),
    (lambda cache, k, v: k if cache is None else _both(cache[0], k),
     "only the keys come back; the values belong to the pair, too"),
    (_with(lambda keys, values, k, v: _both(keys, k), lambda keys, values, k, v: _both(keys, v)),
     "the keys held so far are in both results; the values held are cache[1]"),
    (lambda cache, k, v: None if cache is None else (_both(cache[0], k), _both(cache[1], v)),
     "before the first token the cache is None; then the new pair is k, v"),
    (_with(lambda keys, values, k, v: _both(values, v), lambda keys, values, k, v: _both(keys, k)),
     "the results come in the wrong order: keys first, then values"),
)


def _stops_at(mark):
    """continue_text that looks for another token than the one that it was given as the end."""
    return lambda read, ids, n, end: _loop()(read, ids, n, mark)


def _loop(again=False, row=-1, stops=True, keeps_end=True, feeds=True, more=0, prompt=False):
    """continue_text with one thing wrong, or several.

    again: the whole text is fed each time; row: which row of logits is taken; stops: at the end token; keeps_end: it is
    part of the result; feeds: each new token is read; more: tokens beyond n; prompt: ids come first in the result.
    """
    def continue_text(read, ids, n, end):
        said, new = [], ids
        while len(said) < n + more:
            token = read(list(new))[row].argmax().item()
            if stops and token == end and not keeps_end:
                break
            said.append(token)
            if stops and token == end:
                break
            new = ids + said if again else said[-1:] if feeds else ids[-1:]
        return ids + said if prompt else said
    return continue_text


def _skips_the_prompt(read, ids, n, end):
    return _loop()(read, ids[-1:], n, end)


def _reads_last_twice(read, ids, n, end):
    read(ids)
    return _loop()(read, ids[-1:], n, end)


def _grows(read, ids, n, end):
    """Feeds all new tokens each time, though the cache has read all but the last of them."""
    said, new = [], ids
    while len(said) < n:
        said.append(read(list(new))[-1].argmax().item())
        if said[-1] == end:
            break
        new = said
    return said


def _end_checked_in_while(read, ids, n, end):
    said, new = [], ids
    while len(said) < n and end not in ids + said:
        said.append(read(list(new))[-1].argmax().item())
        new = said[-1:]
    return said


def _number(read, ids, n, end):
    said, new = [], ids
    while len(said) < n:
        token = read(new)[-1].argmax().item()
        said.append(token)
        if token == end:
            break
        new = token
    return said


def _number_in_an_array(read, ids, n, end):
    said, new = [], ids
    while len(said) < n:
        token = read(new)[-1].argmax()
        said.append(token.item())
        if token.item() == end:
            break
        new = token
    return said


def _whole_argmax(read, ids, n, end):
    said, new = [], ids
    while len(said) < n:
        said.append(read(list(new)).argmax().item())
        if said[-1] == end:
            break
        new = said[-1:]
    return said


def _returns_at_once(read, ids, n, end):
    return _loop()(read, ids, 1, end)


def _largest(read, ids, n, end):
    return [read(list(ids))[-1].max().item()]


AXIS = "read gives (L, vocab_size), without an axis for texts: the last row is logits[-1], not logits[0, -1]"
AGAIN = ("the whole text is fed each time, but the cache has already read most of it, so those tokens are in it "
         "twice; after the prompt, feed the newest token alone")
STOP = "the loop does not stop at the end token"
LOOP_SLIPS = (
    (_loop(again=True), AGAIN),
    (_loop(again=True, stops=False), f"{AGAIN}. And {STOP}"),
    (_loop(again=True, keeps_end=False), f"{AGAIN}. And the end token is part of the list"),
    (_grows, "all new tokens are fed each time; the cache has read all but the last one, said[-1:]"),
    (_loop(row=0), "row 0 holds the logits after the first token that was fed; the last row, [-1], gives the next "
                   "token"),
    (_loop(row=0, stops=False), f"row 0 holds the logits after the first token that was fed, not the last. And {STOP}"),
    (_loop(row=0, again=True), f"row 0 is taken, not the last. And {AGAIN}"),
    (_loop(row=(0, -1)), AXIS),
    (_loop(more=40), "n is not used: the list has at most n tokens"),
    (_returns_at_once, "the return is inside the loop, so it ends after the first token"),
    (_largest, "max gives the largest logit; argmax says which token has it"),
    (_stops_at(2), "the loop stops at tokenizer.eos_id, 2; the end token here is the argument end"),
    (_loop(stops=False), STOP),
    (_loop(keeps_end=False), "the end token is left out of the list; append it, then stop"),
    (_loop(feeds=False), "the last token of the prompt is fed again and again; feed the new token, said[-1:]"),
    (_loop(more=1), "one token too many: the loop goes on while len(said) < n"),
    (_loop(more=-1), "one token too few: the loop goes on while len(said) < n"),
    (_loop(more=1, stops=False), f"one token too many, and {STOP}"),
    (_loop(prompt=True), "the prompt is part of the result; return only the new tokens"),
    (_loop(prompt=True, again=True), f"the prompt is part of the result. And {AGAIN}"),
    (_skips_the_prompt, "only the last token of the prompt is read; in the first round, read all of ids"),
    (_reads_last_twice, "the last token of the prompt is read twice; the logits of its first reading give the first "
                        "new token"),
    (_number, "read takes a list: said[-1:] or [token], not the number alone"),
    (_number_in_an_array, "read takes a list of ids: [token.item()], not an array"),
    (_end_checked_in_while, "the end token may be in the prompt, too; look for it only in the new tokens"),
    (_whole_argmax, ".argmax() over all rows counts through the whole array; take the last row first, logits[-1]"),
)
