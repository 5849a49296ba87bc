"""Common mistakes in the exercises of notebook 02, each as the function that makes it."""


# ---- 2.4: lowest rank first
def leftmost_pair(word, rank):
    pieces, at = list(word), 0
    while at + 1 < len(pieces):
        if (pieces[at], pieces[at + 1]) in rank:
            pieces[at:at + 2] = [pieces[at] + pieces[at + 1]]
            at = 0
        else:
            at += 1
    return pieces


def one_walk(word, rank):
    pieces = []
    for piece in word:
        if pieces and (pieces[-1], piece) in rank:
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return pieces


def highest_first(word, rank):
    pieces = list(word)
    while known := [(-rank[pair], at) for at, pair in enumerate(zip(pieces, pieces[1:])) if pair in rank]:
        _, at = min(known)
        pieces[at:at + 2] = [pieces[at] + pieces[at + 1]]
    return pieces


def one_merge(word, rank):
    pieces = list(word)
    known = [(rank[pair], at) for at, pair in enumerate(zip(pieces, pieces[1:])) if pair in rank]
    if known:
        _, at = min(known)
        pieces[at:at + 2] = [pieces[at] + pieces[at + 1]]
    return pieces


def rightmost_of_equals(word, rank):
    pieces = list(word)
    while known := [(rank[pair], -at) for at, pair in enumerate(zip(pieces, pieces[1:])) if pair in rank]:
        at = -min(known)[1]
        pieces[at:at + 2] = [pieces[at] + pieces[at + 1]]
    return pieces


def longest_piece(word, rank):
    made = {left + right for left, right in rank}
    pieces = []
    while word:
        size = next((n for n in range(len(word), 1, -1) if word[:n] in made), 1)
        pieces.append(word[:size])
        word = word[size:]
    return pieces


def each_once(word, rank):
    pieces = list(word)
    for left, right in sorted(rank, key=rank.get):
        joined = []
        for piece in pieces:
            if joined and (joined[-1], piece) == (left, right):
                joined[-1] += piece
            else:
                joined.append(piece)
        pieces = joined
    return pieces


def in_given_order(word, rank):
    return each_once(word, {pair: n for n, pair in enumerate(rank)})


def joined_everywhere(word, rank):
    pieces = list(word)
    while known := [(rank[pair], pair) for pair in zip(pieces, pieces[1:]) if pair in rank]:
        pieces = each_once(pieces, dict([min(known)[::-1]]))
    return pieces


def no_end(word, rank):
    pieces = list(word)
    while len(pieces) > 1:
        at = min(range(len(pieces) - 1), key=lambda at: rank[pieces[at], pieces[at + 1]])
        pieces[at:at + 2] = [pieces[at] + pieces[at + 1]]
    return pieces


def unknown_too(word, rank):
    pieces = list(word)
    while len(pieces) > 1:
        at = min(range(len(pieces) - 1), key=lambda at: rank.get((pieces[at], pieces[at + 1]), len(rank)))
        pieces[at:at + 2] = [pieces[at] + pieces[at + 1]]
    return pieces


def empty_word(word, rank):
    pieces = list(word)
    while True:
        pair = min(zip(pieces, pieces[1:]), key=lambda pair: rank.get(pair, len(rank)))
        if pair not in rank:
            return pieces
        at = [*zip(pieces, pieces[1:])].index(pair)
        pieces[at:at + 2] = ["".join(pair)]


# ---- 2.5: bytes as they arrive
def alone_replaced(token_bytes):
    return [piece.decode(errors="replace") for piece in token_bytes]


def alone_dropped(token_bytes):
    return [piece.decode(errors="ignore") for piece in token_bytes]


def so_far_replaced(token_bytes):
    texts, so_far, before = [], b"", ""
    for piece in token_bytes:
        so_far += piece
        text = so_far.decode(errors="replace")
        texts.append(text[len(before):])
        before = text
    return texts


def whole_each_time(token_bytes):
    return [b"".join(token_bytes[:n + 1]).decode(errors="ignore") for n in range(len(token_bytes))]


def all_or_nothing(token_bytes, meanwhile):
    """Whole characters are held back, too, as long as half of one follows them; `meanwhile` is added in that time."""
    texts, waiting = [], b""
    for piece in token_bytes:
        waiting += piece
        try:
            texts.append(waiting.decode())
            waiting = b""
        except UnicodeDecodeError:
            texts += meanwhile
    return texts


def waits_too_long(token_bytes):
    return all_or_nothing(token_bytes, meanwhile=[""])


def skips_what_is_not_whole(token_bytes):
    return all_or_nothing(token_bytes, meanwhile=[])


def raises(token_bytes):
    return [piece.decode() for piece in token_bytes]


def one_text(token_bytes):
    return b"".join(token_bytes).decode()


def one_byte_one_character(token_bytes):
    return [piece.decode("latin-1") for piece in token_bytes]


def last_half_only(token_bytes):
    texts, waiting = [], b""
    for piece in token_bytes:
        try:
            texts.append((waiting + piece).decode())
            waiting = b""
        except UnicodeDecodeError:
            texts.append("")
            waiting = piece
    return texts


def never_cleared(token_bytes):
    texts, waiting = [], b""
    for piece in token_bytes:
        waiting += piece
        try:
            texts.append(waiting.decode())
        except UnicodeDecodeError:
            texts.append("")
    return texts


def ignores_halves(token_bytes, still_waits):
    """What is whole is shown; still_waits(waiting, shown) -> the bytes that are kept for later."""
    texts, waiting = [], b""
    for piece in token_bytes:
        waiting += piece
        texts.append(waiting.decode(errors="ignore"))
        waiting = still_waits(waiting, texts[-1])
    return texts


def cut_by_characters(token_bytes):
    return ignores_halves(token_bytes, lambda waiting, shown: waiting[len(shown):])


def rest_thrown_away(token_bytes):
    return ignores_halves(token_bytes, lambda waiting, shown: b"" if shown else waiting)


def as_python_writes_bytes(token_bytes):
    return [str(piece) for piece in token_bytes]
