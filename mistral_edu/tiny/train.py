"""Train the embedded model from a seed:   mistral-edu train --out runs/tiny

A run is a folder: the tokenizer, the latest weights (a model folder that `load` takes), the state to go on from, a log
of one JSON object a line, the curve as a picture, and `checkpoints/`, small 4-bit models from along the way. Started
again, a run goes on where its last state was saved, with the rows that would have come next.
"""
import math
import time
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_unflatten

from mistral_edu.checkpoints.loading import load_tokenizer
from mistral_edu.config import MistralConfig
from mistral_edu.machine.whole_files import remove_parts
from mistral_edu.tiny.training.checkpoints import Checkpoints
from mistral_edu.tiny.training.counted import counted
from mistral_edu.tiny.training.data import RowStream
from mistral_edu.tiny.training.exam import in_words, own_exam, village_exam
from mistral_edu.tiny.training.learning import attend_in_blocks, loss_of
from mistral_edu.tiny.training.log import Log
from mistral_edu.tiny.training.optimizer import as_tree, make_optimizer, make_step, moments, rate_at, resume
from mistral_edu.tiny.training.saving import load_state, save_model, save_state
from mistral_edu.tiny.training.stacks import unstack_layers
from mistral_edu.tiny.training.start import bring_tokenizer, check_out, check_start, start_weights
from mistral_edu.tiny.training.world import check_tasks, find_world, keep_world
from mistral_edu.tiny.world.own import own_world
from mistral_edu.transformer import unfilled

LOG_SECONDS = 30  # the longest between two lines of the log, on a slow machine


