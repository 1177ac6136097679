"""`LeakReport`: what was found about each feature, label, fitted object and policy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from regimen.bars import Poison
from regimen.reprs import many, short

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["feature", "label", "rows", "scaler", "model", "policy"]
Verdict = Literal["clean", "leak", "random", "unbounded"]


@dataclass(frozen=True)
class LeakRow:
    """What was found about one feature, label column, fitted object or policy.

    Attributes:
        kind, name: what was examined; ``rows`` are the labels that a window learns from or stops early by.
        verdict: ``clean``; ``leak``: something before the cut changed when only bars from the cut on did;
            ``random``: two runs on the same bars differ, so nothing can be said; ``unbounded``: the value
            depends for ever on where the data begins, so that live and training rows cannot agree.
        poison, cut: the first poison and cut that showed the leak.
        first_row: the earliest bar that changed; -1 where none did.
        change: the largest absolute change; inf where a value appeared or vanished.
        memory: bars of past after which dropping what came earlier no longer shows (features only); None
            where unknown.
        read: how many values were compared; zero means that the cuts left nothing to see.
    """

    kind: Kind
    name: str
    verdict: Verdict = "clean"
    poison: Poison | None = None
    cut: int | None = None
    first_row: int = -1
    change: float = 0.0
    memory: int | None = None
    read: int = 0

    @property
    def sentence(self) -> str:
        """The finding in one plain sentence."""
        if self.verdict == "leak":
            return (
                f"{self.kind} {self.name} leaks: bar {self.first_row} changed, by up to {self.change:.3g}, "
                f"when the bars from {self.cut} on became {'noise' if self.poison == 'noise' else 'missing'}"
            )
        if self.verdict == "random":
            return f"{self.kind} {self.name} differs between two runs on the same bars; it needs a seed"
        if self.verdict == "unbounded":
            return f"{self.kind} {self.name} never forgets where the data begins, so live rows differ"
        if not self.read:
            return f"{self.kind} {self.name} was not examined: no cut left anything to compare"
        seen = f", remembers {self.memory} bars" if self.memory is not None else ""
        return f"{self.kind} {self.name} is clean{seen}"


@dataclass(frozen=True)
class TableRead:
    """A table of numbers that a feature's step brings along: what it says may come from there, and no poison shows it.

    Attributes:
        feature: the first column of the step.
        name: of the table in the code.
        numbers: how many it holds.
    """

    feature: str
    name: str
    numbers: int

    @property
    def sentence(self) -> str:
        """The finding in one plain sentence."""
        return (
            f"feature {self.feature}: this step reads a table of {self.numbers:,} numbers, {self.name}; "
            "this search cannot tell whether they hold knowledge of the future"
        )


@dataclass(frozen=True)
class WholeFrame:
    """A column that is a function of a whole frame, in which every later bar stands.

    Attributes:
        feature: the column.
    """

    feature: str

    @property
    def sentence(self) -> str:
        """The finding in one plain sentence."""
        return (
            f"feature {self.feature} is a function of a whole frame, not causal by construction; this search sees it "
            "at its cuts alone"
        )


@dataclass(frozen=True)
class CodeRead:
    """Something that code of the user's own reads besides the bars that it is given, which no poison shows.

    Attributes:
        part: which part of the config the code is, ``model``.
        name: of the code in its file.
        what: the file, or the table in the code's own modules.
        numbers: how many numbers the table holds; None for a file.
        is_data: whether it is a file of the run's own bars: those that come are in it.
    """

    part: str
    name: str
    what: str
    numbers: int | None = None
    is_data: bool = False

    @property
    def sentence(self) -> str:
        """The finding in one plain sentence."""
        if self.is_data:
            return (
                f"{self.part} {self.name} looks ahead: while it learns or decides it reads {self.what}, which holds "
                "the bars that are still to come"
            )
        what = f"the file {self.what}" if self.numbers is None else f"a table of {self.numbers:,} numbers, {self.what}"
        return (
            f"{self.part} {self.name}: this code reads {what}; this search cannot tell whether it holds knowledge of "
            "the future"
        )


@dataclass(frozen=True)
class LeakReport:
    """Every examined thing, and what fails.

    Attributes:
        rows: one per feature, label column, fitted object and policy.
        cuts: the positions from which on bars were poisoned.
        dropped: bars that were dropped at the beginning to measure memory.
        edges: the boundaries of spans behind which bars were poisoned for what is fitted.
        tables: the tables that steps read: a warning.
        reads: what code of the user's own reads besides its bars: it fails where that is a file of the bars, and is a
            warning elsewhere.
        functions: the columns that are functions of a whole frame: a warning.
    """

    rows: tuple[LeakRow, ...]
    cuts: tuple[int, ...]
    dropped: int
    edges: tuple[int, ...] = ()
    tables: tuple[TableRead, ...] = ()
    reads: tuple[CodeRead, ...] = ()
    functions: tuple[WholeFrame, ...] = ()

    def __repr__(self) -> str:
        ending = "; ".join(row.sentence for row in self.leaks) or "nothing before a cut changed"
        return short(self, f"{many(len(self.rows), 'part')} examined: {ending}")

    def _repr_html_(self) -> str:
        from regimen.charts import card, html_table

        sentences = [each.sentence for each in (*self.failures, *self.warnings)]
        memories = ["–" if row.memory is None else f"{row.memory:,}" for row in self.rows]
        rows = [(row.name, row.kind, row.verdict, memory) for row, memory in zip(self.rows, memories, strict=True)]
        return card(
            repr(self),
            [f"{each}." for each in sentences],
            html_table(("name", "part", "verdict", "memory, bars"), rows),
        )

    def to_frame(self) -> pd.DataFrame:
        """Returns a pandas frame of what was found, one row for each feature, label, fitted object and policy."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self.rows])

    @property
    def leaks(self) -> tuple[LeakRow, ...]:
        """The rows that fail: leaks, and unseeded randomness that hides them."""
        return tuple(row for row in self.rows if row.verdict in ("leak", "random"))

    @property
    def unbounded(self) -> tuple[LeakRow, ...]:
        """The columns whose memory never ends: a warning, since their past does not change with their future."""
        return tuple(row for row in self.rows if row.verdict == "unbounded")

    @property
    def failures(self) -> tuple[LeakRow | CodeRead, ...]:
        """All that fails: `leaks`, and code that reads the bars in their file."""
        return (*self.leaks, *(read for read in self.reads if read.is_data))

    @property
    def warnings(self) -> tuple[LeakRow | CodeRead | TableRead | WholeFrame, ...]:
        """What this search cannot tell, or what never forgets."""
        return (*self.unbounded, *self.tables, *self.functions, *(read for read in self.reads if not read.is_data))

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    def to_dict(self) -> dict[str, object]:
        """Returns the report as JSON-able values."""
        keys = ("kind", "name", "verdict", "poison", "cut", "first_row", "memory", "read")
        rows = [
            {
                **{key: getattr(row, key) for key in keys},
                "change": row.change if np.isfinite(row.change) else None,
                "sentence": row.sentence,
            }
            for row in self.rows
        ]
        return {
            "passed": self.passed,
            "cuts": list(self.cuts),
            "edges": list(self.edges),
            "dropped": self.dropped,
            "rows": rows,
            "functions": [{**asdict(each), "sentence": each.sentence} for each in self.functions],
            "tables": [{**asdict(table), "sentence": table.sentence} for table in self.tables],
            "reads": [{**asdict(read), "sentence": read.sentence} for read in self.reads],
        }
