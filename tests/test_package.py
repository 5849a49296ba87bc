"""What `import mistral_edu` gives, and how quickly."""
import subprocess
import sys
import threading
import time

import mistral_edu

NAMES = """
MistralConfig Model Tokenizer KVCache RotatingKVCache QuantizedKVCache RMSNorm Attention FeedForward Block
load load_model load_tokenizer load_config convert generate stream_generate Chat encode_chat sample quantize
create_attention_mask scaled_dot_product_attention CheckpointError
""".split()

FIRST_ANSWER = """
import sys, time
from mistral_edu import *
model, tokenizer = load()
loaded = time.perf_counter()
pieces = iter(stream_generate(model, tokenizer, "Hello!", max_tokens=20))
next(pieces)
print(time.perf_counter() - loaded)
list(pieces)
print(sorted({"huggingface_hub", "torch", "transformers", "matplotlib", "IPython"} & sys.modules.keys()))
"""


def test_the_public_names_are_there_and_in_all():
    assert set(NAMES) <= set(mistral_edu.__all__)
    assert all(hasattr(mistral_edu, name) for name in mistral_edu.__all__)


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_first_answer_comes_within_3_seconds_and_its_first_piece_within_1():
    """The best of three, since machines that run tests are busy."""
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        first_piece, modules = run(FIRST_ANSWER)
        seconds.append((time.perf_counter() - began, float(first_piece)))
        assert modules == "[]", "an offline answer needs none of these"
        if seconds[-1][0] < 3 and seconds[-1][1] < 1:
            return
    raise AssertionError(f"seconds to the first answer, and from load() to its first piece: {seconds}")


def test_the_fast_blas_comes_before_mlx():
    assert run("""
import sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("mlx.core", "mistral_edu.fast.blas"):
            print(name)
sys.meta_path.insert(0, Watch())
import mistral_edu
""") == ["mistral_edu.fast.blas", "mlx.core"]


def test_what_load_gives_works_in_another_thread():
    """JupyterLab runs widget callbacks in other threads, where a lazy array of this thread could not be computed."""
    model, tokenizer = mistral_edu.load()
    answers = []

    def answer():
        answers.append(mistral_edu.generate(model, tokenizer, "Hello!", max_tokens=5))

    thread = threading.Thread(target=answer)
    thread.start()
    thread.join()
    answer()
    assert len(answers) == 2 and answers[0] == answers[1]


def test_load_ext_registers_the_magics():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "mistral_edu")
    assert "mistral" in shell.magics_manager.magics["cell"]
