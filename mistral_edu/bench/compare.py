"""Other engines beside ours: in the same rounds, with the same weights and prompts, and shown to compute the same.

A peer is measured by its own generation loop or the fastest use of it, in batches if it has a loop for them, on the GPU
if ours computes there, and otherwise on as many threads as this process has processors if it lets us choose. Before its
figures count, the log probabilities that it gives after each prompt (of a batch, after the first one) are compared with
ours: engines round differently, but one that leaves out the window, say, is another model, and its speed would mean
nothing. What is missing, fails, or differs is left out and listed with its reason.
"""
import math
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mistral_edu.bench import on_gpu, peers, same_weights
from mistral_edu.bench.ask import in_fresh_process
from mistral_edu.bench.row import OurSample, PeerSample
from mistral_edu.bench.timed_answers import prompt_ids, sample_ids
from mistral_edu.machine.processors import processors

# The largest difference that rounding explains, as a share of the spread of the log probabilities. In 8 bits the
# rounding of stock MLX needs the room, in 4 bits the different groups that engines form (seen: half of it). Another
# model differs by more than 1; one that has nothing to do with ours, by 1.4.
BOUNDS = {16: 0.3, 8: 0.3, 4: 0.7}
FIGURES = ("generated", "weights_gb", "load_seconds", "prompt_tps", "generation_tps", "peak_memory_gb")
ON_GPU = ("above_gb", "taken_gb")  # further ones, if a GPU computes
SLOW = 60  # seconds: a peer that took longer for a case is not measured in later rounds
OURS = "mistral_edu", None


