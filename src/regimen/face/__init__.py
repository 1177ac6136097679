"""The Python face: train, resume, backtest, judge, ablate, prove, leaks, and a run as an object.

`regimen` gives their names.

Each name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.lazy import lazily

if TYPE_CHECKING:
    from regimen.face.ablation import ablate
    from regimen.face.proof import Proof, prove
    from regimen.face.run import Run
    from regimen.face.search import leaks
    from regimen.face.trading import backtest
    from regimen.face.training import resume, train
    from regimen.face.verdict import judge

__all__ = ["Proof", "Run", "ablate", "backtest", "judge", "leaks", "prove", "resume", "train"]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Proof": ".proof",
        "Run": ".run",
        "ablate": ".ablation",
        "backtest": ".trading",
        "judge": ".verdict",
        "leaks": ".search",
        "prove": ".proof",
        "resume": ".training",
        "train": ".training",
    },
)
