"""What a result was measured on and with: without it, no figure means anything."""
import os
import platform

import mlx.core as mx

import mistral_edu
from mistral_edu.bench import on_gpu
from mistral_edu.machine import backend, blas, processors

SETTINGS = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT",
            "MISTRAL_EDU_BLAS", "MISTRAL_EDU_FAST", "MISTRAL_EDU_ENGINE", "MISTRAL_EDU_ONEDNN",
            "MISTRAL_EDU_LARGE_PAGES", "MLX_ENABLE_TF32")
PACKAGES = ("mlx", *backend.BACKENDS, "numpy", "scipy-openblas32", "numba", "llvmlite", "onednn-cpu-gomp")


def describe_machine():
    """{"processor", "processors", "memory_gb", "system", "device"}, with a GPU "gpu"; nothing that names its owner or
    its place.
    """
    total, _ = processors.memory()
    gpu = {"gpu": on_gpu.describe()} if on_gpu.is_used() else {}
    return {"processor": mx.device_info(mx.Device(mx.cpu))["device_name"] or platform.machine(),
            "architecture": platform.machine(), "processors": processors.processors(),
            "memory_gb": round(total / 1e9, 1) if total else None,
            "system": " ".join((platform.system(), *(part for part in platform.libc_ver() if part))),
            "device": gpu["gpu"]["name"] if gpu else "cpu", **gpu}


def describe_software():
    """Versions, the BLAS under MLX and its threads, and the environment variables that change speed."""
    status = blas.status()
    return {"python": platform.python_version(), "mistral_edu": mistral_edu.__version__,
            "packages": backend.installed(PACKAGES),
            "blas": f"OpenBLAS from {status.source}" if status.library else status.reason,
            "blas_threads": status.threads, "set_by_us": dict(blas.set_by_us),
            "environment": {name: os.environ[name] for name in SETTINGS
                            if name in os.environ and name not in blas.set_by_us}}
