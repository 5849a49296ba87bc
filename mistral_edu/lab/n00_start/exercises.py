"""Exercises of notebook 00: broadcasting."""
import mlx.core as mx
import numpy as np

from mistral_edu.lab.exercises.bank import Exercise


def subtract_row_mean(x):
    """Rows of x (rows, columns), each shifted so that its mean is 0."""
    return x - x.mean(axis=1, keepdims=True)         # (rows, columns) - (rows, 1)


EXERCISES = (
    Exercise(
        "0.3", minutes=5, points=2,
        cases=(
            (mx.array([[1.0, 3.0], [10.0, 20.0]]),),
            (mx.array([[1.0, 2.0, 6.0], [0.0, 0.0, 3.0]]),),
            (mx.array([[5.0, 7.0]]),),
            (mx.arange(12.0).reshape(4, 3) ** 2,),
        ),
        reference=subtract_row_mean,
        slips=(
            (lambda x: x - x.mean(axis=1),
             "the means lost their axis: shape (rows,) lines up with the columns; keepdims=True gives (rows, 1)"),
            (lambda x: x - x.mean(axis=1)[None, :],
             "these means are a row of shape (1, rows) and line up with the columns; keepdims=True gives (rows, 1)"),
            (lambda x: x - x.mean(axis=0, keepdims=True),
             "axis=0 averages down each column; a row is averaged along axis=1"),
            (lambda x: x - x.mean(),
             "x.mean() is a single mean for the whole array; each row needs its own"),
            (lambda x: x - x.sum(axis=1, keepdims=True),
             "that subtracts the sum of each row; the mean is the sum divided by the number of columns"),
            (lambda x: x - x.sum(axis=1, keepdims=True) / x.shape[0],
             "x.shape[0] is the number of rows; the sum of a row is divided by the number of columns"),
            (lambda x: x - x.sum(axis=1, keepdims=True) / 2,
             "only the first example has two columns; x.mean counts them itself"),
            (lambda x: x - mx.array([[2.0], [15.0]]),
             "these are the means of the example; other rows have other means, so compute them from x"),
            (lambda x: x.mean(axis=1, keepdims=True) - x,
             "the signs are reversed: it is x minus the mean"),
            (lambda x: x.mean(axis=1, keepdims=True),
             "these are the means themselves; subtract them from x"),
            (lambda x: x.mean(axis=1),
             "these are the means themselves; subtract them from x, as a column of shape (rows, 1)"),
            (lambda x: x.mean(axis=1) - x,
             "the means lost their axis (keepdims=True keeps it); and it is x minus the mean"),
            (lambda x: x.mean(axis=0, keepdims=True) - x,
             "axis=0 averages down each column, but the rows' means are needed; and it is x minus the mean"),
            (lambda x: x / x.mean(axis=1, keepdims=True),
             "that divides by the mean; subtract it"),
            (lambda x: (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True),
             "the mean is right; do not divide by the standard deviation as well"),
            (lambda x: x.T - x.mean(axis=1),
             "the numbers are right, but rows have become columns: turn them back, or use keepdims=True instead of .T"),
            (lambda x: x.mean(axis=1, keepdim=True),
             "in MLX the name is keepdims, with an s at the end"),
            (lambda x: np.mean(x, axis=1),
             "np.mean belongs to NumPy and does not take an MLX array; use x.mean"),
            (lambda x: x.mean(axis=2),
             "axes are counted from 0: axis=0 goes down the rows, axis=1 along the columns; there is no axis 2"),
        ),
        hints=(
            "How many means does an array of 4 rows have? What shape must they have to be subtracted from (4, 3)?",
            "x.mean(axis=1) gives one mean per row, with shape (4,). Aligned on the right, 4 meets 3: they do not fit. "
            "Shape (4, 1) would.",
            "mean takes keepdims=True, which keeps the averaged axis with size 1. Then one subtraction does it.",
        ),
    ),
)
