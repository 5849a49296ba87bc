"""Each measurement runs in a fresh process: what one configuration left in memory must not be counted for the next.

    python -m mistral_edu.bench.child < task.json       prints one line of JSON: a result, or {"error": "..."}
"""
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict

# These make a current OpenBLAS choose kernels of an older processor, or smaller blocks, and so slower.
SLOWING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def in_child(task, case=None):
    """The result of a task in a process of its own: "measure" a case, "limits", or "describe" the machine.

    Raises ValueError with the child's own message, or with the signal that ended it.
    """
    order = {"task": task, "case": asdict(case) if case else None}
    environment = {name: value for name, value in os.environ.items() if name not in SLOWING}
    done = subprocess.run([sys.executable, "-m", "mistral_edu.bench.child"], input=json.dumps(order),
                          stdout=subprocess.PIPE, text=True, env=environment)
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        why = "; most likely the memory was not enough: take fewer bits or shorter prompts" if name == "SIGKILL" else ""
        raise ValueError(f"the process that should {task} was ended by {name}{why}")
    try:
        result = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise ValueError(f"the process that should {task} ended with code {done.returncode} and no result; "
                         "what it said stands above") from None
    if "error" in result:
        raise ValueError(result["error"])
    return result["result"]


def carry_out(task, case):
    """What the child does, here: a result that JSON can hold."""
    from mistral_edu.bench.limits import measure_limits
    from mistral_edu.bench.machine import describe_machine, describe_software
    from mistral_edu.bench.measure import Case, measure
    if task == "measure":
        return measure(Case(**case))
    if task == "limits":
        return measure_limits()
    return {"machine": describe_machine(), "software": describe_software()}


def main():
    order = json.load(sys.stdin)
    try:
        answer = {"result": carry_out(**order)}
    except (ValueError, OSError, MemoryError) as error:
        answer = {"error": str(error) or type(error).__name__}
    except KeyboardInterrupt:
        sys.exit(130)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
