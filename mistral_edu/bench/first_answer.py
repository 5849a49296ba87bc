"""The first token on a new machine: in a fresh process, which finds nothing that an earlier one compiled for its GPU.

It comes as stream_generate hands it over, once the second is under way, so what both need has been compiled by then.
MLX compiles kernels for NVIDIA when they are first used, and keeps them; so does NVIDIA's driver with their machine
code. Empty folders take the place of both.
"""
import tempfile
import time

from mistral_edu.bench import on_gpu
from mistral_edu.bench.measure import make_model
from mistral_edu.bench.row import FirstAnswer
from mistral_edu.bench.timed_answers import prompt_ids
from mistral_edu.fast import accelerate
from mistral_edu.generate import decode
from mistral_edu.prefill import Reader, prefill
from mistral_edu.sampling import GREEDY

KEPT = "MLX_PTX_CACHE_DIR", "CUDA_CACHE_PATH"   # where MLX and the driver keep what they compiled


def check_gpu():
    """Raise ValueError where no GPU computes: there nothing is compiled that an answer waits for."""
    if not on_gpu.is_used():
        raise ValueError("--first times the first answer of a GPU, whose kernels are compiled then; leave it out, "
                         "since MLX computes on the processor here")


def on_a_new_machine(case, run) -> FirstAnswer:
    """Time a case's first answer. run: as ask.in_fresh_process.

    The clock runs from before the process begins: Python, the imports and the weights count.
    """
    with tempfile.TemporaryDirectory(prefix="mistral_edu-first-") as empty:
        began = time.time()
        arrived = run("first", case, under={name: f"{empty}/{name}" for name in KEPT})
    return {"bits": case.bits or 16, "context": min(case.contexts), "seconds": arrived - began}


def arrival(case):
    """The time (time.time()) at which the first token after a case's shortest prompt is there."""
    model = make_model(case)
    if case.fast:
        accelerate(model)
    prompt, = prompt_ids(model.config.vocab_size, min(case.contexts))
    reader = Reader(model)
    next(decode(reader, prefill(reader, prompt), 2, GREEDY))    # hands over the first, with the second under way
    return time.time()
