"""Train the embedded model from a seed:   mistral-edu train --out runs/tiny

A run is a folder: the tokenizer, the latest weights (a model folder that `load` takes), the state to go on from, a log
of one JSON object a line, the curve as a picture, and `checkpoints/`, small 4-bit models from along the way. Started
again, a run goes on where its last state was saved, with the rows that would have come next.
"""
import json
import math
import shutil
import time
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten, tree_unflatten

from mistral_edu.checkpoints.loading import load_tokenizer
from mistral_edu.config import MistralConfig
from mistral_edu.machine.whole_files import remove_parts, write, write_text
from mistral_edu.tiny import exam as exams
from mistral_edu.tiny.evaluate import accuracy, answered
from mistral_edu.tiny.training import optimizer
from mistral_edu.tiny.training.counted import checkpoint_name, counted
from mistral_edu.tiny.training.data import RowStream, digest, train_tokenizer
from mistral_edu.tiny.training.learning import attend_in_blocks, loss_of
from mistral_edu.tiny.training.saving import load_state, save_model, save_state
from mistral_edu.tiny.world import MAKERS
from mistral_edu.tiny.world.own import held_out_documents, own_world
from mistral_edu.transformer import unfilled

LOG_SECONDS = 30  # the longest between two lines of the log, on a slow machine
PROBE_DISTANCES = (64, 256, 512, 704)
CHECKPOINT_BITS = 4


def first_weights(config, seed):
    """Normal numbers, scaled by the width they are summed over; what adds to the residual stream starts at half."""
    model, key, weights = unfilled(config), mx.random.key(seed), {}
    for name, w in tree_flatten(model.parameters()):
        key, own = mx.random.split(key)
        if w.ndim == 1:
            weights[name] = mx.ones(w.shape)
            continue
        scale = w.shape[1] ** -0.5 if optimizer.is_matrix(name) else 0.02
        scale *= 0.5 if name.endswith(("o_proj.weight", "down_proj.weight")) else 1
        weights[name] = mx.random.normal(w.shape, key=own) * scale
    return optimizer.stack_layers(weights)


