"""The twelve numbers that fix a Mistral. Source: Jiang et al. 2023, "Mistral 7B" (arXiv:2310.06825), Table 1."""
from dataclasses import dataclass, fields
from pathlib import Path

from mistral_edu.checkpoints.hf_config import HF_DEFAULTS, HF_NAMES, in_their_names, numbers_of  # noqa: F401
from mistral_edu.checkpoints.json_file import read_json

INTEGERS = ("dim", "n_layers", "head_dim", "hidden_dim", "n_heads", "n_kv_heads", "context_len", "vocab_size")
RANGES = {"rope_theta": (1, 1e18), "norm_eps": (1e-20, 1)}  # published: 1e4 to 1e9, and 1e-5 or 1e-6
MOST_LAYERS, MOST = 1000, 2**31 - 1  # far beyond any Mistral; a damaged file may ask for more; MLX counts in 32 bits


@dataclass(frozen=True)
class MistralConfig:
    """The shape of a model, under the paper's names. Raises ValueError when the numbers do not fit together.

    >>> MistralConfig.preset("7b-v0.1").n_parameters
    7241732096
    """

    dim: int                  # width of the residual stream
    n_layers: int             # how many blocks
    head_dim: int             # numbers in one query, key or value; n_heads * head_dim may differ from dim
    hidden_dim: int           # inner width of the feed-forward layer
    n_heads: int              # query heads
    n_kv_heads: int           # key and value heads, each shared by n_rep query heads
    window_size: int | None   # keys that a query sees, its own included; None: all of them
    context_len: int          # tokens that the model is meant for
    vocab_size: int           # different tokens
    rope_theta: float = 10000.0   # base of the rotary frequencies
    norm_eps: float = 1e-5        # keeps RMSNorm from dividing by zero
    tie_embeddings: bool = False  # True: the embedding matrix is the output layer, too

    def __post_init__(self):
        for name in INTEGERS:
            check_integer(name, getattr(self, name))
        if self.window_size is not None:
            check_integer("window_size", self.window_size, "; None for no window")
        for name in ("rope_theta", "norm_eps"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
                raise ValueError(f"{name} should be a number above 0; got {value!r:.100}")
            least, most = RANGES[name]
            if not least <= value <= most:
                raise ValueError(f"{name} should be a number from {least:g} to {most:g}, beyond which float32 computes "
                                 f"nothing useful; got {value!r}")
        if not isinstance(self.tie_embeddings, bool):
            raise ValueError(f"tie_embeddings should be True or False; got {self.tie_embeddings!r:.100}")
        if self.n_heads % self.n_kv_heads:
            raise ValueError(f"n_kv_heads should divide n_heads, so that each key head serves the same number of query "
                             f"heads; got n_heads = {self.n_heads}, n_kv_heads = {self.n_kv_heads}")
        if self.head_dim % 2:
            raise ValueError(f"head_dim should be even, because RoPE rotates pairs of numbers; got {self.head_dim}")

    @classmethod
    def preset(cls, name: str) -> "MistralConfig":
        """The published configurations (7b-v0.1, 7b-v0.2, 7b-v0.3), one for benchmarks (230m), and the embedded tiny.

        >>> MistralConfig.preset("7b-v0.1").window_size, MistralConfig.preset("7b-v0.2").window_size
        (4096, None)
        """
        if name not in PRESETS:
            raise ValueError(f"there is no preset {name!r}; the presets are {', '.join(PRESETS)}")
        return cls(**PRESETS[name])

    @classmethod
    def from_hf(cls, hf: dict) -> "MistralConfig":
        """The configuration in a Hugging Face `config.json`, given as a dict. See HF_NAMES for the names.

        Gaps are filled as in transformers; see hf_config.py. Raises ValueError for another architecture, a missing
        number, an unsupported setting, or a value out of range.
        """
        numbers = numbers_of(hf)
        if numbers["head_dim"] is None:
            numbers["head_dim"] = head_dim_from(numbers["dim"], numbers["n_heads"])
        try:
            return cls(**numbers)
        except ValueError as error:
            raise ValueError(in_their_names(str(error))) from None

    @classmethod
    def from_json(cls, path: str | Path, hf: dict | None = None) -> "MistralConfig":
        """The configuration in a Hugging Face `config.json` at `path`; hf: its contents, if already read.

        Raises FileNotFoundError or ValueError.
        """
        hf = read_json(path) if hf is None else hf
        try:
            return cls.from_hf(hf)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    def to_hf(self, dtype: str = "bfloat16") -> dict:
        """The same as a dict that transformers reads as config.json. `dtype` is the dtype of the weights beside it."""
        numbers = {HF_NAMES[field.name]: getattr(self, field.name) for field in fields(self)}
        return {"architectures": ["MistralForCausalLM"], "model_type": "mistral", **numbers,
                "hidden_act": "silu", "attention_dropout": 0.0, "initializer_range": 0.02, "use_cache": True,
                "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": dtype}

    @property
    def n_rep(self) -> int:
        """Query heads that share one key and value head (4 in Mistral-7B)."""
        return self.n_heads // self.n_kv_heads

    @property
    def n_parameters(self) -> int:
        """How many numbers the model learns."""
        embedding = self.vocab_size * self.dim
        attention = self.dim * self.head_dim * (2 * self.n_heads + 2 * self.n_kv_heads)  # q and o, k and v
        feed_forward = 3 * self.dim * self.hidden_dim                                    # gate, up, down
        block = attention + feed_forward + 2 * self.dim                                  # and two norms
        return embedding * (1 if self.tie_embeddings else 2) + self.n_layers * block + self.dim

    def kv_bytes_per_token(self, bytes_per_number: int = 2) -> int:
        """Bytes of keys and values that one token adds to the cache of all layers together.

        >>> MistralConfig.preset("7b-v0.1").kv_bytes_per_token()
        131072
        """
        return 2 * self.n_layers * self.n_kv_heads * self.head_dim * bytes_per_number


def check_integer(name, value, or_else=""):
    """Raise ValueError unless value is a whole number, at least 1 and no larger than a model can have."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} should be a whole number of at least 1{or_else}; got {value!r:.100}")
    most = MOST_LAYERS if name == "n_layers" else MOST
    if value > most:
        raise ValueError(f"{name} should be at most {most:,}; got {value:,}")


def head_dim_from(dim, n_heads):
    """dim / n_heads, for a config.json that does not state head_dim."""
    check_integer("hidden_size", dim)
    check_integer("num_attention_heads", n_heads)
    if dim % n_heads:
        raise ValueError(f"head_dim is not given, and hidden_size = {dim} is not a multiple of "
                         f"num_attention_heads = {n_heads}; state head_dim")
    return dim // n_heads


SEVEN_B = dict(dim=4096, n_layers=32, head_dim=128, hidden_dim=14336, n_heads=32, n_kv_heads=8, context_len=32768)
PRESETS: dict[str, dict] = {
    "7b-v0.1": dict(SEVEN_B, window_size=4096, vocab_size=32000, rope_theta=10000.0),
    "7b-v0.2": dict(SEVEN_B, window_size=None, vocab_size=32000, rope_theta=1000000.0),
    "7b-v0.3": dict(SEVEN_B, window_size=None, vocab_size=32768, rope_theta=1000000.0),
    "230m": dict(dim=1024, n_layers=12, head_dim=64, hidden_dim=3584, n_heads=16, n_kv_heads=4, window_size=None,
                 context_len=32768, vocab_size=32768, rope_theta=1000000.0),
    "tiny": dict(dim=256, n_layers=8, head_dim=32, hidden_dim=896, n_heads=8, n_kv_heads=2, window_size=128,
                 context_len=1024, vocab_size=2048),
}
