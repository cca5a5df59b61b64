"""Joining a Ray cluster, or starting one on this machine; the one place where Ray is imported and told to be quiet."""

import os
import socket
from typing import Any

from handgrad.errors import InputError
from handgrad.study.runners.runner import cores

for _name, _value in {
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # lines of Ray among the results on standard output
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # Ray's own choice from its next version on, which it warns about
    "RAY_USAGE_STATS_ENABLED": "0",  # a cluster that is started here reports to nobody
}.items():
    os.environ.setdefault(_name, _value)  # read when Ray is imported

import ray  # noqa: E402
from ray.exceptions import RayError, RayTaskError  # noqa: E402

__all__ = ["RayError", "RayTaskError", "join", "ray"]

CONNECT = 5.0  # seconds for an address to answer


def join(address: str | None) -> bool:
    """Connect to a cluster, or start one here; False where this process was connected already.

    Raises InputError with the remedy: nobody answers, other versions there, connected to another one.
    """
    if ray.is_initialized():
        connected = ray.get_runtime_context().gcs_address
        if address not in (None, "auto", connected):
            raise InputError(
                f"this process is connected to the Ray cluster at {connected} already; got {address}: "
                "leave out the address, or call ray.shutdown() before"
            )
        return False
    address = address or os.environ.get("RAY_ADDRESS")
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None or address == "local":
        ray.init("local", num_cpus=cores(), include_dashboard=False, **options)
        return True
    _knock(address)
    try:
        ray.init(address, **options)
    except (RayError, ConnectionError, RuntimeError, ValueError, AssertionError) as error:
        raise InputError(_unreachable(address, " ".join(str(error).split()))) from None
    return True


def _knock(address: str) -> None:
    """Fail within seconds where nobody answers; Ray itself takes minutes."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "://" in address:
        raise InputError(
            f"the address of a Ray cluster is host:port of its head, such as 192.0.2.1:6379, or auto; got {address!r}. "
            "Run handgrad on a machine of the cluster: a client from outside (ray://) cannot hear a run's news"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT).close()
    except (OSError, OverflowError) as error:
        raise InputError(_unreachable(address, str(error) or type(error).__name__)) from None


def _unreachable(address: str, why: str) -> str:
    return (
        f"the Ray cluster at {address} cannot be joined: {why}. On its head: ray start --head; on this and every other "
        "machine: ray start --address=HEAD:6379; then --address HEAD:6379. Without an address, a cluster is started "
        "on this machine"
    )
