"""Writes the source of one fused scan: the loops over bars, with every step's state in local variables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from regimen.scan.step import Recurrence

PRICES = ("open", "high", "low", "close")
_ARGUMENTS = "symbol, time, open_, high, low, close, volume, extras, floats, ints, rings, out"


@dataclass(frozen=True)
class Layout:
    """Where each recurrence keeps its things: offsets into the flat arrays."""

    float_at: int
    int_at: int
    ring_at: int


def layouts(recurrences: Sequence[Recurrence]) -> tuple[list[Layout], Layout]:
    """Returns the offsets of each recurrence, and the totals."""
    offsets, at = [], Layout(0, 0, 0)
    for item in recurrences:
        offsets.append(at)
        floats = sum(kind == "float" for kind, _ in item.leaves)
        at = Layout(
            at.float_at + floats,
            at.int_at + len(item.leaves) - floats,
            at.ring_at + sum(item.rings),
        )
    return offsets, at


def fused_groups(recurrences: Sequence[Recurrence], columns: int) -> list[range]:
    """Cuts the recurrences into runs of neighbours of about ``columns`` columns (at least one recurrence)."""
    groups, start, width = [], 0, 0
    for i, item in enumerate(recurrences):
        if width and width + len(item.targets) > columns:
            groups.append(range(start, i))
            start, width = i, 0
        width += len(item.targets)
    groups.append(range(start, len(recurrences)))
    return groups


class _Cells:
    """Names of the flat cells that hold a state, handed out in order."""

    def __init__(self, item: Recurrence, at: Layout) -> None:
        self._kinds = iter(item.leaves)
        self._float, self._int = at.float_at, at.int_at

    def take(self) -> tuple[str, str]:
        kind, _ = next(self._kinds)
        if kind == "float":
            self._float += 1
            return kind, f"floats[symbol, {self._float - 1}]"
        self._int += 1
        return kind, f"ints[symbol, {self._int - 1}]"


def _load(state: tuple[Any, ...], name: str, cells: _Cells) -> str:
    """An expression that builds the state from its cells; ``name`` is the class's name in the module."""
    parts = []
    for i, value in enumerate(state):
        if isinstance(value, tuple):
            parts.append(_load(value, f"{name}_{i}", cells))
        else:
            kind, cell = cells.take()
            parts.append(f"{cell} != 0" if kind == "bool" else cell)
    return f"{name}({', '.join(parts)})"


def _store(state: tuple[Any, ...], name: str, cells: _Cells) -> Iterable[str]:
    for i, value in enumerate(state):
        if isinstance(value, tuple):
            yield from _store(value, f"{name}[{i}]", cells)
        else:
            _, cell = cells.take()
            yield f"{cell} = {name}[{i}]"


def state_classes(state: tuple[Any, ...], name: str) -> dict[str, type]:
    """The NamedTuple classes of a state under the names that the source uses."""
    classes = {name: type(state)}
    for i, value in enumerate(state):
        if isinstance(value, tuple):
            classes |= state_classes(value, f"{name}_{i}")
    return classes


def _literal(value: float) -> str:
    number = value if isinstance(value, (bool, int)) else float(value)
    if number != number or number in (float("inf"), float("-inf")):
        return {"nan": "NAN", "inf": "INF", "-inf": "-INF"}[str(number)]
    return repr(number)


def _group(
    number: int, members: range, items: Sequence[Recurrence], at: Sequence[Layout], inputs: Sequence[str]
) -> list[str]:
    head: list[str] = []
    body: list[str] = []
    tail: list[str] = []
    absent: list[str] = []
    for row in sorted({inputs.index(name) for m in members for name in items[m].inputs}):
        body.append(f"x{row} = extras[{row}, i]")
    for m in members:
        item, where = items[m], at[m]
        head.append(f"s{m} = {_load(item.state, f'State{m}', _Cells(item, where))}")
        arguments = [f"s{m}", "bar", *(f"x{inputs.index(name)}" for name in item.inputs)]
        offset = where.ring_at
        for r, length in enumerate(item.rings):
            head.append(f"r{m}_{r} = rings[symbol, {offset}:{offset + length}]")
            arguments.append(f"r{m}_{r}")
            offset += length
        arguments += [_literal(value) for value in item.params]
        body.append(f"s{m}, y{m} = step{m}({', '.join(arguments)})")
        values = [f"y{m}"] if len(item.targets) == 1 else [f"y{m}_{c}" for c in range(len(item.targets))]
        if len(values) > 1:
            body.append(f"{', '.join(values)} = y{m}")  # fails to compile when the step gives more or fewer
        for value, column in zip(values, item.targets, strict=True):
            if column < 0:
                continue
            target = f"out[i, symbol, {column}]"
            body.append(f"{target} = {value}")
            absent.append(f"{target} = NAN")
        tail += _store(item.state, f"s{m}", _Cells(item, where))
    return [
        "",
        "",
        "@jit_inner",
        f"def group{number}(start, stop, {_ARGUMENTS}):",
        *(f"    {line}" for line in head),
        "    for i in range(start, stop):",
        "        bar = Bar(time[i], open_[i], high[i], low[i], close[i], volume[i])",
        f"        if {' or '.join(f'bar.{price} != bar.{price}' for price in PRICES)}:",
        *(f"            {line}" for line in absent),
        "            continue",
        *(f"        {line}" for line in body),
        *(f"    {line}" for line in tail),
    ]


def scan_source(items: Sequence[Recurrence], inputs: Sequence[str], columns: int) -> tuple[str, int]:
    """Returns the source of a module with ``run`` over all recurrences, and the number of fused groups.

    ``run(start, stop, block, first, last, ...)`` takes the bars in blocks and, in each block, runs the groups
    ``[first, last)`` one after the other.
    """
    at, _ = layouts(items)
    groups = fused_groups(items, columns)
    lines = ['"""A fused scan, written by regimen.scan; see there."""']
    for number, members in enumerate(groups):
        lines += _group(number, members, items, at, inputs)
    lines += [
        "",
        "",
        "@jit",
        f"def run(start, stop, block, first, last, {_ARGUMENTS}):",
        "    for lo in range(start, stop, block):",
        "        hi = min(lo + block, stop)",
    ]
    for number in range(len(groups)):
        lines.append(f"        if first <= {number} < last:")
        lines.append(f"            group{number}(lo, hi, {_ARGUMENTS})")
    return "\n".join(lines) + "\n", len(groups)
