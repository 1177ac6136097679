"""What `regimen new` writes where nothing else is asked for: what the study found worth having on most markets."""

from __future__ import annotations

from collections.abc import Sequence

MODEL = "ensemble"
_FIVE_SEEDS = ("model.members=[{kind: baseline}]", "model.seeds=5")
_BAND = "band={kind: no_trade, width: optimal}"


def recommended(model: str, overrides: Sequence[str]) -> list[str]:
    """Returns settings ``key=value`` for a model, less those that the overrides are about.

    An ensemble is five seeds of one perceptron, and what says probabilities gets a no-trade band. Calibration by
    temperature is a default of every run.

    Args:
        model: by name.
        overrides: what was asked for, ``key=value``.
    """
    from regimen.records import choose_model, unread_by

    kind = choose_model(model, None, ["data.sample=sp500", *overrides]).config.model
    words = [] if any(_about("model.members=", other) for other in overrides) or model != MODEL else [*_FIVE_SEEDS]
    if not {"calibration", "band"} & set(unread_by(kind)):
        words.append(_BAND)
    return [word for word in words if not any(_about(word, other) for other in overrides)]


def _about(word: str, other: str) -> bool:
    """Whether an override sets the field that a setting sets, or one inside it or around it."""
    ours, theirs = (each.partition("=")[0].strip() + "." for each in (word, other))
    return ours.startswith(theirs) or theirs.startswith(ours)
