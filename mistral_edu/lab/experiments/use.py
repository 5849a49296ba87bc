"""Your code in the model: a reader's function does the work in a copy of the embedded model. Does it answer as before?

    model = use(my_norm)                          # a copy of `tiny` whose norms are my_norm
    generate(model, tokenizer, "Tell me a story")

The original stays as it is, so to undo this, take another copy: use() gives a plain one.
"""
from collections.abc import Callable
from functools import cache

import mlx.core as mx

from mistral_edu.chat import encode_chat
from mistral_edu.checkpoints.errors import NonFiniteWeights
from mistral_edu.checkpoints.loading import load_model, load_tokenizer
from mistral_edu.generate import generate
from mistral_edu.lab.experiments.inside import first_difference
from mistral_edu.lab.experiments.reader_functions import Unfit, joined, name_of, named
from mistral_edu.lab.experiments.reader_modules import WrongResult, install
from mistral_edu.lab.kernel import left_unmade
from mistral_edu.lab.showing.error_line import describe, only_earlier
from mistral_edu.lab.showing.say import say
from mistral_edu.language import _
from mistral_edu.transformer import Model

QUESTIONS = ("The ball is in the kitchen. The key is in the barn. Where is the key?", "What is 7 plus 5?",
             "Spell the word lamp.")
CLOSE = 1e-3                # of logits, which reach 20: two correct ways to compute in float32 differ by far less
FINER = (1e-3, 1e-4, 1e-5)  # tolerances to try: a coarse difference first, since rounding is then not to blame
LONGEST = 16                # tokens of an answer


def use(*functions: Callable, norm: Callable | None = None, attend: Callable | None = None,
        rotate: Callable | None = None, feed_forward: Callable | None = None, repeat_kv: bool = False,
        quiet: bool = False) -> Model:
    """A copy of the embedded model (float32, readable) in which these functions do the work.

    The names of its arguments tell what a function is; if they do not, a keyword says it:
    norm (x, weight, eps) or (x, weight); attend (q, k, v, scale, mask); rotate (x, offset, theta);
    feed_forward (x, gate, up, down), the weights being (out, in) arrays.
    repeat_kv: attend gets keys and values with as many heads as the queries (notebook 07 says why they have fewer).
    quiet: for surgeries, where a different answer is no mistake: nothing is checked, and nothing printed.

    Otherwise it says at once whether the model answers as before and, if not, which part differs first. If a function
    cannot run in the model, or its kind cannot be told, or its cell failed when it was last run, a message says so and
    why, and you get a copy of the original; with quiet=True the error is raised.
    """
    model = copy_of_tiny()
    given = dict(norm=norm, attend=attend, rotate=rotate, feed_forward=feed_forward)
    parts = {kind: fn for kind, fn in given.items() if fn is not None}
    try:
        for fn in (*functions, *parts.values()):
            if failed := left_unmade(name_of(fn)):
                raise Unfit(only_earlier(name_of(fn), failed) + " " + _("use it again"))
        parts = named(functions, parts)
        for kind, fn in parts.items():
            install(model, kind, fn, repeat_kv)
        if parts and not quiet:
            report(joined(parts.values()), model)
    except Exception as error:
        if quiet:
            raise
        say(refusal(error, parts, repeat_kv) + ". " + _("The model you get is a copy of the original."))
        return copy_of_tiny()
    return model


def copy_of_tiny():
    """The embedded model in float32, on the readable path."""
    return load_model("tiny", dtype="float32", fast=False)


@cache
def original():
    """(the model as it is, its tokenizer, ids of the first question, their logits, the answers to all questions)."""
    model, tokenizer = copy_of_tiny(), load_tokenizer("tiny")
    ids = encode_chat([{"role": "user", "content": QUESTIONS[0]}], tokenizer)
    logits = model(mx.array([ids]))
    mx.eval(logits)
    return model, tokenizer, ids, logits, answers(model, tokenizer)


def answers(model, tokenizer):
    """What the model says to each of QUESTIONS, greedily."""
    try:
        return [generate(model, tokenizer, question, max_tokens=LONGEST).strip() for question in QUESTIONS]
    except NonFiniteWeights:                                 # logits that are not numbers: reported below
        return [_("(no answer: its logits are not numbers)")] * len(QUESTIONS)


def report(names, model):
    """Say how the model with a reader's functions compares with the original."""
    before, tokenizer, ids, wanted, expected = original()
    gap = mx.abs(model(mx.array([ids])) - wanted).max().item()
    given = answers(model, tokenizer)
    if gap <= CLOSE and given == expected:
        say(_("✓ {names} in the model: no logit differs from the original's by more than {limit}.", names=names,
              limit=CLOSE))
    elif gap <= CLOSE:
        say(_("✗ {names} in the model: a whole prompt gives the original's logits, but the answers are not the "
              "original's. They are made with a cache, one token at a time: then offset is above 0, and there are more "
              "keys than queries.", names=names))
    else:
        found = next(d for level in FINER if (d := first_difference(before, model, ids, level)))
        size = (_("there are logits that are NaN") if gap != gap
                else _("the largest difference of a logit is {gap:.2g}", gap=gap))
        say(_("✗ {names} in the model: it does not compute what the original computes. {found}; {size}.", names=names,
              found=found, size=size))
    if given == expected:
        say("  " + _('All three questions get the original\'s answers, such as "{answer}"', answer=given[0]))
        return
    for question, now, then in zip(QUESTIONS, given, expected):
        say(_("  {question}\n    original: {then}\n    yours:    {now}", question=question, then=then,
              now=now or _("(nothing)")))


def refusal(error, parts, repeated):
    """One line on what cannot run in the model, without its full stop."""
    if isinstance(error, Unfit):
        return f"✗ {error}"
    fn = next((fn for fn in parts.values() if comes_from(error, fn)), None)
    names = joined(parts.values() if fn is None else [fn])
    if isinstance(error, NotImplementedError):
        return _("○ {names}: not started yet; replace the raise line and run the cell again", names=names)
    if isinstance(error, WrongResult):
        return f"✗ {name_of(error.fn)}: {error}"
    text = _("✗ {names} stops in the model with {error}", names=names, error=describe(error, fn))
    if fn is not None and fn is parts.get("attend") and not repeated:
        config = original()[0].config
        text += _(". The queries have {n} heads, keys and values {few}: repeat them, or let use(..., repeat_kv=True) "
                  "do it", n=config.n_heads, few=config.n_kv_heads)
    return text


def comes_from(error, fn):
    """Whether an error was raised inside this function."""
    code, trace = getattr(fn, "__code__", None), error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is code:
            return True
        trace = trace.tb_next
    return False
