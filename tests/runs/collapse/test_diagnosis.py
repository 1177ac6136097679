"""The cause is a pure function of the evidence: the market first, then the columns, then what learning was given."""

from __future__ import annotations

from dataclasses import replace

import pytest

from regimen.runs.collapse import CAUSES, ForecastWorth, Symptoms, diagnosed

NOTHING = ForecastWorth(4, 0.0, 1e-5, 1e-4, -1e-4, 1e-4, 0.1, 0.0, 2000)
DEAR = replace(NOTHING, gross=8e-4, net=1e-5, break_even=3e-4)
EARNS = replace(DEAR, net=7e-4)
FLAT = Symptoms(share=1.0, exposure=0.0, size=0.0, cost=1e-3, own=(NOTHING,), plain=(NOTHING,))
AGENT = {"tried_first": 0.9, "tried_last": 0.1, "discounted": 1.0, "unit": 1e-6}


@pytest.mark.parametrize(
    ("evidence", "cause", "right"),
    [
        (FLAT, "no edge", True),
        (replace(FLAT, own=(DEAR,)), "costs", True),
        (replace(FLAT, plain=(DEAR,)), "costs", True),
        (replace(FLAT, plain=(EARNS,)), "features", False),
        (replace(FLAT, own=(EARNS,), plain=(EARNS,)), "learning", False),
        (replace(FLAT, own=(EARNS,), **AGENT), "learning", False),
        (replace(FLAT, own=(EARNS,), **AGENT | {"tried_first": 0.01}), "exploration", False),
        (replace(FLAT, own=(EARNS,), **AGENT | {"discounted": 1e-8}), "rewards", False),
        (replace(FLAT, tried_first=0.0, discounted=0.0, unit=1.0), "no edge", True),  # how it learned is not to blame
        (replace(FLAT, own=(), plain=()), "unknown", False),
        (replace(FLAT, share=0.5, size=0.6, own=(EARNS,)), "acts", False),
        (replace(FLAT, share=0.5, size=0.6, information=0.001, own=(EARNS,)), "learning", False),  # at random
        (replace(FLAT, share=0.2, size=0.01, own=(EARNS,)), "learning", False),  # next to nothing
    ],
)
def test_one_cause_is_named_with_its_numbers(evidence: Symptoms, cause: str, right: bool) -> None:
    collapse = diagnosed(evidence)
    assert (collapse.cause, collapse.right) == (cause, right)
    assert CAUSES[collapse.cause] in collapse.sentence
    assert right == ("holding is right" in collapse.sentence)
