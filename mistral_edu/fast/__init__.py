"""How a finished model is made fast on this machine. Nothing here is needed to read or to use the model.

    model = accelerate(model)     # load() does it; MISTRAL_EDU_FAST=0 or load(..., fast=False) leaves it out
    model = detach(model)         # as it was

Both are in attach.py; README.md is a guide to the other files.
"""
from mistral_edu.fast.attach import accelerate, detach

__all__ = ["accelerate", "detach"]
