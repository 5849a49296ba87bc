"""Memory and speed of larger models on several devices, calculated: `python -m mistral_edu.bench.scale`.

    shapes.py     the models, the devices, the links between them, each with its source
    reckon.py     what a device holds and reads, by the functions of memory.py and work.py, and what it waits for
    tables.py     the tables of docs/scale.md
    __main__.py   prints them, or writes them into the document
"""
