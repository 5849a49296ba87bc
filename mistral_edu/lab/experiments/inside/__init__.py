"""Look inside a running model: record every part, ask what each is good for, find where two models diverge.

The residual stream starts as an embedding. Every attention head and every feed-forward adds to it, and the last norm
and the output layer read it: logits = output(norm(embedding + heads + feed-forwards)). Everything here rests on that
sum.

    run = record(model, ids)                          # every part of one forward pass
    logit_lens(model, run)                            # what the output layer would say after each layer
    attribution(model, run, barn, kitchen)            # the logit difference of two tokens as a sum over parts
    with silenced(model, heads=[(3, 7)]): ...         # without this head
    patched(model, run, other_run, 4, position)       # with one state of another run
    first_difference(model_a, model_b, ids)           # part by part, the first that differs
"""
from mistral_edu.lab.experiments.inside.changes import patch_map, patched, silenced
from mistral_edu.lab.experiments.inside.difference import Difference, first_difference
from mistral_edu.lab.experiments.inside.reading import Attribution, attribution, logit_lens
from mistral_edu.lab.experiments.inside.recording import Run, record, walk

__all__ = ["Attribution", "Difference", "Run", "attribution", "first_difference", "logit_lens", "patch_map",
           "patched", "record", "silenced", "walk"]