# ---------------------------------------------------------------- the run
class Run:
    """One training run: reads like a recipe in `train`, the steps below it."""

    def __init__(self, options, say=print):
        self.options, self.say = options, say
        self.out = Path(options.out)
        if not math.isfinite(options.tokens) and not options.minutes:
            raise ValueError("--tokens inf never ends; give a number, or an end by the clock: --minutes 10")
        self.begun = (self.out / "state.safetensors").exists()  # else what lies there may be replaced: no step was made
        for folder in (self.out, self.out / "checkpoints"):
            remove_parts(folder)
        self.config = MistralConfig.preset("tiny")
        self.world = self.find_world()
        self.check_start()
        self.tokenizer_path = self.out / "tokenizer.json"
        if not (self.begun and self.tokenizer_path.exists()):
            self.bring_tokenizer()  # the first that is written; a world that fails has failed by now
        self.keep_world()
        self.tokenizer = load_tokenizer(self.tokenizer_path)
        self.step, self.position, self.seconds = 0, 0, 0.0
        self.stopped = False
        self.long_answers = "long answers" if self.world else "stories"

    def find_world(self):
        """The file of a world of one's own: the one that is given, tried out, or that the run has kept; or None."""
        kept, given = self.out / "world.py", self.options.world
        if self.begun and given and not (kept.exists() and kept.read_bytes() == Path(given).read_bytes()):
            other = kept if kept.exists() else "the village"
            raise ValueError(f"the run in {self.out} was begun with another world, {other}; "
                             "give a new folder with --out")
        world = str(kept) if kept.exists() and (self.begun or not given) else given
        if world and not self.begun:
            own_world(world).try_out()
        return world

    def check_start(self):
        """Raise for tasks that the world does not have, and for files to start from that are not there."""
        names = own_world(self.world).makers if self.world else MAKERS
        unknown = set(self.options.tasks or ()) - set(names)
        if unknown:
            raise ValueError(f"no such task: {', '.join(sorted(unknown))}; the world has {', '.join(sorted(names))}")
        for name in ("tokenizer.json", "model.safetensors") if self.options.start else ():
            if not (Path(self.options.start) / name).is_file():
                raise FileNotFoundError(f"--start {self.options.start} takes a model's folder, and holds no {name}")

    def keep_world(self):
        """A copy in the run's folder, so that a resumed run, and each worker, hears of the same."""
        kept = self.out / "world.py"
        if self.world and self.world != str(kept):
            write(kept, lambda p: shutil.copyfile(self.world, p))
            self.world = str(kept)

    def bring_tokenizer(self):
        """The vocabulary that the weights to start from were trained with, or one learned from the world."""
        if self.options.start:
            source = Path(self.options.start) / "tokenizer.json"
            self.out.mkdir(parents=True, exist_ok=True)
            write(self.tokenizer_path, lambda p: shutil.copyfile(source, p))
        else:
            self.say(f"learning a vocabulary of {self.config.vocab_size} pieces")
            train_tokenizer(self.tokenizer_path, self.config.vocab_size, world=self.world)

    @property
    def tokens(self):
        return self.position * self.config.context_len

    @property
    def progress(self):
        """0 at the start, 1 at the end: by tokens, or by the clock where --minutes is given."""
        by_clock = self.seconds / (60 * self.options.minutes) if self.options.minutes else 0.0
        return max(self.tokens / self.options.tokens, by_clock)

    def train(self):
        self.begin_or_resume()
        self.prepare_exam()
        rows = self.open_rows()
        on_gpu = mx.default_device() != mx.Device(mx.cpu)
        dtype = mx.bfloat16 if on_gpu else mx.float32
        step = optimizer.make_step(attend_in_blocks(unfilled(self.config)), loss_of, dtype, compiled=on_gpu)
        try:
            self.learn(step, rows)
            self.save()  # first of all: a second Ctrl-C loses nothing
            self.evaluate()
            self.draw()
        finally:
            rows.close()

    def begin_or_resume(self):
        if self.begun:
            state = self.out / "state.safetensors"
            self.weights, self.m, self.v, numbers = load_state(state, first_weights(self.config, 0))
            self.step, self.position = int(numbers["step"]), int(numbers["position"])
            self.seconds = numbers["seconds"]
            self.say(f"going on from step {self.step}, {counted(self.tokens)}")
            if self.progress >= 1:
                self.say("the run is at its end: its exam is asked once more; more --minutes or --tokens let it go on")
        else:
            self.weights = self.start_from(self.options.start)
            self.m, self.v = optimizer.first_state(self.weights)
            size = sum(w.size for w in self.weights.values())
            rows = f"{self.options.batch} row" + "s" * (self.options.batch > 1)
            self.say(f"{size:,} parameters, {rows} of {self.config.context_len} tokens a step")
        self.forget_log_after(self.step)

    def start_from(self, folder):
        if not folder:
            return first_weights(self.config, self.options.seed)
        weights = mx.load(str(Path(folder) / "model.safetensors"))
        return optimizer.stack_layers({name: w.astype(mx.float32) for name, w in weights.items()})

    def prepare_exam(self):
        """What `evaluate` asks is left out of training; a small part of it is asked along the way."""
        if self.world:
            self.prepare_own_exam(own_world(self.world))
            return
        exam = exams.make_exam(self.tokenizer)
        self.left_out = frozenset(digest(item.text) for item in exams.all_items(exam))
        self.tasks = {name: items[:24] for name, items in exam["tasks"].items()}
        if self.options.tasks:
            self.tasks = {n: items for n, items in self.tasks.items() if exams.maker_of(n) in self.options.tasks}
        far = not self.options.tasks or {"recall", "rivals"} & set(self.options.tasks)
        self.recall = {d: exam["recall"][d, 2][:24] for d in PROBE_DISTANCES} if far else {}

    def prepare_own_exam(self, world):
        """Held-out questions of each maker; content that is asked in training is not among them."""
        names = self.options.tasks or world.makers
        self.tasks = {name: [exams.make_item(self.tokenizer, document)
                             for document in held_out_documents(world, name, 24)]
                      for name in names}
        self.left_out = frozenset(digest(item.text) for items in self.tasks.values() for item in items)
        self.recall = {}
        held_out = ", ".join(f"{name} {len(items)}" for name, items in self.tasks.items())
        self.say(f"questions held out for the exam: {held_out}")

    def open_rows(self):
        o = self.options
        return RowStream(
            self.tokenizer_path, self.config.context_len, o.seed, o.workers, self.left_out, o.tasks, self.position,
            self.world
        )

    def learn(self, step, rows):
        keep = [mark for mark in sorted(set(self.options.keep)) if mark >= self.tokens]
        mark = saved = logged = time.perf_counter()
        losses = []
        evaluations = int(self.tokens // self.options.evaluate_every)
        self.keep_passed(keep)
        while self.progress < 1 and not self.stopped:
            batch = mx.array(rows.take(self.options.batch))
            self.step, self.position = self.step + 1, rows.position
            rate = mx.array(optimizer.rate_at(self.progress, self.step, self.options.rate))
            t = mx.array(float(self.step))
            self.weights, self.m, self.v, loss, parts = step(self.weights, self.m, self.v, batch, rate, t)
            mx.async_eval(self.weights, self.m, self.v, loss, parts)
            losses.append(mx.stack([loss, *parts]))
            if len(losses) > 1:
                mx.eval(losses[-2])  # at most one step is computed ahead
            now = time.perf_counter()
            self.seconds, mark = self.seconds + now - mark, now
            if len(losses) >= self.options.log_every or now - logged > LOG_SECONDS:
                logged = now
                self.log_losses(losses)
                losses = []
            if keep and self.tokens >= keep[0]:
                self.keep_passed(keep)
                mark = time.perf_counter()
            if self.tokens >= (evaluations + 1) * self.options.evaluate_every:
                evaluations += 1
                self.evaluate()
                mark = time.perf_counter()  # the clock of --minutes and of the log counts learning only
            if now - saved > 60 * self.options.save_minutes:
                self.save()
                saved = mark = time.perf_counter()

    def stop(self, *_):
        """Ctrl-C or a kill: finish this step, save, and end."""
        self.stopped = True

    # ------------------------------------------------------------ along the way
    def log_losses(self, losses):
        loss, story, answer = (round(x, 4) for x in (sum(losses) / len(losses)).tolist())
        speed = self.tokens / self.seconds
        self.log({"loss": loss, "story": story, "answer": answer, "tokens_per_second": round(speed)})
        peak = mx.get_peak_memory() / 1e9
        parts = [f"{name} {part:.3f}" for name, part in ((self.long_answers, story), ("answers", answer)) if part > 0]
        self.say(f"step {self.step:6d}, {counted(self.tokens):>19}, loss {loss:.3f} ({', '.join(parts)}), "
                 f"{speed:,.0f} tokens/s, {peak:.1f} GB at the peak")

    def evaluate(self):
        """Ask a small part of the exam."""
        dtype = mx.float32 if mx.default_device() == mx.Device(mx.cpu) else mx.bfloat16
        model = unfilled(self.config)
        cast = {name: w.astype(dtype) for name, w in optimizer.unstack_layers(self.weights).items()}
        model.update(tree_unflatten(list(cast.items())))
        tasks = {name: accuracy(answered(model, self.tokenizer, items)) for name, items in self.tasks.items()}
        recall = {d: accuracy(answered(model, self.tokenizer, items)) for d, items in self.recall.items()}
        mean = round(sum(tasks.values()) / max(1, len(tasks)), 4)
        self.log({"exact_match": mean, "tasks": tasks, "recall": recall})
        weakest = ", ".join(f"{name} {tasks[name]:.2f}" for name in sorted(tasks, key=tasks.get)[:6])
        rivals = f"; recall among rivals: {recall}" * bool(recall)
        self.say(f"  exact match {mean:.3f} on held-out questions; weakest: {weakest}{rivals}")

    def keep_passed(self, marks):
        """A checkpoint for each mark that has been passed. Those are taken from the list."""
        while marks and self.tokens >= marks[0]:
            self.keep_checkpoint(marks.pop(0))

    def keep_checkpoint(self, mark):
        folder = self.out / "checkpoints" / checkpoint_name(mark)
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed after it, and comes by again
        write(folder,
              lambda p: save_model(self.weights, self.config, self.tokenizer_path, Path(p), bits=CHECKPOINT_BITS))
        self.say(f"  kept in {CHECKPOINT_BITS} bit: {folder}")

    def save(self):
        save_model(self.weights, self.config, self.tokenizer_path, self.out)
        numbers = {"step": self.step, "position": self.position, "seconds": self.seconds}
        save_state(self.out / "state.safetensors", self.weights, self.m, self.v, numbers)

    def log(self, entry):
        entry = {"step": self.step, "tokens": self.tokens, "seconds": round(self.seconds, 1), **entry}
        with open(self.out / "log.jsonl", "a") as file:
            file.write(json.dumps(entry) + "\n")

    def read_log(self):
        """The entries of log.jsonl. A line that is damaged is left out, and named."""
        path, entries = self.out / "log.jsonl", []
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        for n, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
                entry["step"] + 0  # a line without its step says nothing
                entries.append(entry)
            except (ValueError, KeyError, TypeError, RecursionError):
                self.say(f"{path}, line {n}, is damaged and left out: {line[:60]!r}")
        return entries

    def forget_log_after(self, step):
        """A killed run may have logged steps that it never saved: they will come again."""
        kept = [json.dumps(entry) + "\n" for entry in self.read_log() if entry["step"] <= step]
        write_text(self.out / "log.jsonl", "".join(kept))

    def draw(self):
        """curve.png: loss and exact match against tokens seen."""
        try:
            from mistral_edu.tiny.training.curve import draw_curve
        except ImportError:
            self.say("no curve drawn: matplotlib is not installed (pip install matplotlib)")
            return
        write(self.out / "curve.png", lambda p: draw_curve(self.read_log(), p, self.long_answers))
