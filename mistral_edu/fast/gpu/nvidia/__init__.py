"""Kernels of our own for NVIDIA GPUs: one takes a token through the whole model, one is attention within a window.

    tensor_cores.cuh  what tensor cores take and give
    weights.cuh       weights on their way from memory to them
    product.cuh       a matrix times one x
    attend.cuh        attention of one token over a ring of keys
    model.cuh         a token through all layers, one step after another
    window.cuh        attention of a piece of a prompt, each query within its window
    kernels.py        these files, made into kernels; and what the first needs to know about a model
    step.py           one token after another
    window.py         one piece of a prompt after another
    trust.py          whether the kernels may answer here
    held.py           keys and values while the kernel writes into them
    device.py         what kind of GPU it is

A token's limit is memory: it reads all weights once, and what the arithmetic takes fits in beside it. How near the
kernel comes, `mistral-edu bench --show h200_7b_window` says ("of limit"): nearer with 16 bits than with 4, since what
is lost does not depend on the bits. Five times in each layer all blocks wait for the slowest one, and after each time x
has to come from L2 before the next product can begin; the belts hide this only as far as they reach. With 4 bits,
unpacking keeps the integer units nearly as busy as the memory. Keys and values are read where nothing else can be done
meanwhile; to fetch them into L2 beforehand was tried on an H200, and gained nothing.

A prompt's limit is arithmetic. Its products are MLX's; the kernel for windows replaces masked attention, which computes
what the mask then hides.
"""
