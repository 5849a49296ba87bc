"""What goes wrong in the exercises of notebook 15: (wrong function, what to tell its author) pairs."""
import json
import math
import struct

import mlx.core as mx

BY_HAND = {"gain": (0, 8), "w": (8, 20)}          # the offsets in the file that the page makes by hand


def _found(raw, name, add=lambda size: (0, 0), order="<", skip=8):
    """The array's offsets with something added to each; with other byte orders or beginnings of the header."""
    size = struct.unpack(f"{order}Q", raw[:8])[0]
    begin, end = json.loads(raw[skip:skip + size])[name]["data_offsets"]
    first, last = add(size)
    return begin + first, end + last


def _and_size(raw, name):
    begin, end = _found(raw, name, lambda size: (8 + size, 8 + size))
    return begin, end - begin


def _as_length(raw, name):
    size = struct.unpack("<Q", raw[:8])[0]
    begin, length = json.loads(raw[8:8 + size])[name]["data_offsets"]
    return 8 + size + begin, 8 + size + begin + length


def _bytes(raw, name):
    begin, end = _found(raw, name, lambda size: (8 + size, 8 + size))
    return raw[begin:end]


def _numbers(raw, name):
    return list(struct.unpack(f"<{len(_bytes(raw, name)) // 4}f", _bytes(raw, name)))


def _length_from(n_bytes):
    """find_array, with the length of the header taken from so many of its eight bytes."""
    def find_array(raw, name):
        size = int.from_bytes(raw[:n_bytes], "little")
        begin, end = json.loads(raw[8:8 + size])[name]["data_offsets"]
        return 8 + size + begin, 8 + size + end
    return find_array


def _in_order_of_header(raw, name):
    size = struct.unpack("<Q", raw[:8])[0]
    place = 8 + size
    for each, entry in json.loads(raw[8:8 + size]).items():
        begin, end = entry.get("data_offsets", (0, 0))
        if each == name:
            return place, place + end - begin
        place += end - begin


def _tuple_kept(raw, name):
    size = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8:8 + size])[name]["data_offsets"]


def _until_size(raw, name):
    size = struct.unpack("<Q", raw[:8])[0]
    begin, end = json.loads(raw[8:size])[name]["data_offsets"]
    return 8 + size + begin, 8 + size + end


def _end_from_shape(raw, name, how_many):
    size = struct.unpack("<Q", raw[:8])[0]
    entry = json.loads(raw[8:8 + size])[name]
    begin = 8 + size + entry["data_offsets"][0]
    return begin, begin + 4 * how_many(entry["shape"])


def _header_by_hand(raw, name):
    begin, end = json.loads(raw[8:134])[name]["data_offsets"]
    return 134 + begin, 134 + end


