"""Requests that a machine thinks of from the description: none is answered in a way that it does not describe."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.serving.test_server import free_port, started

EXAMPLES = 60


@pytest.mark.slow
def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    words = [
        "run",
        f"{base}/openapi.json",
        "--checks=all",
        f"--max-examples={EXAMPLES}",
        "--exclude-path=/events",  # it never ends
        # no schema says that each bar follows the last one; this server has no keys
        "--exclude-checks=positive_data_acceptance,ignored_auth",
        "--seed=1",
        "--no-color",
        "--continue-on-failure",
    ]
    command = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", *words]
    with started(tmp_path, port) as process:
        report = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, check=False, env={**os.environ, "COLUMNS": "160"}
        )
        assert report.returncode == 0, report.stdout[-6000:] + report.stderr[-2000:]
        numbers = re.search(r"(\d+) generated, (\d+) passed", report.stdout)
        assert numbers is not None
        assert int(numbers[1]) == int(numbers[2]) > 300
        process.send_signal(signal.SIGTERM)
        assert process.wait(10.0) == 0
