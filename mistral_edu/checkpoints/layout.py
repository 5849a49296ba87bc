"""The two layouts in which a Mistral is published, and what each calls its files.

A folder may hold both, as many on the Hugging Face hub do. Then config.json wins, and nothing is read from params.json
and the consolidated files.
"""
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The names of a layout's files."""

    config: str   # the configuration
    single: str   # all weights in one file
    several: str  # a pattern for those that are read without an index
    index: str    # which of several files holds which weight


HUGGING_FACE = Layout("config.json", "model.safetensors", "model.safetensors", "model.safetensors.index.json")
# consolidated.00.safetensors, consolidated-00001-of-00002.safetensors. See authors_layout.py.
AUTHORS = Layout("params.json", "consolidated.safetensors", "consolidated*.safetensors",
                 "consolidated.safetensors.index.json")


def layout_of(folder) -> Layout:
    """AUTHORS where a folder has a params.json and no config.json, else HUGGING_FACE."""
    folder = Path(folder)
    only_params = (folder / AUTHORS.config).is_file() and not (folder / HUGGING_FACE.config).is_file()
    return AUTHORS if only_params else HUGGING_FACE
