"""A checkpoint, opened once: which folder it is, how it is laid out, and what its configuration says.

Loading, converting and the check of memory all take this one value, and their messages quote it.
"""
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten

from mistral_edu.checkpoints import hub
from mistral_edu.checkpoints.authors_layout import config_from_params
from mistral_edu.checkpoints.entries import FLOATS, Entry, read_entries
from mistral_edu.checkpoints.errors import UnavailableCheckpoint
from mistral_edu.checkpoints.folder import find_folder
from mistral_edu.checkpoints.json_file import read_json
from mistral_edu.checkpoints.layout import AUTHORS, HUGGING_FACE, Layout, layout_of
from mistral_edu.checkpoints.other_kinds import check_adapter
from mistral_edu.checkpoints.stored_quantization import read_quantization
from mistral_edu.config import MistralConfig
from mistral_edu.quantize import quantize
from mistral_edu.transformer import unfilled


@dataclass(frozen=True)
class Checkpoint:
    """What is known of a model before its weights are read. Nothing here is looked up or read twice.

    >>> tiny = Checkpoint.open("tiny")
    >>> tiny.config.n_layers, tiny.quantization, tiny.entries["model.norm.weight"].shape
    (8, None, (256,))
    """

    name: str              # as it was asked for
    folder: Path | None    # None: it lies nowhere yet
    layout: Layout
    description: dict      # what its config.json says, or its params.json
    config: MistralConfig  # the same as a configuration, with the window that was asked for
    fetch_weights: Callable | None = field(default=None, repr=False)  # None: they are here; else on the hub only

    @classmethod
    def open(cls, name_or_folder="tiny", window_size="config", revision=None, token=None):
        """Find a folder and read its configuration. Of the hub, only small files are fetched; see fetched().

        Arguments and errors are those of load_model.
        """
        folder, is_on_hub = find_folder(name_or_folder, revision, token)
        check_adapter(folder)
        layout = layout_of(folder)
        path = folder / layout.config
        description = read_json(path)
        config = (config_from_params if layout is AUTHORS else MistralConfig.from_json)(path, description)
        if window_size != "config":
            config = replace(config, window_size=window_size)
        fetch = partial(hub.fetch, str(name_or_folder), revision, token) if is_on_hub else None
        return cls(str(name_or_folder), folder, layout, description, config, fetch)

    @classmethod
    def planned(cls, name, config):
        """One that lies nowhere yet, in bfloat16: for what a configuration alone tells, such as the memory it takes."""
        return cls(name, None, HUGGING_FACE, config.to_hf("bfloat16"), config)

    def fetched(self):
        """The same with its weights on this machine: those that are on the hub only are fetched.

        Raises UnavailableCheckpoint, or UnsupportedCheckpoint where they come in other formats only.
        """
        if self.fetch_weights is None:
            return self
        if self.fetch_weights() != self.folder:  # a folder of the hub's cache is one commit
            raise UnavailableCheckpoint(f"{self.name} has changed on the Hugging Face hub while it was being fetched; "
                                        "expected all files to be of one commit. Try again")
        return replace(self, fetch_weights=None)

    @cached_property
    def quantization(self):
        """How the weights are quantized, as read_quantization gives it; None if they are floats."""
        if self.layout is AUTHORS:
            return None  # config_from_params refuses any other
        return read_quantization(self.description, (self.folder or Path()) / self.layout.config)

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """name -> Entry of each weight, as the files say it; where they are not on this machine, as expected."""
        if self.folder is None or self.fetch_weights is not None:
            return expected_entries(self)
        return read_entries(self.folder, self.layout, self.config.tie_embeddings)


def expected_entries(checkpoint) -> dict[str, Entry]:
    """What the files should hold, by the configuration alone, under Hugging Face's names."""
    dtype = checkpoint.description.get("torch_dtype") or checkpoint.description.get("dtype")
    dtype = dtype if dtype in FLOATS else "bfloat16"
    model = unfilled(checkpoint.config)
    if checkpoint.quantization:
        quantize(model, **checkpoint.quantization[""])
    return {name: Entry(None, "uint32" if array.dtype == mx.uint32 else dtype, array.shape)
            for name, array in tree_flatten(model.parameters())}
