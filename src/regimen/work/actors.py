"""Actors that keep a state between messages, and are listened to in their order, with a fixed lag."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Protocol, Self, final

from regimen.errors import ConfigError
from regimen.work.compute import LOCAL, Compute
from regimen.work.mapper import LostWorkerError

Actor = Callable[[Any], Any]
"""Answers one message; it may keep a state from one to the next."""
Build = Callable[[int], Actor]
"""Makes actor 0, 1, … where it is to live."""


@final
class Actors:
    """``n`` actors, each where it was built, that answer their messages one after the other.

        with Actors(build, 4, Compute.parse("processes:2")) as actors:
            for answers in actors.rounds(lambda number: learner.weights, 100, lag=1):
                learner.learn(answers)

    An actor has a state, so one that is lost is not begun again; `LastingActors` are.

    Args:
        build: called with 0 to n − 1 where the actor is to live; it stands in a module, for workers to import it.
        n: how many; ``processes:N`` has N processes at most, which actors share.
        compute: where they live; in this process by default.

    Raises:
        ConfigError: no actors.
    """

    def __init__(self, build: Build, n: int, compute: Compute = LOCAL) -> None:
        if n < 1:
            raise ConfigError("actors", "must be at least 1", n)
        self.n = n
        self._stack = ExitStack()
        self._answers: list[deque[Callable[[], Any]]] = [deque() for _ in range(n)]
        with ExitStack() as stack:
            self._place = _place(build, n, compute, stack)
            self._stack = stack.pop_all()

    def send(self, k: int, message: Any) -> None:
        """Gives actor k one more message, as it is at this moment; an error is raised by `recv`."""
        self._answers[k].append(self._place.ask(k, message))

    def recv(self, k: int) -> Any:
        """Waits for actor k's answer to the oldest message that has none yet.

        Raises:
            LostWorkerError: the actor's process was killed.
        """
        return self._answers[k].popleft()()

    def begin(self, k: int) -> None:
        """Builds actor k anew, in a process of its own again where that was lost; what it was asked is forgotten."""
        self._answers[k].clear()
        self._place.begin(k)

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


class _Place(Protocol):
    """Where actors live."""

    def ask(self, k: int, message: Any) -> Callable[[], Any]:
        """Gives actor k a message; returns what waits for the answer."""

    def begin(self, k: int) -> None:
        """Builds actor k anew."""


@final
class _Here:
    def __init__(self, build: Build, n: int) -> None:
        self._build = build
        self._actors = [build(k) for k in range(n)]

    def ask(self, k: int, message: Any) -> Callable[[], Any]:
        kept = pickle.dumps(message)
        return lambda: self._actors[k](pickle.loads(kept))

    def begin(self, k: int) -> None:
        self._actors[k] = self._build(k)


@final
class _InProcesses:
    def __init__(self, build: Build, n: int, processes: int, stack: ExitStack) -> None:
        from regimen.work.processes import Worker

        self._build = build
        self._workers = [Worker() for _ in range(min(n, processes))]
        for worker in self._workers:
            stack.callback(worker.stop)
        for k, future in enumerate([self._submit(k, _keep, build, k) for k in range(n)]):
            with _alive(k):
                future.result()

    def ask(self, k: int, message: Any) -> Callable[[], Any]:
        with _alive(k):  # pickled now: an executor's own thread would do it a moment later, when it may have changed
            future = self._submit(k, _answer, k, pickle.dumps(message))

        def answer() -> Any:
            with _alive(k):
                return future.result()

        return answer

    def begin(self, k: int) -> None:
        with _alive(k):
            try:
                future = self._submit(k, _keep, self._build, k)
            except BrokenExecutor:
                self._workers[k % len(self._workers)].stop()
                future = self._submit(k, _keep, self._build, k)
            future.result()

    def _submit(self, k: int, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        return self._workers[k % len(self._workers)].submit(function, *arguments)


@contextmanager
def _alive(k: int) -> Iterator[None]:
    try:
        yield
    except BrokenExecutor:
        raise LostWorkerError("compute", "must let its actors live: one was killed, or ran out of memory", k) from None


@final
class _OnRay:
    def __init__(self, build: Build, n: int, address: str | None, stack: ExitStack) -> None:
        from regimen.work.cluster import connected

        self._ray = stack.enter_context(connected(address))
        # they take turns on the CPUs there are, instead of waiting for one each
        self._remote = self._ray.remote(num_cpus=0)(_Remote)
        self._build = build
        self._actors = [self._remote.remote(build, k) for k in range(n)]

    def ask(self, k: int, message: Any) -> Callable[[], Any]:
        from regimen.work.cluster import answer

        future = self._actors[k].answer.remote(message)
        return lambda: answer(self._ray, future, k)

    def begin(self, k: int) -> None:
        self._actors[k] = self._remote.remote(self._build, k)


def _place(build: Build, n: int, compute: Compute, stack: ExitStack) -> _Place:
    if compute.kind == "local":
        return _Here(build, n)
    if compute.kind == "processes":
        return _InProcesses(build, n, compute.processes, stack)
    return _OnRay(build, n, compute.address, stack)


_actors: dict[int, Actor] = {}
"""In a worker: the actors that live there."""


def _keep(build: Build, k: int) -> None:
    _actors[k] = build(k)


def _answer(k: int, message: bytes) -> Any:
    return _actors[k](pickle.loads(message))


class _Remote:
    """An actor of Ray around one of ours."""

    def __init__(self, build: Build, k: int) -> None:
        self._actor = build(k)

    def answer(self, message: Any) -> Any:
        return self._actor(message)
