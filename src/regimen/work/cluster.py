"""Workers on Ray, started on this machine or reached by the address of its head."""

from __future__ import annotations

import logging
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from itertools import count, islice
from typing import Any, final

from regimen.errors import ConfigError, RunError
from regimen.work.mapper import ATTEMPTS, ONE_THREAD, Listen, ended

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "GRPC_VERBOSITY": "ERROR",  # else it tells every process that is started
    # three attempts of two seconds; Ray's own way is to wait for 30 s
    "RAY_CLIENT_INITIAL_CONNECTION_TIMEOUT_S": "2",
    "RAY_CLIENT_MAX_CONNECTION_TIMEOUT_S": "2",
}


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Yields the module ``ray``, connected to the head of a cluster, or to one that is started here.

    Raises:
        ConfigError: Ray is not installed.
        RunError: no head answers at the address.
    """
    os.environ.update(_ENVIRONMENT)  # read when it is imported; usage statistics are off
    try:
        ray: Any = import_module("ray")
    except ImportError:
        rule = 'needs Ray, an optional library: pip install "regimen[ray]"'
        raise ConfigError("compute", rule, address or "ray") from None
    own = {"num_cpus": os.cpu_count(), "include_dashboard": False} if address is None else {"address": address}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ray.init(
                **own,
                log_to_driver=False,
                logging_level=logging.ERROR,
                runtime_env={"env_vars": ONE_THREAD | {"RAY_USAGE_STATS_ENABLED": "0"}},
            )
        except Exception as error:  # of every class, a bare one where a head that is started here is late
            with suppress(Exception):
                ray.util.disconnect()  # half connected, it would get in the way of the next one
            raise RunError("compute", f"must lead to a Ray head that answers ({error})", address or "ray") from error
    try:
        yield ray
    finally:
        ray.shutdown()


@final
class Cluster:
    """Computes on Ray: its workers stay warm, and a task whose worker is lost begins again on another one.

    What a function reports comes with its result. Whoever stops reading lets the tasks end that are under way.

    Args:
        ray: the connected module.
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray

    @property
    def workers(self) -> int:
        """The CPUs of the cluster."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def map(self, function: Callable[..., Any], items: Iterable[Any], listen: Listen | None = None) -> Iterator[Any]:
        """See `Mapper.map`."""
        task = self._ray.remote(num_cpus=1, max_retries=ATTEMPTS - 1)(_call)
        waiting, ahead = iter(items), self.workers
        futures = deque(task.remote(function, item, listen is not None) for item in islice(waiting, ahead))
        for number in count():
            if not futures:
                return
            try:
                result, messages = answer(self._ray, futures[0], number)
            except Exception:
                # not cancelled: Ray 2.60 ends this process when a task that is cancelled by force ends at that moment
                self._ray.wait(list(futures), num_returns=len(futures))
                raise
            futures.popleft()
            futures += [task.remote(function, item, listen is not None) for item in islice(waiting, 1)]
            for message in messages:
                assert listen is not None
                listen(number, message)
            yield result


def answer(ray: Any, future: Any, number: int) -> Any:
    """Waits for a task, and raises its error as it was raised there.

    Raises:
        RunError: the worker was lost at every attempt, or the whole cluster.
    """
    try:
        return ray.get(future)
    except ray.exceptions.RayTaskError as error:
        raise error if error.cause is None else error.cause from None
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError, ray.exceptions.RayActorError):
        raise ended(number) from None
    except (ray.exceptions.RayError, ConnectionError) as error:
        raise RunError("compute", f"must stay connected to Ray ({error})") from None


def _call(function: Callable[..., Any], item: Any, reports: bool) -> tuple[Any, list[Any]]:
    messages: list[Any] = []
    return (function(item, messages.append) if reports else function(item)), messages
