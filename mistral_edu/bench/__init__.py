"""How fast is a model on this machine, how much memory does it take, and how much of that do the numbers predict?

    mistral-edu bench                            the embedded model at 16, 8 and 4 bit
    mistral-edu bench --random 230m --bits 4     random weights of a larger shape, made in memory
    mistral-edu bench --random 230m --compare mlx-lm,transformers,llama.cpp     others beside it, in the same rounds
    mistral-edu bench --save ./mine.json         the result as a file, too, as far as it is finished
    mistral-edu bench --show ./mine.json         its table again, or that of a result kept here, by its name
    mistral-edu bench --published                a table that others have published, marked as theirs

In reading order: timed_answers.py (one timed answer), measure.py (the numbers of one configuration), work.py (what
bytes and operations predict), limits.py (how fast this machine reads and multiplies), ask.py and tasks.py (each
configuration in a process of its own), rounds.py (several rounds, and their medians), tables.py, by_length.py and
results.py (what is shown, and what is kept). on_gpu.py: what a GPU says of itself. For comparisons: peers/ (other
engines, each in an environment of its own), same_weights.py (the files that all of them read) and compare.py. equal.py
says how close the engine comes to the readable model. schema.json describes the JSON of all results, row.py the types
of its rows.
"""
