"""Bytes that ranks send each other: by formula, and counted by the system, or by NVIDIA's driver.

MLX's ring sums a vector of n numbers in two rounds. The vector is cut into N segments, and each rank talks only to its
neighbours. In the first round a segment travels from rank to rank and grows into the sum; in the second the sums travel
around to all. In each round a rank sends N - 1 segments. So it sends 2 (N - 1) / N times the vector: exactly the vector
with two ranks, and never twice as much, however many there are.
"""
import fcntl
import os
import re
import socket
import struct
import subprocess
import sys
import termios

SUMS_PER_LAYER = 2  # after o_proj, and after down_proj


def ring_bytes(n, itemsize, size, rank=0):
    """Bytes that a rank sends for one all_sum of n numbers, n >= size.

    >>> ring_bytes(4096, 2, size=2), ring_bytes(4096, 2, size=4), ring_bytes(4096, 2, size=1)
    (8192, 12288, 0)
    """
    if size == 1:
        return 0
    length = -(-n // size)  # of a segment; the last one is shorter where N does not divide n

    def segment(number):
        start = number % size * length
        return max(0, min(start + length, n) - start)

    # each round leaves out the segment that arrives last
    return (2 * n - segment(rank - 1) - segment(rank - 2)) * itemsize


def bytes_per_call(config, size, n_tokens=1, itemsize=2, rank=0):
    """Bytes that a rank sends in one call of a model with B * L = n_tokens tokens.

    config: of the whole model, or of a part of it. itemsize: bytes per number between the layers.

    >>> from mistral_edu.config import MistralConfig
    >>> bytes_per_call(MistralConfig.preset("7b-v0.3"), size=2), bytes_per_call(MistralConfig.preset("tiny"), size=4)
    (524288, 12288)
    """
    return SUMS_PER_LAYER * config.n_layers * ring_bytes(n_tokens * config.dim, itemsize, size, rank)


def bytes_received():
    """Bytes that this process has read from its open TCP connections; None if the system does not count them.

    Linux counts what has arrived on each connection (tcp(7), TCP_INFO), and what is still waiting to be read: a
    neighbour may be a step ahead. In MLX's ring, what rank r reads is what rank r + 1 sent.
    """
    if not sys.platform.startswith("linux"):
        return None
    return sum(map(received_by, os.listdir("/proc/self/fd")))


def received_by(number):
    """The same for one file descriptor; 0 for anything but a TCP connection."""
    try:
        if not os.readlink(f"/proc/self/fd/{number}").startswith("socket:"):
            return 0
        with socket.socket(fileno=os.dup(int(number))) as connection:
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_RECEIVED + 8)
            waiting = fcntl.ioctl(connection, termios.FIONREAD, bytes(4))
    except OSError:
        return 0
    if len(info) < BYTES_RECEIVED + 8:
        return 0
    return struct.unpack_from("Q", info, BYTES_RECEIVED)[0] - struct.unpack("i", waiting)[0]


BYTES_RECEIVED = 128  # where tcpi_bytes_received stands in struct tcp_info of linux/tcp.h


def nvlink_bytes():
    """Bytes that this rank's GPU has sent over NVLink since it was switched on; None where nobody counts.

    NVIDIA's driver counts KiB on each link, whoever sends. NCCL sends small sums in its protocol LL, in which every 4
    bytes have a flag of 4 bytes beside them, so that the other side need not be told: twice as many as the formula has.
    """
    gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "0")
    try:
        said = subprocess.run(["nvidia-smi", "nvlink", "-gt", "d", "-i", gpu], capture_output=True,
                              text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    counts = links_sent(said.stdout)
    return 1024 * sum(counts) if counts else None


def links_sent(text):
    """KiB of each link, from what `nvidia-smi nvlink -gt d` prints.

    >>> links_sent("GPU 0: NVIDIA H200\\n\\t Link 0: Data Tx: 12 KiB\\n\\t Link 0: Data Rx: 7 KiB\\n"
    ...            "\\t Link 1: Data Tx: 30 KiB\\n")
    [12, 30]
    """
    return [int(number) for number in re.findall(r"Data Tx: (\d+) KiB", text)]
