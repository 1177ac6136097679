"""What causes what: a graph from effects to their causes, and the order in which effects follow causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from regimen.errors import ConfigError


def ordered(causes: Mapping[str, Sequence[str]], field: str = "graph") -> tuple[str, ...]:
    """Returns the nodes of a graph so that each comes after all of its causes; otherwise in the order written.

    Args:
        causes: by effect; a cause that is no effect has no cause.
        field: what a message calls the graph.

    Raises:
        ConfigError: a cycle, which is named.
    """
    done: list[str] = []
    open_: list[str] = []

    def visit(node: str) -> None:
        if node in done:
            return
        if node in open_:
            cycle = [*open_[open_.index(node) :], node]
            raise ConfigError(field, "must be acyclic", " <- ".join(cycle))
        open_.append(node)
        for cause in causes.get(node, ()):
            visit(cause)
        open_.pop()
        done.append(node)

    for node in causes:
        visit(node)
    return tuple(done)