FIND_SLIPS = (
    (_found, "these are the offsets of the header itself; they count from where the header ends, and that is at byte "
             "8 + size of the file"),
    (lambda raw, name: _found(raw, name, lambda size: (size, size)),
     "the eight bytes of the length are missing: the header ends at byte 8 + size"),
    (lambda raw, name: _found(raw, name, lambda size: (8, 8)),
     "the header itself has to be skipped as well, not only the eight bytes before it"),
    (lambda raw, name: _found(raw, name, lambda size: (8 + size, size)),
     "the begin is right; the end needs the eight bytes of the length, too"),
    (lambda raw, name: _found(raw, name, lambda size: (8 + size, 0)),
     "the begin is right; the end counts from the end of the header, too"),
    (lambda raw, name: _found(raw, name, lambda size: (8 + size, 7 + size)),
     "the end is the first byte after the array, as raw[begin:end] wants it, not its last byte"),
    (lambda raw, name: _found(raw, name, order=">"),
     'the length was read with its bytes in the other order (">Q"); the lowest byte comes first, "<Q"'),
    (lambda raw, name: _found(raw, name, skip=0),
     "the header begins after the eight bytes of its length, at raw[8]"),
    (_until_size, "the header ends at byte 8 + size: raw[8:8 + size], not raw[8:size]"),
    (_length_from(1), "the length is a number of eight bytes; raw[0] is only the lowest of them, and headers soon have "
                      "more than 255 bytes"),
    (_length_from(2), "the length is a number of eight bytes; the lowest two count only to 65,535"),
    (_in_order_of_header, "the arrays need not lie in the order of the header; data_offsets says where each one is"),
    (_tuple_kept, "struct.unpack gives a tuple, even of one number; its [0] is the number"),
    (lambda raw, name: _found(raw, "w", lambda size: (8 + size, 8 + size)),
     'the place of "w" comes out whatever name is asked for: write name, without quotes, where the header is asked'),
    (lambda raw, name: _found(raw, "name"), 'write name without quotes: it is the name of the array that is asked for'),
    (_header_by_hand, "134 is where the header ends in the file by hand alone; take the length from the first eight "
                      "bytes of raw, inside the function"),
    (lambda raw, name: tuple(134 + offset for offset in BY_HAND[name]),
     "this reads the file of the page (small_header or small_file), and fits that one alone; read the header of raw, "
     "inside the function"),
    (lambda raw, name: _end_from_shape(raw, name, lambda shape: shape[0]),
     "the end was worked out from the shape, for one axis and 4 bytes per number; data_offsets holds it for any shape "
     "and any dtype"),
    (lambda raw, name: _end_from_shape(raw, name, math.prod),
     "the end was worked out with 4 bytes per number; other dtypes have fewer, and data_offsets holds it for all"),
    (lambda raw, name: (142, 154), "that is the answer for w in the file by hand alone"),
    (_as_length, "data_offsets are two places, not a place and a length: the end, too, counts from the end of the "
                 "header"),
    (_and_size, "the second number is how many bytes the array has; give the byte at which it ends"),
    (_bytes, "these are the array's bytes; say where they begin and end"),
    (_numbers, "these are the array's numbers; say where its bytes begin and end"),
    (lambda raw, name: _found(raw, name, lambda size: (8 + size, 8 + size))[0],
     "that is where it begins; return the end as well: begin, end"),
)


def _swapped(w, *sizes):
    """w with its rows in a grid of these sizes (heads, a, b, dim), and the axes a and b exchanged."""
    return w.reshape(*sizes, w.shape[-1]).transpose(0, 2, 1, 3).reshape(w.shape)


def _of_columns(w, n_heads):
    return _swapped(w.T, n_heads, -1, 2).T


def _apart(w, n_heads):
    """The rows of each head as (the first ones of the pairs, the second ones): each (n_heads, head_dim / 2, dim)."""
    heads = w.reshape(n_heads, -1, w.shape[-1])
    return heads[:, 0::2], heads[:, 1::2]


def _in_halves(w, n_heads):
    return mx.concatenate(_apart(w, n_heads), axis=1).reshape(w.shape)


COLUMNS = "the columns were reordered; a row of the matrix makes one number of a query, so rows change places"
NOT_BACK = "the order is right; what is missing is the last step, back to the shape of w: .reshape(w.shape)"
NOT_W_SIZES = "the sizes do not fit: w is another matrix at each call, so take them from w.shape and n_heads"
TOO_MANY = ("these sizes make more numbers than w has: its rows are shared among the heads, and those of a head among "
            "the pairs; -1 lets reshape work out how many pairs there are")

