"""docs/troubleshooting.md: its commands exist, its examples give what they say, its quotations are the program's."""
import doctest
import re
import shlex
from pathlib import Path

import mistral_edu
from mistral_edu import doctor, load, stream_generate
from mistral_edu.commands.main import build_parser
from mistral_edu.fast import accelerate

import pytest

TEXT = (Path(__file__).parents[1] / "docs/troubleshooting.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def test_every_command_is_one_that_the_program_takes():
    commands = re.findall(r"^mistral-edu .*", "\n".join(blocks("sh")), re.MULTILINE)
    assert len(commands) >= 6
    for line in commands:
        words = shlex.split(line, comments=True)[1:]
        build_parser(words[0]).parse_args(words)  # argparse would leave the test with SystemExit


def test_every_option_that_the_text_names_exists():
    help_texts = ""
    for command in ("generate", "chat", "bench", "evaluate", "lab"):
        parser = build_parser(command)
        help_texts += parser._subparsers._group_actions[0].choices[command].format_help()
    named = set(re.findall(r"`(--[a-z-]+)", TEXT))
    assert len(named) > 8 and {option for option in named if option not in help_texts} == set()


def test_examples_give_what_they_say():
    (example,) = [block for block in blocks("python") if ">>>" in block]
    test = doctest.DocTestParser().get_doctest(example, {}, "troubleshooting", None, 0)
    results = doctest.DocTestRunner().run(test)
    assert results.failed == 0 and results.attempted > 3


@pytest.mark.slow
def test_a_quantized_cache_a_smaller_chunk_and_a_window_save_what_they_promise():
    model, tokenizer = load()
    ids = tokenizer.encode("The ball is in the kitchen. " * 40)

    def cache_bytes(model, bits=None):
        cache = model.make_cache(bits=bits)
        list(stream_generate(model, tokenizer, ids, max_tokens=1, cache=cache, prefill_chunk=64))
        return sum(layer.nbytes for layer in cache)

    assert 0.5 < cache_bytes(model, 8) / cache_bytes(model) < 0.65
    full, narrow = (mistral_edu.load_model(window_size=window, fast=False) for window in (None, 64))
    assert cache_bytes(narrow) < cache_bytes(full) / 2


def test_changed_weights_are_answered_by_the_readable_code_until_accelerate():
    model, _ = load()
    engine = model.answered_by
    model.model.norm.weight = model.model.norm.weight * 1
    list(stream_generate(model, None, [1, 3, 500], max_tokens=1))
    assert model.answered_by.startswith("readable: its weights or parts are not those")
    assert accelerate(model).answered_by == engine


def test_messages_that_it_quotes_are_those_of_the_program():
    home = Path(mistral_edu.__file__).parent
    for message, file in (("mlx was imported before mistral_edu", "machine/blas.py"),
                          ("no OpenBLAS", "machine/blas.py"), ("turned off by MISTRAL_EDU_BLAS=0", "machine/blas.py"),
                          ("MLX cannot be imported", "machine/backend.py"),
                          ("Live once this cell is run", "lab/showing/widgets.py"),
                          ("The function stopped with", "lab/showing/widgets.py"), ("computes on the ", "doctor.py"),
                          ("numba is not installed", "fast/compiled.py"),
                          ("again in every process, since ", "fast/compiled.py"),
                          ("the kernels could not be compiled", "fast/compiled.py"),
                          ("though this processor has instructions for bfloat16", "doctor.py"),
                          ("Your pages: ", "course/copies.py"), ("(new lesson)", "course/handout.py"),
                          ("cannot be written", "course/handout.py"),
                          ("was damaged and has been made again", "course/handout.py")):
        assert message in TEXT and message in (home / file).read_text(encoding="utf-8"), message
    assert f"below {doctor.SLOW} GFLOPS" in TEXT
