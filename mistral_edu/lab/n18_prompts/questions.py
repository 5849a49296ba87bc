"""What notebook 18 asks `tiny`: short questions of eight kinds, and one whose fact was told a while ago."""
import random
from functools import lru_cache

from mistral_edu.chat import encode_chat
from mistral_edu.lab.experiments.skills import recall_items
from mistral_edu.tiny.exam import task_items
from mistral_edu.tiny.world.recall import filler

KINDS = ("fact", "arithmetic", "copy", "spell", "order", "compare", "reverse")     # and recall


@lru_cache
def short_questions(tokenizer, n=8):
    """8 n questions of one turn that `tiny` was not trained on, n of each kind: a tuple of tiny.exam.Item.

    Each has a text, the one right answer, and its prompt in the format of training.
    """
    items = [item for kind in KINDS for item in task_items(tokenizer, kind, n)]
    return (*items, *recall_items(tokenizer, n))


def told_and_asked(tokenizer, n_between, between, n=4):
    """n recall_items with something between the three facts and the question: pairs (tokens back, Item).

    between: "sums, as turns" of a conversation with their answers; "sums, in one text", a long question; "news, in one
    text" of the village. Tokens back: from the last token of the prompt to the place that is asked for.
    """
    return [_far(tokenizer, item, n_between, between, random.Random(seed))
            for seed, item in enumerate(recall_items(tokenizer, n))]


def _far(tokenizer, item, n_between, between, r):
    told, asked = item.text.split(" Where is ")
    if between == "sums, as turns":
        turns = [(f"{told} What is 1 + 1?", "1 + 1 = 2."), *(_sum(r) for _ in range(n_between - 1))]
        texts = [text for turn in turns for text in turn] + [f"Where is {asked}"]
    else:
        tell = filler if between == "news, in one text" else lambda r: " ".join(_sum(r))
        texts = [" ".join([told, *(tell(r) for _ in range(n_between)), f"Where is {asked}"])]
    prompt = encode_chat([{"role": ("user", "assistant")[k % 2], "content": text} for k, text in enumerate(texts)],
                         tokenizer)
    at_place = 2 + 7 * item.meta[2] + 5                         # see recall_items
    return len(prompt) - 1 - at_place, item._replace(prompt=prompt)


def _sum(r):
    a, b = r.randint(1, 9), r.randint(1, 9)
    return f"What is {a} + {b}?", f"{a} + {b} = {a + b}."