UNPERMUTE_SLIPS = (
    (lambda w, n_heads: _swapped(w, 1, -1, 2),
     "the rows are reordered through the whole matrix; each head keeps its own rows, and the order changes within it"),
    (lambda w, n_heads: _swapped(w, n_heads, 2, -1),
     "that is the other direction, from split halves to interleaved; a head's rows 0 1 2 3 4 5 should come as 0 2 4 1 "
     "3 5"),
    (lambda w, n_heads: _swapped(w, 1, 2, -1),
     "that is the other direction, and through the whole matrix; within each head, 0 1 2 3 4 5 should come as 0 2 4 1 "
     "3 5"),
    (lambda w, n_heads: w, "nothing has changed its place (a reshape there and back moves nothing; between the two, "
                           "two axes have to be exchanged); a head's rows 0 1 2 3 4 5 should come as 0 2 4 1 3 5"),
    (lambda w, n_heads: w.reshape(n_heads, -1, 2, w.shape[-1]).transpose(1, 0, 2, 3).reshape(w.shape),
     "the heads and the pairs have changed places, so that rows move from head to head; exchange the pairs and the two "
     "rows of a pair, axes 1 and 2"),
    (_of_columns, COLUMNS),
    (lambda w, n_heads: mx.concatenate([w[:, 0::2], w[:, 1::2]], axis=1), COLUMNS),
    (lambda w, n_heads: w.reshape(n_heads, -1, 2, w.shape[-1]).transpose(0, 2, 1, 3),
     NOT_BACK),
    (lambda w, n_heads: w.reshape(n_heads, -1, 2, w.shape[-1]).swapaxes(1, 2), NOT_BACK),
    (lambda w, n_heads: mx.concatenate(_apart(w, n_heads), axis=1), NOT_BACK),
    (lambda w, n_heads: _swapped(w, n_heads, n_heads, -1) if w.shape[0] % n_heads**2 == 0 else w,
     "n_heads is the number of heads, not of the rows in a pair: a pair has two"),
    (lambda w, n_heads: mx.concatenate([w[0::2], w[1::2]]),
     "the rows are reordered through the whole matrix; each head keeps its own rows, and the order changes within it"),
    (lambda w, n_heads: w.reshape(n_heads, 16, 2, 256).transpose(0, 2, 1, 3).reshape(w.shape), NOT_W_SIZES),
    (lambda w, n_heads: w.reshape(n_heads, 32, 256), NOT_W_SIZES),
    (lambda w, n_heads: _swapped(w, 8, -1, 2), "8 is the number of heads of one matrix; the function is given n_heads"),
    (lambda w, n_heads: _swapped(w, n_heads, w.shape[0], 2), TOO_MANY),
    (lambda w, n_heads: _swapped(w, n_heads, w.shape[0] // 2, 2), TOO_MANY),
    (lambda w, n_heads: _swapped(w, n_heads, w.shape[0] // n_heads, 2), TOO_MANY),
    (lambda w, n_heads: w.reshape(n_heads, -1, 2, w.shape[0]).transpose(0, 2, 1, 3).reshape(w.shape),
     "the last axis holds the columns, and there are w.shape[1] of them; w.shape[0] counts the rows"),
    (lambda w, n_heads: w.reshape(n_heads, 2, 2, -1).transpose(0, 2, 1, 3).reshape(w.shape),
     "a head has two pairs only if it has four rows; let reshape work out the number of pairs: -1 belongs there"),
    (lambda w, n_heads: w.reshape(n_heads, -1, 2).transpose(0, 2, 1).reshape(w.shape),
     "the columns have no axis of their own, so the numbers within a row are moved; w.shape[1] is missing at the end "
     "of the first reshape"),
    (lambda w, n_heads: mx.concatenate(_apart(w, n_heads)[::-1], axis=1).reshape(w.shape),
     "the second rows of the pairs come before the first ones; a head's rows 0 1 2 3 4 5 should come as 0 2 4 1 3 5"),
    (lambda w, n_heads: w.reshape(n_heads, -1, 2, w.shape[-1]).T.reshape(w.shape),
     ".T reverses all four axes; only the axes 1 and 2 have to change places: .transpose(0, 2, 1, 3)"),
    (lambda w, n_heads: _in_halves(_in_halves(w, n_heads), n_heads),
     "the rows were put in order twice; the second time undoes a part of the first"),
)
