"""One token through the whole model on an NVIDIA GPU, by one kernel of our own.

    weights.cuh  weights on their way from memory to tensor cores
    product.cuh  a matrix times one x
    attend.cuh   attention of one token over a ring of keys
    model.cuh    all steps of the model, one after another
    kernels.py   these files, made into a kernel for one model
    device.py    what kind of GPU it is
    held.py      keys and values while the kernel writes into them
    step.py      one token after another; and whether the kernel can be trusted here

The limit is memory: a token reads all weights once, and what the arithmetic takes fits in beside it. How near the
kernel comes, `mistral-edu bench --show h200_7b_window` says ("of limit"): nearer with 16 bits than with 4, since what
is lost does not depend on the bits. Five times in each layer all blocks wait for the slowest one, and after each time x
has to come from L2 before the next product can begin; the belts hide this only as far as they reach. With 4 bits,
unpacking keeps the integer units nearly as busy as the memory.
"""
