"""What kind of GPU MLX computes on, asked of NVIDIA's driver."""
import ctypes
from dataclasses import dataclass
from functools import lru_cache

import mlx.core as mx

# Numbers of the driver's attributes (cuda.h, CUdevice_attribute)
MULTIPROCESSORS, MAJOR, MINOR, SHARED_MEMORY = 16, 75, 76, 97


@dataclass(frozen=True)
class Gpu:
    multiprocessors: int
    capability: tuple       # (8, 0) is Ampere, (9, 0) Hopper
    shared_memory: int      # bytes that one block can have


@lru_cache(maxsize=1)
def gpu():
    """The first GPU, or None where MLX does not compute on one of NVIDIA's."""
    if not mx.cuda.is_available() or mx.default_device() == mx.Device(mx.cpu):
        return None
    try:
        driver = ctypes.CDLL("libcuda.so.1")
        device = ctypes.c_int()
        if driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), 0):
            return None
        return Gpu(asked(driver, device, MULTIPROCESSORS),
                   (asked(driver, device, MAJOR), asked(driver, device, MINOR)), asked(driver, device, SHARED_MEMORY))
    except OSError:
        return None


def asked(driver, device, attribute):
    value = ctypes.c_int()
    if driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, device):
        raise OSError(f"NVIDIA's driver does not know attribute {attribute}")
    return value.value
