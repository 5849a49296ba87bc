"""One token through a model on an NVIDIA GPU, by one kernel of our own.

    weights.cuh  weights on their way from memory to tensor cores
    product.cuh  a matrix times one x
    attend.cuh   attention of one token over a ring of keys
    model.cuh    all steps of the model, one after another
    kernels.py   these files, made into a kernel for one model
    device.py    what kind of GPU it is
    held.py      keys and values while kernels write into them
    step.py      one token after another; and whether the kernels can be trusted here
"""
