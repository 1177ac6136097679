"""What `regimen new` writes where nothing else is asked for: what the study found worth having."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

MODEL = "ensemble"
_BAND = "band={kind: no_trade, width: optimal}"
_WITH_TREES = "model.members=[{kind: logistic}, {kind: lightgbm}, {kind: baseline}]"
_WITHOUT = ("model.members=[{kind: logistic}, {kind: baseline}]", "model.seeds=3")


def recommended(model: str, overrides: Sequence[str]) -> list[str]:
    """Returns settings ``key=value`` for a model, less those that the overrides are about.

    What says probabilities gets a no-trade band. An ensemble gets three kinds of models, or three seeds of two kinds
    where the extra ``trees`` is not installed.

    Args:
        model: by name.
        overrides: what was asked for, ``key=value``.
    """
    from regimen.records import choose_model, unread_by

    kind = choose_model(model, None, ["data.sample=sp500", *overrides]).config.model
    words: list[str] = []
    if model == MODEL:
        words += [_WITH_TREES] if find_spec("lightgbm") is not None else _WITHOUT
    if not {"calibration", "band"} & set(unread_by(kind)):
        words.append(_BAND)
    return [word for word in words if not any(_about(word, other) for other in overrides)]


def _about(word: str, other: str) -> bool:
    """Whether an override sets the field that a setting sets, or one inside it or around it."""
    ours, theirs = (each.partition("=")[0].strip() + "." for each in (word, other))
    return ours.startswith(theirs) or theirs.startswith(ours)
