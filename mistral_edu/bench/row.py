"""A row of a benchmark: as one round measures it, and as a result keeps it once all rounds are done.

A fresh process hands its rows to the one that asked as JSON (ask.py), and a result is JSON too (schema.json). So rows
are dicts, and these types name their keys: mypy compares them with the code, a test compares them with schema.json.
"""
from typing import TypedDict


class Figure(TypedDict):
    """What the rounds gave for one measurement; results.spread() makes it."""
    median: float
    min: float
    max: float
    samples: list[float]


class Speeds(TypedDict):
    """Tokens a second, of all sequences together."""
    prompt_tps: float
    generation_tps: float


class Shares(TypedDict):
    """Of what the machine can do; 1 is all of it."""
    multiply: float
    read: float


class Precision(TypedDict):
    """How weights are held."""
    bits: int
    group_size: int | None          # None for float weights
    dtype: str                      # of norms and activations


class Work(TypedDict):
    """What predicts a speed, by the numbers alone."""
    batch: int
    context: int                    # tokens of the prompt
    weight_bytes_per_step: int
    operations_per_prompt: int


class Ours(Precision, Work):
    """What a row of ours is of."""
    engine: str                     # mistral_edu
    path: str                       # the code that answered
    generated: int                  # tokens of the answer
    weights_gb: float
    bytes_per_step: int


class FirstAnswer(TypedDict):
    """How long the first token took on a machine where nothing was compiled yet, in one precision."""
    bits: int
    context: int                    # tokens of the prompt
    seconds: float                  # from the start of the process


class OnGpu(TypedDict, total=False):
    """What only a GPU says, as one round measures it."""
    above_gb: float                 # the most that an answer took beyond what was held before it
    taken_gb: float                 # of the device's memory, by whomever, at the end of an answer


class FiguresOnGpu(TypedDict, total=False):
    """The same in a result."""
    above_gb: Figure
    taken_gb: Figure


class OurSample(Ours, Speeds, OnGpu):
    """A row of ours, as measure.py takes it in one round."""
    load_seconds: float
    peak_memory_gb: float
    mlx_peak_gb: float
    beyond_gb: float | None         # None where the system does not say
    libraries_gb: float | None
    logprobs: list[float]           # of timed_answers.sample_ids(), after the first prompt


class OurRow(Ours, FiguresOnGpu):
    """A row of ours in a result."""
    load_seconds: Figure
    prompt_tps: Figure
    generation_tps: Figure
    peak_memory_gb: Figure
    mlx_peak_gb: Figure
    beyond_gb: Figure | None
    libraries_gb: Figure | None
    predicted: Speeds
    shares: Shares


class Peer(TypedDict):
    """What a row of another engine is of."""
    engine: str
    precision: str                  # as the engine calls it
    bits: int                       # of our row beside it
    batch: int
    context: int
    generated: int                  # fewer than ours where they took too long
    weights_gb: float
    difference: float               # of log probabilities from ours: root mean square, over the spread of ours
    largest_difference: float       # of the same, in nats


class PeerSample(Peer, Speeds, OnGpu):
    """A row of another engine, as compare.py accepts it in one round: what its process says is no row yet."""
    load_seconds: float
    peak_memory_gb: float


class PeerRow(Peer, FiguresOnGpu):
    """A row of another engine in a result."""
    load_seconds: Figure
    prompt_tps: Figure
    generation_tps: Figure
    peak_memory_gb: Figure
