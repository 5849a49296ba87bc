"""How fast is a model on this machine, how much memory does it take, and how much of that do the numbers predict?

    mistral-edu bench                            the embedded model at 16, 8 and 4 bit
    mistral-edu bench --random 230m --bits 4     random weights of a larger shape, made in memory
    mistral-edu bench --published                a table that others have published, marked as theirs

In reading order: measure.py (the four numbers of one configuration), work.py (what bytes and operations predict),
limits.py (how fast this machine reads and multiplies), child.py (each configuration in a process of its own),
rounds.py (several rounds, and their medians), tables.py and results.py (what is shown, and what is kept).
schema.json describes the JSON of them all.
"""
