"""Actors that keep a state between messages, and are listened to in their order, with a fixed lag."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self, final

from regimen.errors import ConfigError, RunError
from regimen.work.compute import LOCAL, Compute

Actor = Callable[[Any], Any]
"""Answers one message; it may keep a state from one to the next."""


@final
class Actors:
    """``n`` actors, each where it was built, that answer their messages one after the other.

        with Actors(build, 4, Compute.parse("processes:2")) as actors:
            for answers in actors.rounds(lambda number: learner.weights, 100, lag=1):
                learner.learn(answers)

    An actor has a state, so one that is lost is not begun again.

    Args:
        build: called with 0 to n − 1 where the actor is to live; it stands in a module, for workers to import it.
        n: how many; every actor has a process of its own, unless they are local.
        compute: where they live; in this process by default.

    Raises:
        ConfigError: no actors.
    """

    def __init__(self, build: Callable[[int], Actor], n: int, compute: Compute = LOCAL) -> None:
        if n < 1:
            raise ConfigError("actors", "must be at least 1", n)
        self.n = n
        self._stack = ExitStack()
        self._answers: list[deque[Callable[[], Any]]] = [deque() for _ in range(n)]
        with ExitStack() as stack:
            self._ask = _places[compute.kind](build, n, compute, stack)
            self._stack = stack.pop_all()

    def send(self, k: int, message: Any) -> None:
        """Gives actor k one more message, as it is at this moment; an error is raised by `recv`."""
        self._answers[k].append(self._ask(k, message))

    def recv(self, k: int) -> Any:
        """Waits for actor k's answer to the oldest message that has none yet.

        Raises:
            RunError: the actor's process was killed.
        """
        return self._answers[k].popleft()()

    def rounds(self, message: Callable[[int], Any], rounds: int, lag: int = 0) -> Iterator[list[Any]]:
        """Yields the answers of all actors, in their order, round after round.

        A round's message is made when exactly ``lag`` rounds before it have not been yielded yet, however fast or slow
        an actor is: what it acts with is always as old, and a learner is reproducible bit for bit.

        Args:
            message: called with the number of the round; what every actor gets.
            rounds: how many.
            lag: rounds that are under way while the learner learns from the one before them.
        """
        for number in range(rounds + lag):
            if number < rounds:
                everyone = message(number)
                for k in range(self.n):
                    self.send(k, everyone)
            if number >= lag:
                yield [self.recv(k) for k in range(self.n)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the actors."""
        self._stack.close()


_Ask = Callable[[int, Any], Callable[[], Any]]


def _here(build: Callable[[int], Actor], n: int, compute: Compute, stack: ExitStack) -> _Ask:
    del compute, stack
    actors = [build(k) for k in range(n)]

    def ask(k: int, message: Any) -> Callable[[], Any]:
        kept = pickle.dumps(message)
        return lambda: actors[k](pickle.loads(kept))

    return ask


def _in_processes(build: Callable[[int], Actor], n: int, compute: Compute, stack: ExitStack) -> _Ask:
    from concurrent.futures.process import BrokenProcessPool

    from regimen.work.processes import Worker

    del compute
    workers = [Worker() for _ in range(n)]

    @contextmanager
    def _alive(k: int) -> Iterator[None]:
        try:
            yield
        except BrokenProcessPool:
            raise RunError("compute", "must let its actors live: one was killed, or ran out of memory", k) from None

    built = []
    for k, worker in enumerate(workers):
        stack.callback(worker.stop)
        built.append(worker.submit(_keep, build, k))
    for k, future in enumerate(built):
        with _alive(k):
            future.result()

    def ask(k: int, message: Any) -> Callable[[], Any]:
        with _alive(k):  # pickled now: an executor's own thread would do it a moment later, when it may have changed
            future = workers[k].submit(_answer, pickle.dumps(message))

        def answer() -> Any:
            with _alive(k):
                return future.result()

        return answer

    return ask


def _on_ray(build: Callable[[int], Actor], n: int, compute: Compute, stack: ExitStack) -> _Ask:
    from regimen.work.cluster import answer, connected

    ray = stack.enter_context(connected(compute.address))
    remote = ray.remote(num_cpus=0)(_Remote)  # they take turns on the CPUs there are, instead of waiting for one each
    actors = [remote.remote(build, k) for k in range(n)]

    def ask(k: int, message: Any) -> Callable[[], Any]:
        future = actors[k].answer.remote(message)
        return lambda: answer(ray, future, k)

    return ask


_places: dict[str, Callable[[Callable[[int], Actor], int, Compute, ExitStack], _Ask]] = {
    "local": _here,
    "processes": _in_processes,
    "ray": _on_ray,
}
_actor: Actor | None = None
"""In a worker: the actor that lives there."""


def _keep(build: Callable[[int], Actor], k: int) -> None:
    global _actor
    _actor = build(k)


def _answer(message: bytes) -> Any:
    assert _actor is not None
    return _actor(pickle.loads(message))


class _Remote:
    """An actor of Ray around one of ours."""

    def __init__(self, build: Callable[[int], Actor], k: int) -> None:
        self._actor = build(k)

    def answer(self, message: Any) -> Any:
        return self._actor(message)
