"""The numbers used, and where each of them comes from: models, devices, and the links between devices."""
from dataclasses import dataclass

from mistral_edu.config import MistralConfig


@dataclass(frozen=True)
class Device:
    """read: bytes per second. memory: bytes."""

    name: str
    read: float
    memory: float
    source: str


@dataclass(frozen=True)
class Link:
    """latency: seconds of a sum of a few numbers over two devices. bandwidth: bytes per second that a device sends.

    is_ring: whether a sum goes from neighbour to neighbour, N - 1 times as far for N devices as for two. Otherwise each
    device reaches every other one directly.
    """

    name: str
    latency: float
    bandwidth: float
    is_ring: bool
    source: str


MODELS = {
    "7B v0.3": (MistralConfig.preset("7b-v0.3"), "the preset 7b-v0.3"),
    "Nemo 12B": (
        MistralConfig(dim=5120, n_layers=40, head_dim=128, hidden_dim=14336, n_heads=32, n_kv_heads=8, window_size=None,
                      context_len=128000, vocab_size=131072, rope_theta=1e6),
        "config.json of Mistral-Nemo-Base-2407"),
    "Small 24B": (
        MistralConfig(dim=5120, n_layers=40, head_dim=128, hidden_dim=32768, n_heads=32, n_kv_heads=8, window_size=None,
                      context_len=32768, vocab_size=131072, rope_theta=1e8),
        "config.json of Mistral-Small-24B-Base-2501"),
    "Large 123B": (
        MistralConfig(dim=12288, n_layers=88, head_dim=128, hidden_dim=28672, n_heads=96, n_kv_heads=8,
                      window_size=None, context_len=131072, vocab_size=32768, rope_theta=1e6),
        "config.json of Mistral-Large-Instruct-2407"),
}

M3_ULTRA = Device("Mac Studio, M3 Ultra", 819e9, 512e9, "Apple's specifications: 819 GB/s, up to 512 GB. Not measured "
                  "here")
H200 = Device("NVIDIA H200", 4.37e12, 141e9, "measured: a sum over 4.3 GB, median of 5, by PyTorch 2.11 on one of two "
              "H200 (2026-11-30). NVIDIA's specifications say 4.8 TB/s, and 141 GB")

THUNDERBOLT = Link("Thunderbolt 5", 30e-6, 6e9, False,
                   "quoted: 27 to 31 µs and 6.1 to 6.5 GB/s, which a user of MLX measured between two Macs with RDMA "
                   "over Thunderbolt (pull request 3118 of jundot/omlx). Others report 3 to 50 µs. Not measured here")
ETHERNET = Link("10G Ethernet", 300e-6, 1.25e9, True,
                "quoted: about 300 µs for a message over TCP between Macs, according to several reports that compare "
                "it with RDMA. A sum over two takes two messages, one after the other: 300 µs if they mean there and "
                "back, 600 if they mean one way. Taken here: 300, so the speeds below are upper limits. The bandwidth "
                "is the standard's. MLX's own backend over TCP is a ring. Not measured here")
NVLINK = Link("NVLink", 12.7e-6, 302e9, False,
              "measured on two H200 with 18 links (2026-11-30; NCCL 2.28.9, NVLink multicast off): 12.7 µs for a sum "
              "of 8 KB within a CUDA graph, 35 µs without one; 268 MB took 889 µs. More than two were not measured")

CLUSTERS = {"Macs with Thunderbolt": (M3_ULTRA, THUNDERBOLT), "Macs with Ethernet": (M3_ULTRA, ETHERNET),
            "GPUs with NVLink": (H200, NVLINK)}
SIZES, CONTEXTS, BITS = (1, 2, 4, 8), (4096, 32768), (16, 8, 4)
