"""Exercises of notebook 00: broadcasting."""
import mlx.core as mx

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
            (lambda x: x - x.mean(axis=0, keepdims=True),
             "axis=0 averages down each column; a row is averaged along axis=1"),
            (lambda x: x - x.mean(),
             "x.mean() is one mean for the whole array; each row needs its own"),
            (lambda x: x - x.sum(axis=1, keepdims=True),
             "that subtracts the sum of each row; the mean is the sum divided by the number of columns"),
            (lambda x: x.mean(axis=1, keepdims=True) - x,
             "the signs are turned round: it is x minus the mean"),
            (lambda x: x.mean(axis=1, keepdims=True),
             "these are the means themselves; subtract them from x"),
            (lambda x: x / x.mean(axis=1, keepdims=True),
             "that divides by the mean; subtract it"),
        ),
        hints=(
            "How many means does an array of 4 rows have? And what shape must they have to be subtracted from (4, 3)?",
            "x.mean(axis=1) gives one mean a row, with shape (4,). Seen from the right, 4 meets 3: they do not fit. "
            "Shape (4, 1) would.",
            "mean takes keepdims=True, which leaves the averaged axis there with size 1. Then one subtraction does it.",
        ),
    ),
)
