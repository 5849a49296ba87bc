"""Environments of peers for tests: a Python that finds a package mlx_lm, which here is a mask over mistral_edu."""
import sys
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[1]
UTILS = """
import atexit
from mistral_edu import load_model as load

def load_model(folder):
    atexit.register(print, "libraries are talkative")
    return load(folder, fast=False, {settings}), None
"""
CACHE = """
def RotatingKVCache(max_size, keep):
    return max_size, keep
"""
GENERATE = """
from types import SimpleNamespace
import mlx.core as mx

def generate_step(prompt, model, max_tokens, prompt_cache):
    assert all(layer == (128, 0) for layer in prompt_cache), prompt_cache  # the window; none is kept from the beginning
    cache, tokens = model.make_cache(), prompt
    for _ in range(max_tokens):
        logits = model(tokens[None], cache=cache)[0, -1]
        tokens = mx.argmax(logits)[None]
        yield tokens.item(), logits - mx.logsumexp(logits)

class BatchGenerator:
    def __init__(self, model, prefill_batch_size, completion_batch_size):
        assert prefill_batch_size == completion_batch_size
        self.model, self.size = model, completion_batch_size

    def insert(self, prompts, max_tokens, caches):
        assert len(prompts) == len(max_tokens) == len(caches) == self.size
        self.answers = [generate_step(mx.array(ids), self.model, n_tokens, cache)
                        for ids, n_tokens, cache in zip(prompts, max_tokens, caches)]

    def next_generated(self):
        return [SimpleNamespace(token=token, logprobs=logprobs) for token, logprobs in map(next, self.answers)]

    def close(self):
        print("libraries say good-bye")
"""


def program(place, name, code):
    """An environment whose Python runs this code whatever it is asked."""
    (place / "code.py").write_text(dedent(code))
    write_python(place / name, f'exec {sys.executable} {place / "code.py"} "$@"')


def mlx_lm(place, settings=""):
    """An environment in which the real runner finds a package mlx_lm. settings: of load_model, as written in Python."""
    packages = place / "packages"
    for name, text in (("mlx_lm/__init__.py", ""), ("mlx_lm/utils.py", UTILS.format(settings=settings)),
                       ("mlx_lm/generate.py", GENERATE), ("mlx_lm/models/__init__.py", ""),
                       ("mlx_lm/models/cache.py", CACHE), ("mlx_lm-9.8.7.dist-info/METADATA", "Version: 9.8.7\n")):
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text(text)
    start = place / "start.py"
    start.write_text(dedent(f"""
        import runpy, sys
        sys.path[:0] = [sys.argv[-1].rpartition("/")[0], {str(packages)!r}, {str(ROOT)!r}]
        import mistral_edu
        runpy.run_path(sys.argv[-1], run_name="__main__")"""))
    write_python(place / "mlx-lm", f'exec {sys.executable} {start} "$@"')


def write_python(environment, command):
    python = environment / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{command}\n")
    python.chmod(0o755)
