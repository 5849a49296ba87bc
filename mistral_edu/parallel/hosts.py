"""Where ranks run and how they find each other: what mlx.launch does with options, done here.

Backend "ring": TCP between any machines. "nccl": between NVIDIA GPUs. Ranks find each other through environment
variables, which MLX reads in mx.distributed.init.
"""
import json
import os
import random
import socket
from dataclasses import dataclass, field

from mlx._distributed_utils.common import Hostfile

from mistral_edu.machine.processors import processors
from mistral_edu.parallel.model import LOCAL_RANKS

HERE = "127.0.0.1"
PORTS = range(20000, 32000)  # below those that Linux and macOS give to connections that choose none
BACKENDS = ("ring", "nccl")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class Placement:
    """Ranks on hosts: `hosts` as mlx.launch has them, and each rank's environment variables."""

    hosts: list
    backend: str
    environments: list = field(default_factory=list)  # per rank: {name: value}
    hostfile: str = ""  # the text of the file whose name MLX_HOSTFILE holds; "" if there is none


def place_ranks(n=None, hostfile=None, backend=None) -> Placement:
    """n ranks on this machine, or one on each host that a file names, as mlx.distributed_config writes it.

    backend: None for the hostfile's, or the ring without one. Raises ValueError for numbers and files that do not fit.
    """
    if hostfile is None:
        if not isinstance(n, int) or n < 1:
            raise ValueError(f"a group should have at least 1 rank; got {n!r}")
        found = Hostfile.from_list(HERE, n)
    else:
        found = Hostfile.from_file(hostfile)  # its ValueError names file and fault
        if n is not None and n != len(found.hosts):
            raise ValueError(f"{hostfile} names {len(found.hosts)} hosts, one for each rank, and -n says {n}; "
                             "leave -n out")
        if without := [host.ssh_hostname for host in found.hosts if not host.ips]:
            raise ValueError(f"{hostfile} gives no ips for {without[0]}; ranks find each other by address, so each "
                             'host needs one: {"ssh": "name", "ips": ["10.0.0.1"]}')
    placement = Placement(found.hosts, backend or found.backend or "ring")
    if placement.backend not in BACKENDS:
        raise ValueError(f"the backend should be one of {', '.join(BACKENDS)}; got {placement.backend!r}")
    given = dict(pair.partition("=")[::2] for pair in found.envs)
    variables = {"ring": ring_variables, "nccl": nccl_variables}[placement.backend](placement)
    for host, own in zip(found.hosts, variables):
        n_here = sum(other.ssh_hostname == host.ssh_hostname for other in found.hosts)
        placement.environments.append({**given, LOCAL_RANKS: str(n_here), **threads(host, n_here), **own})
    return placement


def ring_variables(placement):
    """Every rank listens on a port of its own; the hostfile tells all of them all addresses."""
    hosts = placement.hosts
    if len(hosts) > 1:
        ports = free_ports(len(hosts))
        placement.hostfile = json.dumps([[f"{host.ips[0]}:{port}"] for host, port in zip(hosts, ports)])
    return [{} for _ in hosts]


def nccl_variables(placement):
    """Rank 0's address, and a GPU for each rank: the first on its host, the second, ..."""
    hosts, port = placement.hosts, str(free_ports(1)[0])
    gpus = [sum(other.ssh_hostname == host.ssh_hostname for other in hosts[:rank]) for rank, host in enumerate(hosts)]
    return [{"NCCL_HOST_IP": hosts[0].ips[0], "NCCL_PORT": port, "MLX_WORLD_SIZE": str(len(hosts)),
             "CUDA_VISIBLE_DEVICES": str(gpu)} for gpu in gpus]


def threads(host, n_here):
    """As many threads for each rank on this machine as leave room for the others, unless the user has chosen."""
    if host.ssh_hostname != HERE or any(name in os.environ for name in THREADS):
        return {}
    return dict.fromkeys(THREADS, str(max(1, processors() // n_here)))


def free_ports(n) -> list[int]:
    """n ports on which nothing is listening at this moment."""
    ports = []
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == n:
            return ports
    raise OSError(f"fewer than {n} ports from {PORTS.start} to {PORTS.stop} are free here; end the programs that use "
                  "them")
