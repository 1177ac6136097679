"""Objects that show themselves as what makes them are made again by a file; others are refused."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from regimen.errors import ConfigError
from regimen.own import load_object, written_expression


class Shy:
    """Shows itself as something that makes another object."""

    def __repr__(self) -> str:
        return "timedelta(days=1)"


def test_what_it_is_made_of_is_imported(tmp_path: Path) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    pipeline = make_pipeline(StandardScaler(), MinMaxScaler(feature_range=(0, 2)))
    place = written_expression(pipeline, pipeline.get_params().values(), "model", tmp_path)
    assert place.endswith(".py:pipeline")
    assert repr(load_object(place, "model")()) == repr(pipeline)
    assert written_expression(pipeline, pipeline.get_params().values(), "model", tmp_path) == place


@pytest.mark.parametrize("value", [Shy(), date(2020, 1, 1), object()])
def test_what_makes_another_object_is_refused_and_leaves_no_file(value: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model: must show itself as what makes it; put a function that returns it"):
        written_expression(value, (timedelta(days=1),), "model", tmp_path)
    assert list(tmp_path.glob("*.py")) == []
