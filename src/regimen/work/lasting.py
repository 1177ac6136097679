"""Actors that are begun again where they stood when their process is lost."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self, final

from regimen.work.actors import Actors
from regimen.work.compute import LOCAL, Compute
from regimen.work.mapper import ATTEMPTS, LostWorkerError

State = Mapping[str, Any]


class LastingActor(Protocol):
    """An actor that can say where it stands, and go on from there."""

    def __call__(self, message: Any, /) -> Any:
        """Answers one message."""

    def state(self) -> State:
        """Returns all that changes."""

    def restore(self, state: State) -> None:
        """Goes on from a `state`."""


@final
class LastingActors:
    """Like `Actors`, but one that is lost is built again, put where it stood and asked again.

    So an answer does not depend on who was killed: with every answer comes the state after it.

    Args:
        build: called with 0 to n − 1 where the actor is to live; it stands in a module, for workers to import it.
        n: how many.
        compute: where they live.

    Attributes:
        states: of every actor, after the last answer that was received; None before.

    Raises:
        ConfigError: no actors.
    """

    def __init__(self, build: Callable[[int], LastingActor], n: int, compute: Compute = LOCAL) -> None:
        self.n = n
        self.states: list[State | None] = [None] * n
        self._moves: list[State | None] = [None] * n
        self._unanswered: list[deque[bytes]] = [deque() for _ in range(n)]
        self._lost: set[int] = set()
        self._actors = Actors(partial(_Standing, build), n, compute)

    def restore(self, states: Sequence[State]) -> None:
        """Puts actors that have answered everything where they are to stand, by the `states` of others like them."""
        self.states, self._moves = list(states), list(states)

    def send(self, k: int, message: Any) -> None:
        """Gives actor k one more message, as it is at this moment."""
        kept = pickle.dumps(message)
        self._unanswered[k].append(kept)
        try:
            self._actors.send(k, (self._moves[k], kept))
            self._moves[k] = None
        except LostWorkerError:
            self._lost.add(k)

    def recv(self, k: int) -> Any:
        """Waits for actor k's answer to the oldest message that has none yet.

        Raises:
            LostWorkerError: it was lost so many times at this message that more would not help.
        """
        for attempts_left in reversed(range(ATTEMPTS * self.n)):  # others live in its process, and take it along
            try:
                if k in self._lost:
                    self._again(k)
                answer, self.states[k] = self._actors.recv(k)
                break
            except LostWorkerError:
                self._lost.add(k)
                if not attempts_left:
                    raise
        self._unanswered[k].popleft()
        return answer

    def _again(self, k: int) -> None:
        """Builds actor k anew and asks it all that it has not answered; the first from where it stood then."""
        self._actors.begin(k)
        state = self.states[k]
        for kept in self._unanswered[k]:
            self._actors.send(k, (state, kept))
            state = None
        self._lost.discard(k)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the actors."""
        self._actors.close()


@final
class _Standing:
    """Where the actor lives: puts it where it is to stand, asks it, and says where it stands then."""

    def __init__(self, build: Callable[[int], LastingActor], k: int) -> None:
        self._actor = build(k)

    def __call__(self, message: tuple[State | None, bytes]) -> tuple[Any, State]:
        state, kept = message
        if state is not None:
            self._actor.restore(state)
        return self._actor(pickle.loads(kept)), self._actor.state()
