"""The seam: a function over items, whose results come in the items' order wherever they were computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, final

from regimen.errors import RunError

Listen = Callable[[int, Any], None]
"""Called with (number of the item, what its function reports)."""
ATTEMPTS = 3
"""How often an item is begun whose worker ends before it does."""
_LIBRARIES = ("OMP_NUM", "MKL_NUM", "OPENBLAS_NUM", "NUMBA_NUM", "VECLIB_MAXIMUM")
ONE_THREAD = {f"{library}_THREADS": "1" for library in _LIBRARIES}
"""Environment of a worker: workers share the machine's cores, and would wait for each other's threads."""


class Mapper(Protocol):
    """Computes a function of every item."""

    @property
    def workers(self) -> int:
        """How many items are computed at once."""

    def map(self, function: Callable[..., Any], items: Iterable[Any], listen: Listen | None = None) -> Iterator[Any]:
        """Yields ``function(item)`` in the items' order, and an error of the function in its item's place.

        Whoever stops reading stops the work that is under way.

        Args:
            function: stands in a module, for workers to import it. An item may be begun more than once.
            items: each of them, and each result, is pickled: paths and configs, not bars.
            listen: called in this process with what is reported; the function is then called with (item, report).

        Raises:
            RunError: a worker that was killed every time it worked on the same item.
        """


@final
class Local:
    """Computes in this process, one item after the other."""

    @property
    def workers(self) -> int:
        """One."""
        return 1

    def map(self, function: Callable[..., Any], items: Iterable[Any], listen: Listen | None = None) -> Iterator[Any]:
        """See `Mapper.map`."""
        for number, item in enumerate(items):
            if listen is None:
                yield function(item)
            else:
                yield function(item, lambda message, number=number: listen(number, message))


HERE = Local()
"""In this process."""


class LostWorkerError(RunError):
    """A worker that does not live any more: killed, or out of memory."""


def ended(number: int) -> LostWorkerError:
    """Says that an item cannot be computed because its workers do not live."""
    rule = f"must let its workers live: {ATTEMPTS} of them ended at the same task, killed or out of memory"
    return LostWorkerError("compute", rule, f"task {number + 1}")
