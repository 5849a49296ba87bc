"""What a GPU says of itself and of its memory. A processor says none of it: there, processes are asked."""
import os
import re
from pathlib import Path

import mlx.core as mx

DRIVER = Path("/proc/driver/nvidia/version")  # its first line ends in the version and in when it was built


def is_used():
    """Whether MLX computes on a GPU."""
    return mx.default_device() != mx.Device(mx.cpu)


def describe():
    """{"name", "memory_gb", "compute_capability", "architecture", "driver", "tf32"}, as far as they are known.

    tf32: whether products of float32 numbers are computed in TF32, which keeps 10 of their 23 bits; MLX does on CUDA.
    """
    info = mx.device_info()
    memory = info.get("total_memory", info.get("memory_size"))  # CUDA; Metal, which shares the machine's
    about = {"name": info["device_name"], "memory_gb": round(memory / 1e9, 1) if memory else None,
             "architecture": info.get("architecture"), "driver": driver()}
    if "compute_capability_major" in info:
        about["compute_capability"] = f"{info['compute_capability_major']}.{info['compute_capability_minor']}"
        about["tf32"] = os.environ.get("MLX_ENABLE_TF32") != "0"
    return {name: value for name, value in about.items() if value is not None}


def driver():
    """The version of NVIDIA's driver; None without one."""
    try:
        found = re.search(r"\b\d{3}\.\d+(\.\d+)?\b", DRIVER.read_text().splitlines()[0])
    except (OSError, IndexError):
        return None
    return found and found[0]


def begin():
    """Let the peak that MLX keeps start anew. Returns the bytes that it holds on the GPU now."""
    mx.synchronize()
    mx.reset_peak_memory()
    return mx.get_active_memory()


def taken():
    """Bytes of the device's memory that are taken, by whomever, MLX's own reserve included; None if it does not say."""
    info = mx.device_info()
    return info["total_memory"] - info["free_memory"] if "free_memory" in info else None


def words(about):
    """A description as a line.

    >>> words({"name": "NVIDIA H200", "memory_gb": 150.1, "compute_capability": "9.0", "driver": "580.1", "tf32": True})
    'GPU: NVIDIA H200, 150.1 GB, compute capability 9.0, driver 580.1, float32 products in TF32'
    """
    parts = [about["name"]]
    if "memory_gb" in about:
        parts.append(f"{about['memory_gb']} GB")
    if "compute_capability" in about:
        parts.append(f"compute capability {about['compute_capability']}")
    if "driver" in about:
        parts.append(f"driver {about['driver']}")
    if "tf32" in about:
        parts.append(f"float32 products {'in TF32' if about['tf32'] else 'as they are'}")
    return f"GPU: {', '.join(parts)}"
