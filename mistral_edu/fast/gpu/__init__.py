"""A model made fast on any GPU that MLX computes on, in plain MLX: the same operations, fewer and better placed; and,
on NVIDIA, kernels of our own for single tokens and for windows.

    choose.py    whether this engine suits a model here
    engine.py    the engine: which of the two ways below answers a call
    layer.py     one layer, as both of them compute it
    step.py      one token after another
    prompt.py    a prompt, piece by piece
    embedding.py the rows of an embedding for a prompt
    window.py    attention of a prompt that is longer than the window
    matrices.py  weights that meet the same input, as one; products with them
    first_time.py whether kernels are still to be compiled
    nvidia/      kernels of our own: one token through the whole model, and windows of prompts
    watching.py  whether an array was changed in place, without asking the GPU
"""
