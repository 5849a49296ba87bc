"""What goes wrong in the exercises of notebook 15: (wrong function, what to tell its author) pairs."""
import json
import struct

import mlx.core as mx


def _found(raw, name, add=lambda size: (0, 0), order="<", skip=8):
    """The tensor's offsets with something added to each; with other byte orders or beginnings of the header."""
    size = struct.unpack(f"{order}Q", raw[:8])[0]
    begin, end = json.loads(raw[skip:skip + size])[name]["data_offsets"]
    first, last = add(size)
    return begin + first, end + last


def _and_size(raw, name):
    begin, end = _found(raw, name, lambda size: (8 + size, 8 + size))
    return begin, end - begin


def _bytes(raw, name):
    begin, end = _found(raw, name, lambda size: (8 + size, 8 + size))
    return raw[begin:end]


def _numbers(raw, name):
    return list(struct.unpack(f"<{len(_bytes(raw, name)) // 4}f", _bytes(raw, name)))


def _first_byte_alone(raw, name):
    size = raw[0]
    begin, end = json.loads(raw[8:8 + size])[name]["data_offsets"]
    return 8 + size + begin, 8 + size + end


def _tuple_kept(raw, name):
    size = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8:8 + size])[name]["data_offsets"]


def _until_size(raw, name):
    size = struct.unpack("<Q", raw[:8])[0]
    begin, end = json.loads(raw[8:size])[name]["data_offsets"]
    return 8 + size + begin, 8 + size + end


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
     "the end is the first byte after the tensor, as raw[begin:end] wants it, not its last byte"),
    (lambda raw, name: _found(raw, name, order=">"),
     'the length was read with its bytes in the other order (">Q"); the lowest byte comes first, "<Q"'),
    (lambda raw, name: _found(raw, name, skip=0),
     "the header begins after the eight bytes of its length, at raw[8]"),
    (_until_size, "the header ends at byte 8 + size: raw[8:8 + size], not raw[8:size]"),
    (_first_byte_alone, "the length is a number of eight bytes; raw[0] is only the lowest of them, and headers soon "
                        "have more than 255 bytes"),
    (_tuple_kept, "struct.unpack gives a tuple, even of one number; its [0] is the number"),
    (lambda raw, name: (142, 154), "that is the answer for w in the file by hand alone"),
    (_and_size, "the second number is how many bytes the tensor has; asked is the byte at which it ends"),
    (_bytes, "these are the tensor's bytes; asked is where they begin and end"),
    (_numbers, "these are the tensor's numbers; asked is where its bytes begin and end"),
    (lambda raw, name: _found(raw, name, lambda size: (8 + size, 8 + size))[0],
     "that is where it begins; return the end as well: begin, end"),
)


def _swapped(w, *sizes):
    """w with its rows in a grid of these sizes (heads, a, b, dim), and the axes a and b exchanged."""
    return w.reshape(*sizes, w.shape[-1]).transpose(0, 2, 1, 3).reshape(w.shape)


def _of_columns(w, n_heads):
    return _swapped(w.T, 1, -1, 2).T if n_heads == 1 else _swapped(w.T, n_heads, -1, 2).T


UNPERMUTE_SLIPS = (
    (lambda w, n_heads: _swapped(w, 1, -1, 2),
     "the rows are reordered through the whole matrix; each head keeps its own rows, and the order changes within it"),
    (lambda w, n_heads: _swapped(w, n_heads, 2, -1),
     "that is the other direction, from split halves to interleaved; a head's rows 0 1 2 3 4 5 should come as 0 2 4 1 3 5"),
    (lambda w, n_heads: _swapped(w, 1, 2, -1),
     "that is the other direction, and through the whole matrix; within each head, 0 1 2 3 4 5 should come as 0 2 4 1 3 5"),
    (lambda w, n_heads: w, "nothing has changed its place (a reshape there and back moves nothing; between the two, "
                           "two axes have to be exchanged); a head's rows 0 1 2 3 4 5 should come as 0 2 4 1 3 5"),
    (lambda w, n_heads: w.reshape(n_heads, -1, 2, w.shape[-1]).transpose(1, 0, 2, 3).reshape(w.shape),
     "the heads and the pairs have changed places, so that rows move from head to head; exchange the pairs and the two "
     "rows of a pair, axes 1 and 2"),
    (_of_columns, "the columns were reordered; a row of the matrix makes one number of a query, so rows change places"),
    (lambda w, n_heads: w.reshape(n_heads, -1, 2, w.shape[-1]).transpose(0, 2, 1, 3),
     "the order is right; what is missing is the last step, back to the shape of w: .reshape(w.shape)"),
    (lambda w, n_heads: w.reshape(n_heads, -1, 2, w.shape[-1]).swapaxes(1, 2),
     "the order is right; what is missing is the last step, back to the shape of w: .reshape(w.shape)"),
    (lambda w, n_heads: _swapped(w, n_heads, n_heads, -1) if w.shape[0] % n_heads**2 == 0 else w,
     "n_heads is the number of heads, not of the rows in a pair: a pair has two"),
    (lambda w, n_heads: mx.concatenate([w[0::2], w[1::2]]),
     "the rows are reordered through the whole matrix; each head keeps its own rows, and the order changes within it"),
)
