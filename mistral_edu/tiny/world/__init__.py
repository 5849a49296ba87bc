"""The small world of the embedded model: a village, told by grammars. It is seeded; no two documents are the same.

    sample(random.Random(0))                      a training document of any task
    sample(random.Random(0), "test", "story")     a held-out story request

Every document has a key (names, objects, places, numbers ...); `held_out(key)` decides whether it is for training or
for the test. `python -m mistral_edu.tiny.world` prints two examples of every task.
"""
from mistral_edu.tiny.world.doc import Doc, held_out, prompts
from mistral_edu.tiny.world.recall import pairs, recall, rivals, sentence
from mistral_edu.tiny.world.scenes import scene, things
from mistral_edu.tiny.world.stories import follow_up, free_story, plain, story, story_qa
from mistral_edu.tiny.world.symbols import arithmetic, compare, copy, count, order, reverse, spell
from mistral_edu.tiny.world.village import fact, go_on, manners, outside

__all__ = ["Doc", "MIX", "held_out", "prompts", "sample"]

# Maker of documents -> how often it comes, relative to the others. Stories are long and sums short, so the shares of
# text differ. Rivals, pairs, things and sentence ask for one among several facts of a kind: with less than a quarter of
# the text, matching by content is not learned at all.
MIX = {plain: 2, story: 14, free_story: 2, story_qa: 6, follow_up: 11,
       scene: 9, things: 6, recall: 5, rivals: 6, pairs: 9, sentence: 6,
       copy: 3, reverse: 4, spell: 5, count: 8, compare: 3, arithmetic: 8, order: 6, fact: 7, manners: 6, outside: 6}
MAKERS = {maker.__name__: maker for maker in MIX}
SPLITS = ("train", "test")
MAY_GO_ON = {story, free_story, follow_up, scene, spell, count, arithmetic, order}
GOES_ON = 0.06      # share of these documents that change the topic at the end, in training


def sample(r, split: str = "train", task: str | None = None, **options) -> Doc:
    """A document of this split; r is a random.Random.

    task     the name of a maker in MIX; None draws one by its share
    options  go to the maker (recall and rivals take n_fill, n_facts, ask_all, kinds)

    Raises ValueError for an unknown split or task.
    """
    if split not in SPLITS:
        raise ValueError(f"the world has the splits {', '.join(SPLITS)}, not {split!r}")
    if task is not None and task not in MAKERS:
        raise ValueError(f"no such task: {task!r}; the world has {', '.join(MAKERS)}")
    maker = MAKERS[task] if task else r.choices(list(MIX), list(MIX.values()))[0]
    while True:
        doc = maker(r, **options)
        if held_out(doc.key) == (split == "test"):
            break
    if split == "train" and maker in MAY_GO_ON and r.random() < GOES_ON:
        return go_on(r, doc)
    return doc
