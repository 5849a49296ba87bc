"""What a run is asked along the way: a small part of the exam, which is left out of training."""
from typing import NamedTuple

from mistral_edu.tiny import exam as exams
from mistral_edu.tiny.answers import accuracy, answered
from mistral_edu.tiny.training.data import digest
from mistral_edu.tiny.world.own import held_out_documents

ITEMS = 24  # of a task, or of a distance
PROBE_DISTANCES = (64, 256, 512, 704)


class Exam(NamedTuple):
    tasks: dict  # {name: items}
    recall: dict  # {distance: items}, facts among rivals; empty for a world of one's own
    left_out: frozenset  # digests of prompts that training must not use

    def ask(self, model, tokenizer) -> dict:
        """Shares of exact answers, as the log has them."""
        tasks = {name: accuracy(answered(model, tokenizer, items)) for name, items in self.tasks.items()}
        recall = {d: accuracy(answered(model, tokenizer, items)) for d, items in self.recall.items()}
        mean = round(sum(tasks.values()) / max(1, len(tasks)), 4)
        return {"exact_match": mean, "tasks": tasks, "recall": recall}


def in_words(result) -> str:
    """
    >>> in_words({"exact_match": 0.75, "tasks": {"spell": 1.0, "count": 0.5}, "recall": {}})
    'exact match 0.750 on held-out questions; weakest: count 0.50, spell 1.00'
    """
    tasks, recall = result["tasks"], result["recall"]
    weakest = ", ".join(f"{name} {tasks[name]:.2f}" for name in sorted(tasks, key=tasks.get)[:6])
    rivals = f"; recall among rivals: {recall}" * bool(recall)
    return f"exact match {result['exact_match']:.3f} on held-out questions; weakest: {weakest}{rivals}"


def village_exam(tokenizer, chosen=None) -> Exam:
    """Of the tasks that the makers in `chosen` produce, or of all. The whole exam is left out of training."""
    exam = exams.make_exam(tokenizer)
    tasks = {name: items[:ITEMS] for name, items in exam["tasks"].items()}
    if chosen:
        tasks = {name: items for name, items in tasks.items() if exams.maker_of(name) in chosen}
    far = not chosen or {"recall", "rivals"} & set(chosen)
    recall = {d: exam["recall"][d, 2][:ITEMS] for d in PROBE_DISTANCES} if far else {}
    return Exam(tasks, recall, frozenset(digest(item.text) for item in exams.all_items(exam)))


def own_exam(tokenizer, world, chosen=None) -> Exam:
    """Held-out questions of each maker; content that is asked in training is not among them."""
    tasks = {name: [exams.make_item(tokenizer, document) for document in held_out_documents(world, name, ITEMS)]
             for name in chosen or world.makers}
    return Exam(tasks, {}, frozenset(digest(item.text) for items in tasks.values() for item in items))