class Comparison:
    """Peers to measure beside some cases.

    cases: the same with `written`, so that ours reads the same files. left_out: dicts, in the order of events.
    versions: {peer: {package: version}}.
    """

    def __init__(self, cases, names, place, folder, progress=lambda text: None, run=in_fresh_process):
        """names: from peers.PEERS. place: where their environments are. folder: an empty one, for the weights."""
        self.place, self.folder, self.left_out, self.versions = place, folder, [], {}
        self.names, self.slow = [], set()
        for name in names:
            if not peers.precisions(name):
                self.leave_out(name, "it is not compared on a GPU")
            elif peers.python_of(name, place).exists():
                self.names.append(name)
            else:
                self.leave_out(name, f"not installed; to set it up: mistral-edu bench --set-up {name}")
        for batch in sorted({batch for case in cases for batch in case.batches} - {1}):
            for name in self.names:
                if not peers.PEERS[name].batches:
                    self.leave_out(name, "it is measured at batch 1 only", batch=batch)
        self.cases = [replace(case, written=str(folder / str(case.bits or 16))) for case in cases]
        for case in cases:
            progress(f"writing the weights, {case.bits or 16} bit")
            config = run("write", case, folder=str(folder))
            for name in self.names:
                if (case.bits or 16) not in (known := peers.precisions(name)):
                    self.leave_out(name, f"it is compared in {' and '.join(map(str, known))} bit only",
                                   f"{case.bits} bit")
        self.vocab_size = config["vocab_size"]
        for name in list(self.names):
            if formats := same_weights.gguf_precisions(cases, [name]):
                progress(f"writing the weights for {name}")
                self.prepare(name, config, formats)

    def prepare(self, name, config, formats):
        out = self.folder / "gguf"
        out.mkdir()
        try:
            peers.run(name, self.place, "prepare", folder=str(self.folder / "16"), config=config, out=str(out),
                      precisions=formats, threads=processors())
        except ValueError as error:
            self.leave_out(name, str(error))
            self.names.remove(name)

    def leave_out(self, name, reason, precision=None, batch=None, context=None):
        """None: all of them."""
        reason = reason.replace(f"{Path.home()}/", "~/")  # results are published, and need not say whose machine it was
        self.left_out.append({"engine": name, "precision": precision, "batch": batch, "context": context,
                              "reason": reason})

    def is_left_out(self, name, precision, batch, context):
        return any(entry["engine"] == name and entry["precision"] in (None, precision)
                   and entry["batch"] in (None, batch) and entry["context"] in (None, context)
                   for entry in self.left_out)

    @contextmanager
    def or_left_out(self, name, precision):
        """A context in which an error leaves the peer out, with the reason."""
        try:
            yield
        except ValueError as error:
            self.leave_out(name, str(error), precision)
        except (KeyError, TypeError, IndexError) as error:
            self.leave_out(name, f"its answer is not what was asked for: {type(error).__name__}: {error}", precision)

    def rows(self, case, n, measure_ours, progress=lambda text: None):
        """Round n of this case: our rows, then those of every peer that has its precision; single values.

        measure_ours() gives ours. Each round rotates the order by one, so that no engine always runs first. Peers are
        compared with ours afterwards, whichever came first.
        """
        engines, answers = [OURS, *self.engines(case)], {}
        for engine in turned(engines, n - 1):
            if engine == OURS:
                answers[OURS] = measure_ours()
            else:
                progress(", ".join(engine))
                with self.or_left_out(*engine):
                    answers[engine] = self.measure(*engine, case)
        rows = list(answers[OURS])
        ours = {(row["batch"], row["context"]): row for row in rows}
        for engine in engines[1:]:
            if engine in answers:
                with self.or_left_out(*engine):
                    rows += self.accepted(*engine, answers[engine], ours)
        return rows

    def engines(self, case):
        """(name, precision) of the peers to measure beside a case. What is left out or slow is not measured again."""
        found = [(name, precision) for name in self.names
                 for precision in peers.precisions(name).get(case.bits or 16, ())]
        return [engine for engine in found if engine not in self.slow and self.sizes(*engine, case)]

    def sizes(self, name, precision, case):
        """(batch, context) of what a peer is still measured at, from small to large."""
        return [size for size in case.sizes if not self.is_left_out(name, precision, *size)]

    def measure(self, name, precision, case):
        """The answer of the runner in a peer's environment."""
        batches = [prompt_ids(self.vocab_size, context, batch)
                   for batch, context in self.sizes(name, precision, case)]
        kind = peers.PEERS[name].reads
        folder = {"hf": self.folder / "16", "mlx": case.written, "gguf": self.folder / "gguf"}[kind]
        return peers.run(name, self.place, "measure", folder=str(folder), precision=precision, batches=batches,
                         max_tokens=case.max_tokens, threads=processors(), sample=sample_ids(self.vocab_size),
                         on_gpu=on_gpu.is_used())

    def accepted(self, name, precision, result, ours: dict[tuple[int, int], OurSample]) -> list[PeerSample]:
        """The rows of a peer's answer that count. ours: {(batch, context): our row}."""
        rows = [self.checked(name, precision, row, ours[row["batch"], row["context"]]) for row in result["rows"]]
        self.versions[name] = result["versions"]
        if result["seconds"] > SLOW:
            self.slow.add((name, precision))
        return [row for row in rows if row is not None]

    def checked(self, name, precision, row, ours: OurSample) -> PeerSample | None:
        """The row as it is kept; None, and a reason in left_out, if another model was computed.

        Raises ValueError for anything that is not a measurement.
        """
        for figure in (*FIGURES, *(name for name in ON_GPU if name in row)):
            kind = int if figure == "generated" else (int, float)
            if not isinstance(row[figure], kind) or not 0 < row[figure] < math.inf:
                raise ValueError(f"{name} claims a {figure} of {row[figure]!r}; expected a number above 0")
        apart, largest = difference(ours["logprobs"], row["logprobs"])
        bits = ours["bits"] if ours["bits"] in BOUNDS else 16
        if not apart <= BOUNDS[bits]:
            self.leave_out(name, "it computes something else: its log probabilities differ from ours by "
                           f"{apart:.2f} of their spread, and rounding explains at most {BOUNDS[bits]}", precision,
                           row["batch"], row["context"])
            return None
        found: PeerSample = {
            "engine": name, "precision": precision, "bits": ours["bits"], "batch": ours["batch"],
            "context": ours["context"], "generated": row["generated"], "weights_gb": row["weights_gb"],
            "load_seconds": row["load_seconds"], "prompt_tps": row["prompt_tps"],
            "generation_tps": row["generation_tps"], "peak_memory_gb": row["peak_memory_gb"],
            "difference": apart, "largest_difference": largest}
        found.update({name: row[name] for name in ON_GPU if name in row})  # type: ignore[typeddict-item]
        return found


def turned(engines, n):
    """A list, rotated by n places.

    >>> turned(["a", "b", "c"], 1), turned(["a", "b", "c"], 5)
    (['b', 'c', 'a'], ['c', 'a', 'b'])
    """
    n %= len(engines)
    return engines[n:] + engines[:n]


def difference(ours, theirs):
    """(root mean square of the difference over the spread of ours, the largest difference) of log probabilities.

    >>> difference([1.0, 2.0, 3.0], [1.0, 2.0, 3.3])[1]
    0.2999999999999998
    """
    if len(ours) != len(theirs):
        raise ValueError(f"asked for {len(ours)} log probabilities, got {len(theirs)}")
    mean = sum(ours) / len(ours)
    spread = math.sqrt(sum((a - mean) ** 2 for a in ours))
    apart = math.sqrt(sum((a - b) ** 2 for a, b in zip(ours, theirs)))
    return apart / spread, max(abs(a - b) for a, b in zip(ours, theirs))
