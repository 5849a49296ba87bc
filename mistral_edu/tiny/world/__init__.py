"""The small world of the embedded model: a village, told by grammars. Seeded, and no two documents the same.

    sample(random.Random(0))                      a training document of any task
    sample(random.Random(0), "test", "story")     a held-out story request

Every document has a key (names, objects, places, numbers ...); `held_out(key)` decides whether it is for training or
for the test. `python -m mistral_edu.tiny.world` prints two examples of every task.
"""
from .doc import Doc, held_out, prompts

__all__ = ["Doc", "held_out", "prompts"]
