"""The folder that is shipped: a policy as graphs and numbers, checked to the last byte, that decides without torch."""

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.bundle.arrays import below, packed, under, unpacked
    from regimen.bundle.assembly import PREPROCESS, Revive, inside_of, surrounded
    from regimen.bundle.bundle import AROUND, GOLDEN_FILE, REFERENCE, START, Bundle, open_bundle
    from regimen.bundle.decided import Decided, Served
    from regimen.bundle.golden import GOLDEN, STRETCHES, Golden, distance, recorded
    from regimen.bundle.graph import Asked, Graph
    from regimen.bundle.manifest import (
        MANIFEST,
        VERSION,
        Around,
        Columns,
        Decider,
        Manifest,
        Observed,
        Origin,
        ServedPart,
        VerdictThen,
        digest,
        written,
    )
    from regimen.bundle.parity import CLOSE, TOLERANCE, Parity
    from regimen.bundle.reference import drift_names, drift_rows, reference_of, written_reference
    from regimen.bundle.start import Start

__all__ = [
    "AROUND",
    "CLOSE",
    "GOLDEN",
    "GOLDEN_FILE",
    "MANIFEST",
    "PREPROCESS",
    "REFERENCE",
    "START",
    "STRETCHES",
    "TOLERANCE",
    "VERSION",
    "Around",
    "Asked",
    "Bundle",
    "Columns",
    "Decided",
    "Decider",
    "Golden",
    "Graph",
    "Manifest",
    "Observed",
    "Origin",
    "Parity",
    "Revive",
    "Served",
    "ServedPart",
    "Start",
    "VerdictThen",
    "below",
    "digest",
    "distance",
    "drift_names",
    "drift_rows",
    "inside_of",
    "open_bundle",
    "packed",
    "recorded",
    "reference_of",
    "surrounded",
    "under",
    "unpacked",
    "written",
    "written_reference",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "below": ".arrays",
        "packed": ".arrays",
        "under": ".arrays",
        "unpacked": ".arrays",
        "PREPROCESS": ".assembly",
        "Revive": ".assembly",
        "inside_of": ".assembly",
        "surrounded": ".assembly",
        "AROUND": ".bundle",
        "REFERENCE": ".bundle",
        "Bundle": ".bundle",
        "GOLDEN_FILE": ".bundle",
        "START": ".bundle",
        "open_bundle": ".bundle",
        "Decided": ".decided",
        "Served": ".decided",
        "GOLDEN": ".golden",
        "Golden": ".golden",
        "STRETCHES": ".golden",
        "distance": ".golden",
        "recorded": ".golden",
        "Asked": ".graph",
        "Graph": ".graph",
        "Around": ".manifest",
        "Columns": ".manifest",
        "Decider": ".manifest",
        "MANIFEST": ".manifest",
        "Manifest": ".manifest",
        "ServedPart": ".manifest",
        "Observed": ".manifest",
        "Origin": ".manifest",
        "VERSION": ".manifest",
        "VerdictThen": ".manifest",
        "digest": ".manifest",
        "written": ".manifest",
        "CLOSE": ".parity",
        "Parity": ".parity",
        "TOLERANCE": ".parity",
        "drift_names": ".reference",
        "drift_rows": ".reference",
        "reference_of": ".reference",
        "written_reference": ".reference",
        "Start": ".start",
    },
)
