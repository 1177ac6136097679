"""What a user brought is called, or one line says which setting is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from regimen.errors import ConfigError
from regimen.own import call_object


class Model:
    """Two things are given, one setting is needed, one has a default."""

    def __init__(self, inputs: int, classes: int, width: int, Depth: int = 2) -> None:
        if width < 1:
            raise ValueError("no width")
        self.given = (inputs, classes, width, Depth)


GIVEN = {"inputs": 5, "classes": 3}


def test_it_is_called_with_what_is_given_and_with_the_settings() -> None:
    assert call_object(Model, "model", {"width": 4}, GIVEN).given == (5, 3, 4, 2)
    assert call_object(lambda **more: more, "model", {"any": 1}) == {"any": 1}
    assert call_object(dict, "model", {"any": 1}) == {"any": 1}  # compiled: it says nothing of its arguments


@pytest.mark.parametrize(
    ("thing", "settings", "line"),
    [
        (Model, {"width": 4, "depth": 3}, r"model\.settings\.depth: is not a setting of Model \(did you mean 'Depth'"),
        (Model, {"width": 4, "x": 3}, r"settings\.x: is not a setting of Model; it has width, Depth; got 3"),
        (Model, {}, r"model\.settings\.width: is required: Model cannot do without it"),
        (Model, {"width": 0}, r"settings: must suit Model, which fails with them \(ValueError: no width\); got {'wid"),
        (Model, {"inputs": 4, "width": 1}, r"settings\.inputs: is not a setting of Model"),
        (lambda: None, {}, r"model\.source: must take \(inputs, classes\) before its settings, but <lambda> takes 0"),
        (7, {}, r"model\.source: must name a class or a function; got 7"),
    ],
)
def test_what_cannot_be_called_so_is_one_line(thing: Any, settings: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        call_object(thing, "model", settings, GIVEN)
