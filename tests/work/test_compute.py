"""Where work is done, in words; and a Ray head that does not answer."""

from __future__ import annotations

import socket
import time
from importlib import import_module
from importlib.util import find_spec

import pytest

from regimen.errors import ConfigError, RunError
from regimen.work import Compute


@pytest.mark.parametrize("text", ["local", "processes:1", "processes:16", "ray", "ray://head:10001"])
def test_a_place_is_written_as_it_is_read(text: str) -> None:
    assert str(Compute.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "Local", "processes", "processes:0", "processes:-1", "processes:two", "ray:", "ray://", "ray://head"]
)
def test_any_other_word_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="compute: must be local, processes:N with N from 1, ray, or ray://HOST:PORT"):
        Compute.parse(text)


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_the_error_names_the_extra() -> None:
    with pytest.raises(ConfigError, match=r'pip install "regimen\[ray\]"'), Compute.parse("ray").mapper():
        pass


@pytest.mark.skipif(find_spec("ray") is None, reason='Ray is not installed: "regimen[ray]"')
@pytest.mark.parametrize("listens", [False, True])
def test_a_head_that_does_not_answer_is_named_within_ten_seconds(listens: bool) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if listens:  # something is there, but it is no Ray
            silent.listen()
        address = f"ray://127.0.0.1:{silent.getsockname()[1]}"
        import_module("ray")  # its import is not what is timed

        began = time.monotonic()
        rule = f"compute: must lead to a Ray head that answers .*{address}"
        with pytest.raises(RunError, match=rule), Compute.parse(address).mapper():
            pass
        assert time.monotonic() - began < 10.0
