"""Joining a Ray cluster, or starting one on this machine; the one place where Ray is imported and told to be quiet."""

import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from handgrad.errors import InputError
from handgrad.study.runners.runner import cores

for _name, _value in {
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # lines of Ray among the results on standard output
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # Ray's own choice from its next version on, which it warns about
    "RAY_gcs_rpc_server_reconnect_timeout_s": "300",  # then Ray ends this process; `Head` has noticed long before
    "RAY_USAGE_STATS_ENABLED": "0",  # a cluster that is started here reports to nobody
}.items():
    os.environ.setdefault(_name, _value)  # read when Ray is imported

import ray  # noqa: E402
from ray.exceptions import RayError, RayTaskError  # noqa: E402

__all__ = ["GONE", "Head", "HeadLost", "RayError", "RayTaskError", "join", "leave", "ray"]

Answer = TypeVar("Answer")

CONNECT = 5.0  # seconds for an address to answer
KNOCKS = 1.0  # seconds between two knocks at the head
GONE = 10.0  # seconds without an answer after which it is lost


def join(address: str | None) -> bool:
    """Connect to a cluster, or start one here; False where this process was connected already.

    Raises InputError with the remedy: no answer, other versions there, connected to another one.
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


class HeadLost(Exception):
    """The head of the cluster does not answer any more."""


class Head:
    """Watches the head of the cluster that this process has joined; Ray's own calls would wait for it for a minute."""

    def __init__(self) -> None:
        self.address = str(ray.get_runtime_context().gcs_address)
        self.lost = False
        self._change = threading.Condition()
        self._over = threading.Event()
        threading.Thread(target=self._watch, daemon=True, name="handgrad-head").start()

    def close(self) -> None:
        """Watch no more."""
        self._over.set()

    def _watch(self) -> None:
        host, _, port = self.address.rpartition(":")
        answered = time.monotonic()
        while not self._over.wait(KNOCKS):
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT).close()
                answered = time.monotonic()
            except OSError:
                if time.monotonic() - answered > GONE:
                    with self._change:
                        self.lost = True
                        self._change.notify_all()
                    return

    def check(self) -> None:
        """Raises HeadLost."""
        if self.lost:
            raise HeadLost

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Call `question`, which asks the head, in another thread.  Raises HeadLost as soon as the head is lost."""
        answers: list[Answer] = []
        failures: list[Exception] = []

        def wait() -> None:
            try:
                answers.append(question())
            except Exception as error:
                failures.append(error)
            with self._change:
                self._change.notify_all()

        threading.Thread(target=wait, daemon=True, name="handgrad-question").start()
        with self._change:
            self._change.wait_for(lambda: bool(answers or failures or self.lost))
        if answers:
            return answers[0]
        self.check()
        raise failures[0]


def leave(head: Head | None) -> None:
    """Disconnect; from a cluster whose head is lost, without waiting for it."""
    if head is not None and head.lost:
        goodbye = threading.Thread(target=ray.shutdown, daemon=True, name="handgrad-goodbye")
        goodbye.start()
        goodbye.join(CONNECT)
    else:
        ray.shutdown()


def _knock(address: str) -> None:
    """Fail within seconds where nothing answers; Ray itself takes minutes."""
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
