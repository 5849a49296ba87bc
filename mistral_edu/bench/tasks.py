"""What a fresh process measures for the one that asked (ask.py): an order comes in, a result goes out, both as JSON.

    python -m mistral_edu.bench.tasks < order.json      prints one line: {"result": ...} or {"error": "..."}
"""
import json
import sys

from mistral_edu.bench.account import parts_of_mlx
from mistral_edu.bench.first_answer import arrival
from mistral_edu.bench.limits import measure_limits
from mistral_edu.bench.measure import Case, measure
from mistral_edu.bench.provenance import describe_machine, describe_software
from mistral_edu.bench.same_weights import write


def carry_out(task, case, **settings):
    """The result of a task, in a form that JSON can hold."""
    if task == "measure":
        return measure(Case(**case))
    if task == "first":
        return arrival(Case(**case))
    if task == "write":
        return write(Case(**case), **settings)
    if task == "limits":
        return measure_limits()
    if task == "parts":
        return parts_of_mlx()
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
