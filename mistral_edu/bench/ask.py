"""Each measurement runs in a fresh process: what one configuration leaves in memory must not count for the next.

This file asks, from the process that the user started; tasks.py answers, in the fresh one.
"""
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict

from mistral_edu.machine import blas

# These make a current OpenBLAS slower: it chooses kernels for an older processor, or smaller blocks.
SLOWING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def in_fresh_process(task, case=None, under=None, **settings):
    """The result of a task in a process of its own: "measure" a case, "write" it, its "first" answer, "limits",
    "parts", or "describe" the machine. under: further environment variables.

    Raises ValueError with that process's own message, or with the signal that ended it.
    """
    order = {"task": task, "case": asdict(case) if case else None, **settings}
    return ask([sys.executable, "-m", "mistral_edu.bench.tasks"], order, f"the process that should {task}",
               under=under)


def ask(command, order, who, stderr=None, under=None):
    """The result that a process gives: an order as JSON into its stdin, an answer from the last line of its stdout.

    who: what it is called in errors. stderr=subprocess.PIPE shows what else it says only in an error. Its environment
    is the user's own, without SLOWING: what this package sets for itself would change another engine's speed.
    """
    environment = {name: value for name, value in os.environ.items() if name not in (*SLOWING, *blas.set_by_us)}
    done = subprocess.run(command, input=json.dumps(order), stdout=subprocess.PIPE, stderr=stderr, text=True,
                          env=environment | (under or {}))
    said = (done.stderr or "").strip().splitlines()
    last_words = f"its last words: {said[-1].strip()}" if said else "its messages are above"
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        why = "; most likely memory ran out: take fewer bits or shorter prompts" if name == "SIGKILL" else ""
        raise ValueError(f"{who} was ended by {name}{why}")
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer["result"]
    except (IndexError, KeyError, TypeError, json.JSONDecodeError):
        raise ValueError(f"{who} ended with code {done.returncode} and no result; {last_words}") from None