class Run:
    """One training run. `train` tells it from beginning to end; its parts have files of their own in training/.

    options: what `mistral-edu train` takes. say(text) hears what happens, and on_step(progress) how far it is, 0 to 1.
    """

    def __init__(self, options, say=print, on_step=lambda progress: None):
        """Find and check what the run needs. Raises ValueError or OSError before anything is written."""
        self.options, self.say, self.on_step = options, say, on_step
        self.out = Path(options.out)
        if not math.isfinite(options.tokens) and not options.minutes:
            raise ValueError("--tokens inf never ends; give a number, or an end by the clock: --minutes 10")
        self.state_path, self.tokenizer_path = self.out / "state.safetensors", self.out / "tokenizer.json"
        self.begun = self.state_path.exists()  # else no step was made
        self.config = MistralConfig.preset("tiny")
        world = find_world(self.out, options.world, self.begun)
        check_tasks(world, options.tasks)
        check_start(options.start)
        if not self.begun:
            check_out(self.out)
        for folder in (self.out, self.out / "checkpoints"):
            remove_parts(folder)
        if not (self.begun and self.tokenizer_path.exists()):
            # the first that is written; a world that fails has failed by now
            bring_tokenizer(self.tokenizer_path, self.config.vocab_size, options.start, world, say)
        self.world = keep_world(world, self.out)
        self.tokenizer = load_tokenizer(self.tokenizer_path)
        self.log = Log(self.out, say)
        self.on_cpu = mx.default_device() == mx.Device(mx.cpu)
        self.dtype = mx.float32 if self.on_cpu else mx.bfloat16  # what this machine is fast at
        self.optimizer = make_optimizer(self.dtype)
        self.step, self.position, self.seconds = 0, 0, 0.0
        self.stopped = False
        self.long_answers = "long answers" if self.world else "stories"

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
        self.exam = self.make_exam()
        rows = self.open_rows()
        try:
            self.learn(rows)
            self.save()  # first of all: a second Ctrl-C loses nothing
            self.evaluate()
            self.log.draw(self.long_answers)
        finally:
            rows.close()

    # ------------------------------------------------------------ before the first step
    def begin_or_resume(self):
        o = self.options
        self.weights = start_weights(self.config, o.seed, None if self.begun else o.start)
        self.optimizer.init(as_tree(self.weights))
        if self.begun:
            self.resume()
        else:
            size = sum(w.size for w in self.weights.values())
            rows = f"{o.batch} row" + "s" * (o.batch > 1)
            self.say(f"{size:,} parameters, {rows} of {self.config.context_len} tokens a step")
        self.log.forget_after(self.step)
        ahead = [mark for mark in o.keep if mark >= self.tokens]
        self.checkpoints = Checkpoints(self.out / "checkpoints", ahead, self.save_model, self.say)

    def resume(self):
        self.weights, saved, numbers = load_state(self.state_path, self.weights, moments(self.optimizer))
        self.step, self.position, self.seconds = int(numbers["step"]), int(numbers["position"]), numbers["seconds"]
        resume(self.optimizer, saved, self.step)
        self.say(f"going on from step {self.step}, {counted(self.tokens)}")
        if self.progress >= 1:
            self.say("the run is at its end: its exam is asked once more; more --minutes or --tokens let it go on")

    def make_exam(self):
        if not self.world:
            return village_exam(self.tokenizer, self.options.tasks)
        exam = own_exam(self.tokenizer, own_world(self.world), self.options.tasks)
        held_out = ", ".join(f"{name} {len(items)}" for name, items in exam.tasks.items())
        self.say(f"questions held out for the exam: {held_out}")
        return exam

    def open_rows(self):
        o = self.options
        return RowStream(self.tokenizer_path, self.config.context_len, o.seed, o.workers, self.exam.left_out, o.tasks,
                         self.position, self.world)

    # ------------------------------------------------------------ step by step
    def learn(self, rows):
        """Make steps until the end, or until stopped. `seconds` counts these alone, not exams and files in between."""
        step = make_step(attend_in_blocks(unfilled(self.config)), loss_of, self.optimizer, self.dtype,
                         compiled=not self.on_cpu)
        self.checkpoints.keep_passed(self.tokens)
        exams = self.tokens // self.options.evaluate_every
        losses, mark = [], time.perf_counter()
        logged = saved = mark
        while self.progress < 1 and not self.stopped:
            losses.append(self.take(step, rows))
            if len(losses) > 1:
                mx.eval(losses[-2])  # at most one step is computed ahead
            now = time.perf_counter()
            self.seconds, mark = self.seconds + now - mark, now
            self.on_step(self.progress)
            if len(losses) >= self.options.log_every or now - logged > LOG_SECONDS:
                self.log_losses(losses)
                losses, logged = [], now
            if self.checkpoints.keep_passed(self.tokens):
                mark = time.perf_counter()
            if self.tokens // self.options.evaluate_every > exams:
                exams += 1
                self.evaluate()
                mark = time.perf_counter()
            if now - saved > 60 * self.options.save_minutes:
                self.save()
                saved = mark = time.perf_counter()

    def take(self, step, rows):
        """One step on the next rows, still being computed. Returns its losses: of all, long and short answers (3,)."""
        batch = mx.array(rows.take(self.options.batch))
        self.step, self.position = self.step + 1, rows.position
        rate = mx.array(rate_at(self.progress, self.step, self.options.rate))
        self.weights, loss, parts = step(self.weights, batch, rate)
        mx.async_eval(self.weights, self.optimizer.state, loss, parts)
        return mx.stack([loss, *parts])

    def stop(self, *_):
        """Ctrl-C or a kill: finish this step, save, and end."""
        self.stopped = True

    # ------------------------------------------------------------ along the way
    def log_losses(self, losses):
        loss, story, answer = (round(x, 4) for x in (sum(losses) / len(losses)).tolist())
        speed = self.tokens / self.seconds
        self.note({"loss": loss, "story": story, "answer": answer, "tokens_per_second": round(speed)})
        peak = mx.get_peak_memory() / 1e9
        parts = [f"{name} {part:.3f}" for name, part in ((self.long_answers, story), ("answers", answer)) if part > 0]
        self.say(f"step {self.step:6d}, {counted(self.tokens):>19}, loss {loss:.3f} ({', '.join(parts)}), "
                 f"{speed:,.0f} tokens/s, {peak:.1f} GB at the peak")

    def evaluate(self):
        """Ask the exam."""
        model = unfilled(self.config)
        model.update(tree_unflatten([(name, w.astype(self.dtype)) for name, w in unstack_layers(self.weights).items()]))
        result = self.exam.ask(model, self.tokenizer)
        self.note(result)
        self.say(f"  {in_words(result)}")

    def note(self, entry):
        self.log.add({"step": self.step, "tokens": self.tokens, "seconds": round(self.seconds, 1), **entry})

    def save(self):
        self.save_model(self.out)
        numbers = {"step": self.step, "position": self.position, "seconds": self.seconds}
        save_state(self.state_path, self.weights, moments(self.optimizer), numbers)

    def save_model(self, folder, bits=None):
        save_model(self.weights, self.config, self.tokenizer_path, Path(folder), bits)
