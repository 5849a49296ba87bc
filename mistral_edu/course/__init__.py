"""The course: which notebooks there are, in what order, and what each ends with. Everything that lists them reads this.

The README's table, the map, `mistral-edu lab` and the tests do. A notebook whose page exists is ready; the others are
planned. The modules beside this one maintain the pages: `refresh` stores what they print, `skeleton` begins a new one,
`copies` makes a learner's own, which `handout` never overwrites. `symptoms` makes one page of their symptom tables.
"""
import json
import re
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from mistral_edu.language import _

PACKAGE = Path(__file__).parent
# In a clone the pages are at its root; a wheel has them in this folder.
HOME = PACKAGE if (PACKAGE / "notebooks").is_dir() else PACKAGE.parents[1]
NOTEBOOKS, SOLUTIONS, DOCS = HOME / "notebooks", HOME / "solutions", HOME / "docs"


@dataclass(frozen=True)
class Notebook:
    """One notebook. ends: what its reader has at the end. boxes: what it builds, as the map names it."""
    number: str
    name: str
    title: str
    ends: str
    boxes: tuple
    core: bool = True

    @property
    def path(self) -> Path:
        """Where its page is, or will be."""
        return NOTEBOOKS / f"{self.number}_{self.name}.ipynb"

    def page_in(self, language: str) -> Path:
        """Where its page in a language is, if there is one; else where the English one is.

        >>> find("00").page_in("de").name, find("01").page_in("de").name
        ('00_start_here.de.ipynb', '01_the_whole_model.ipynb')
        """
        return in_language(self.path, language)

    @property
    def ready(self) -> bool:
        return self.path.is_file()

    @property
    def minutes(self) -> int | None:
        """What a first reading takes, with the exercises: the sum of its sections' minutes; None without a page."""
        if not self.ready:
            return None
        cells = json.loads(self.path.read_text(encoding="utf-8"))["cells"]
        prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        return sum(map(int, re.findall(r"^## .*\((\d+) minutes?\b", prose, flags=re.M)))


COURSE = (
    Notebook("00", "start_here", "Start here",
             "the first answer; arrays, laziness, the device; how an answer is made", ("Start here",)),
    Notebook("01", "the_whole_model", "The whole model on one page",
             "the 7,241,732,096 parameters of Mistral-7B, counted", ("The whole model",)),
    Notebook("02", "text_to_tokens", "Text to tokens", "one Instruct turn, token by token", ("Tokens",)),
    Notebook("03", "embedding_logits_loss", "Embedding, logits, loss", "the loss of an untrained model, predicted",
             ("Embedding", "Logits")),
    Notebook("04", "rmsnorm", "RMSNorm", "the norm by hand, and what breaks without it", ("RMSNorm",)),
    Notebook("05", "attention", "Attention", "a test that finds any leak from the future", ("Attention",)),
    Notebook("06", "rope", "RoPE", "scores that depend on distances only", ("RoPE",)),
    Notebook("07", "grouped_query_attention", "Grouped-query attention", "a cache four times smaller", ("Groups",)),
    Notebook("08", "sliding_window_attention", "Sliding-window attention",
             "how far a window reaches through the layers", ("Window",)),
    Notebook("09", "swiglu", "SwiGLU", "what a gate can do that ReLU cannot", ("SwiGLU",)),
    Notebook("10", "block_and_model", "Block and full model", "the model's logits, rebuilt from parts",
             ("Block, many times over",)),
    Notebook("11", "generation_and_cache", "Generation and the KV cache", "the same text with a fraction of the work",
             ("KV cache",)),
    Notebook("12", "rolling_buffer", "Rolling buffer", "a cache that stops growing", ("Rolling buffer",), core=False),
    Notebook("13", "sampling", "Sampling", "each filter, and the chances it leaves", ("Sampling",)),
    Notebook("14", "quantization", "Quantization", "8 and 4 bit from scratch, and what they cost", ("Quantization",),
             core=False),
    Notebook("15", "checkpoints", "Checkpoints", "a real Mistral-7B, if your machine has the memory",
             ("Checkpoints",), core=False),
    Notebook("16", "training", "Training", "the moment at which a model begins to answer", ("Training",), core=False),
    Notebook("17", "speed_and_memory", "Speed and memory", "a speed predicted from bytes, then measured", ("Speed",),
             core=False),
    Notebook("18", "prompt_lab", "Prompt lab", "the Instruct formats, and what a wrong one costs", ("Prompt lab",),
             core=False),
    Notebook("19", "beyond_one_machine", "Beyond one machine", "one model on several processes", ("More machines",),
             core=False),
)


def in_language(path: Path, language: str) -> Path:
    """The translation of a file, which is beside it: 00_solutions.de.md; the file itself if there is none."""
    translated = path.with_suffix(f".{language}{path.suffix}")
    return translated if translated.is_file() else path


def find(number: str) -> Notebook:
    """The notebook with these two digits. Raises ValueError, which says which ones there are.

    >>> find("08").title
    'Sliding-window attention'
    """
    for notebook in COURSE:
        if notebook.number == number:
            return notebook
    raise ValueError(f"no notebook {number!r} in the course; it has {COURSE[0].number} to {COURSE[-1].number}, "
                     "as text with two digits")


def core_path() -> str:
    """The notebooks of the core path, in words.

    >>> core_path()
    '00 to 11, then 13'
    """
    runs = [[one.number for one in run] for is_core, run in groupby(COURSE, key=lambda one: one.core) if is_core]
    return _(", then ").join(run[0] if len(run) == 1 else _("{first} to {last}", first=run[0], last=run[-1])
                             for run in runs)


def ready() -> list:
    """The notebooks whose page exists."""
    return [notebook for notebook in COURSE if notebook.ready]
