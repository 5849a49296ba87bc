"""Prints two examples of every task: python -m mistral_edu.tiny.world [seed]"""
import random
import sys

from mistral_edu.tiny.world import MAKERS, sample

r = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
for name in MAKERS:
    for _ in range(2):
        doc = sample(r, task=name)
        turns = "\n".join(f"[INST] {user}[/INST] {assistant}" for user, assistant in doc.turns)
        print(f"--- {doc.task}\n{doc.text or turns}\n")
