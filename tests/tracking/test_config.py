"""The section `tracking`: one line, a mapping or a list; what cannot work is refused in one line."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import ModuleSpec
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from regimen.errors import ConfigError
from regimen.settings import validated
from regimen.tracking import MLflowConfig, TensorBoardConfig, TrackingConfig, WandbConfig, require_trackers
from regimen.tracking import config as config_module


class Holder(BaseModel):
    """A config with the section."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tracking: TrackingConfig = (TensorBoardConfig(),)


def read(value: Any) -> tuple[Any, ...]:
    return validated(Holder, {"tracking": value}).tracking


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("tensorboard", (TensorBoardConfig(),)),
        ("mlflow", (MLflowConfig(),)),
        ("wandb", (WandbConfig(),)),
        ("none", ()),
        (None, ()),
        ([], ()),
        (["tensorboard", "mlflow"], (TensorBoardConfig(), MLflowConfig())),
        (
            {"kind": "mlflow", "uri": "sqlite:///a.db", "experiment": "e"},
            (MLflowConfig(uri="sqlite:///a.db", experiment="e"),),
        ),
        (["tensorboard", {"kind": "wandb", "project": "p"}], (TensorBoardConfig(), WandbConfig(project="p"))),
    ],
)
def test_one_line_a_mapping_or_a_list(written: object, found: tuple[Any, ...]) -> None:
    assert read(written) == found
    again = Holder(tracking=found).model_dump(mode="json")["tracking"]
    assert read(again) == found, "what is written out reads back"


def test_the_default_is_tensorboard_and_wandb_is_offline() -> None:
    assert Holder().tracking == (TensorBoardConfig(),)
    assert WandbConfig().mode == "offline"


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("tensorbord", "tracking: must be tensorboard, mlflow, wandb, none, or a list of the first three; got 'tens"),
        (["mlflow", "none"], "tracking: must be tensorboard, mlflow, wandb, none, or a list of the first three"),
        ({"uri": "sqlite:///a.db"}, "tracking: must have a kind: tensorboard, mlflow, wandb"),
        ({"kind": "mlflow", "url": "x"}, "tracking.url: is not a known key"),
        ({"kind": "mlflow", "uri": "./mlruns"}, "tracking.uri: must be sqlite:///FILE or http(s)://SERVER"),
        ({"kind": "mlflow", "uri": "file:///mlruns"}, "tracking.uri: must be sqlite:///FILE or http(s)://SERVER"),
        ({"kind": "wandb", "mode": "on"}, "tracking.mode: must be 'offline' or 'online'; got 'on'"),
        (["mlflow", {"kind": "mlflow"}], "tracking: must name each kind once"),
    ],
)
def test_mistakes_are_one_line(written: object, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(written)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        "http://ann:hunter2@host/store",
        "https://hunter2@host",
        "https://ann:hun/t@r2hunter2@host",
        "postgresql://ann:hunter2@host/db",
        "postgresql://ann@host/db?password=hunter2",
        "http://host/store?token=hunter2",
        "ftp://ann:hunter2@host",
        f"ftp://{'ann' * 60}:hunter2@host",
    ],
)
def test_a_password_is_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(ConfigError, match=r"^tracking.uri: must ") as caught:
        read({"kind": "mlflow", "uri": uri})
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"is not a known key") as caught:
        read({"kind": "mlflow", "url": uri})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    ["http://${LOGIN}@host", "http://ann:${PASSWORD}@host", "postgresql://ann@host/db", "http://host/?token=${TOKEN}"],
)
def test_a_password_may_be_the_environment_s(uri: str) -> None:
    assert read({"kind": "mlflow", "uri": uri}) == (MLflowConfig(uri=uri),)


@pytest.mark.parametrize(
    ("config", "missing", "line"),
    [
        (MLflowConfig(), "mlflow", "tracking: needs mlflow, not installed here: pip install 'regimen[track]'"),
        (MLflowConfig(), "alembic", "tracking: needs alembic, not"),
        (WandbConfig(), "wandb", "tracking: needs wandb, not installed here: pip install 'regimen[track]'"),
        (TensorBoardConfig(), "tensorboard", "tracking: needs tensorboard, not installed here: pip install 'regimen'"),
    ],
)
def test_a_library_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, config: Any, missing: str, line: str
) -> None:
    def find(name: str) -> ModuleSpec | None:
        return None if name == missing else ModuleSpec(name, None)

    monkeypatch.setattr(config_module, "find_spec", find)
    with pytest.raises(ConfigError) as caught:
        require_trackers((config,))
    assert str(caught.value).startswith(line)


def test_a_server_needs_no_database_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_module, "find_spec", lambda name: ModuleSpec(name, None) if name == "mlflow" else None)
    require_trackers((MLflowConfig(uri="https://tracking.example"),))


def test_the_room_imports_no_library() -> None:
    code = (
        "import sys, regimen.tracking; "
        "print([n for n in ('tensorboard', 'mlflow', 'wandb', 'matplotlib', 'torch') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
