"""The exam of the embedded model: held-out prompts of every task, with their exact answers.

"Held out" is decided by content (world.held_out): no combination of names, things, places or numbers that is asked
about here occurs in a training text. The same seed gives the same exam on every machine.
"""
import random
import re
from typing import NamedTuple

from mistral_edu.chat import encode_chat
from mistral_edu.tiny.world import prompts, sample
from mistral_edu.tiny.world.probes import REAL_WORLD, WISHES
from mistral_edu.tiny.world.recall import KINDS, filler
from mistral_edu.tiny.world.village import OUTSIDE

TASKS = (
    "story_qa follow_q follow_again scene_where scene_object scene_who scene_colour scene_many scene_has scene_before "
    "things_who things_colour rivals pairs sentence copy reverse spell count compare arithmetic order fact manners "
    "outside"
).split()
DISTANCES = (16, 64, 128, 192, 256, 320, 384, 448, 512, 576, 640, 704, 768, 832, 896)  # tokens from fact to question
CLOSE_ENOUGH = 5  # tokens by which a recall item may miss its distance
LONGEST_STORY = 400  # tokens: far more than a story takes


class Item(NamedTuple):
    """One question of the exam."""

    task: str
    prompt: list  # ids, up to and including [/INST]
    answer: str
    meta: object  # a story's wishes; a recall item's distance
    text: str  # the prompt with all turns before it: what training leaves out


def make_item(tokenizer, document, turn=0, meta=None):
    """The question of one turn of a document, with the turns before it answered as they should be."""
    messages = []
    for question, answer in document.turns[:turn]:
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    messages.append({"role": "user", "content": document.turns[turn][0]})
    ids = encode_chat(messages, tokenizer)
    return Item(document.task, ids, document.turns[turn][1], meta or document.meta, prompts(document)[turn])


def maker_of(task):
    """The maker in the world that produces a task's documents: scene_who comes from `scene`."""
    kind = task.partition("_")[0]
    return {"scene": "scene", "things": "things", "follow": "follow_up"}.get(kind, task)


def task_items(tokenizer, task, n, seed=99):
    """n different held-out items of one task, or fewer if the held-out part of the world holds fewer."""
    r, items, seen = random.Random(f"{seed}/{task}"), [], set()
    for _ in range(100 * n):
        if len(items) == n:
            break
        document = sample(r, "test", maker_of(task))
        if document.task != task:
            continue
        turn = 0
        if task.startswith("follow"):
            turn = len(document.turns) - 1
        elif task in ("story_qa", "rivals", "pairs"):
            turn = r.randrange(len(document.turns))
        item = make_item(tokenizer, document, turn)
        if item.text not in seen:
            seen.add(item.text)
            items.append(item)
    return items


def small_sums(tokenizer, n, seed=99):
    """n different held-out sums and differences within 20, in all their phrasings."""
    r, items = random.Random(f"{seed}/sums"), {}
    while len(items) < n:
        item = make_item(tokenizer, sample(r, "test", "arithmetic"))
        numbers = [int(x) for x in re.findall(r"\d+", item.answer)]
        if "=" in item.answer and max(numbers) <= 20:
            items[item.text] = item
    return list(items.values())


def recall_items(tokenizer, distance, rivals, n, seed=99):
    """A fact, then other people's news until the fact is `distance` tokens back, then the question about it.

    With rivals = 2 there are two more facts of the same kind, so that knowing the kind of the answer is not enough.
    """
    r, items = random.Random(f"{seed}/recall/{rivals}/{distance}"), []

    def length(text):
        return len(tokenizer.encode(" " + text, bos=False))

    while len(items) < n:
        if rivals:
            document = sample(r, "test", "rivals", n_fill=0, n_facts=rivals + 1, ask_all=False, kinds=KINDS)
        else:
            document = sample(r, "test", "recall", n_fill=0, n_facts=1, ask_all=False)
        (prompt, answer), (fact, question) = document.turns[0], document.meta
        head = prompt[: -len(question)]
        between = head[head.index(fact) + len(fact) :]
        far, news = length(between + question) + 1, ""
        while far + 4 <= distance:
            sentence = filler(r)
            news += sentence + " "
            far += length(sentence)
        if abs(far - distance) <= CLOSE_ENOUGH:
            document = document._replace(turns=[(head + news + question, answer)])
            items.append(make_item(tokenizer, document, meta=distance))
    return items


def make_exam(tokenizer, n=100, n_recall=50, distances=DISTANCES, seed=99):
    """{"tasks": {name: items}, "recall": {(distance, rivals): items},
    "sums", "stories", "wishes", "real_world": items}.
    """
    return {
        "tasks": {task: task_items(tokenizer, task, n, seed) for task in TASKS},
        "recall": {(d, rivals): recall_items(tokenizer, d, rivals, n_recall, seed)
                   for rivals in (0, 2) for d in distances},
        "sums": small_sums(tokenizer, n, seed),
        "stories": task_items(tokenizer, "story", n, seed),
        "wishes": [probe(tokenizer, "wish", prompt, "", words) for prompt, words in WISHES],
        "real_world": [probe(tokenizer, "real_world", question, OUTSIDE) for question in REAL_WORLD],
    }


def probe(tokenizer, task, prompt, answer, meta=None):
    """An item of the hand-written part."""
    return Item(task, encode_chat([{"role": "user", "content": prompt}], tokenizer), answer, meta, prompt)


def all_items(exam):
    """Every item, in order."""
    single = [exam[name] for name in ("sums", "stories", "wishes", "real_world")]
    return [item for part in [*exam["tasks"].values(), *exam["recall"].values(), *single] for item in part]
