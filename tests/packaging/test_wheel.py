"""The wheel that users install: what is in it, and what its metadata promises."""

from __future__ import annotations

import email.message
import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "regimen"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    pytest.importorskip("hatchling", reason="hatchling, which builds the wheel, is not installed")
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> email.message.Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_every_file_of_the_package_is_in_the_wheel_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    ours = {f"regimen/{path.relative_to(SOURCE)}" for path in SOURCE.rglob("*") if path.is_file()}
    ours = {name for name in ours if "__pycache__" not in name}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == ours
    assert {"regimen/py.typed", "regimen/cli/demo.yaml", "regimen/reporting/report.css"} <= ours


def test_the_wheel_is_small_and_runs_everywhere(wheel: zipfile.ZipFile) -> None:
    assert sum(entry.compress_size for entry in wheel.infolist()) < 2e6
    assert str(wheel.filename).endswith("-py3-none-any.whl")


def test_the_metadata_names_version_licence_and_command(
    wheel: zipfile.ZipFile, metadata: email.message.Message
) -> None:
    version = re.search(r'__version__ = "(.+)"', (SOURCE / "__init__.py").read_text(encoding="utf-8"))
    assert version is not None
    assert metadata["Version"] == version[1]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())
    (scripts,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "regimen = regimen.cli:main" in wheel.read(scripts).decode()


def test_the_core_needs_no_extra(metadata: email.message.Message) -> None:
    core = {line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line}
    assert len(core) == len(PROJECT["dependencies"])
    assert any(line.startswith("arch") for line in core), "the demo reads its data from the package arch"


def test_every_extra_that_an_error_or_a_page_names_exists() -> None:
    pages = [*SOURCE.rglob("*.py"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    named = {
        extra.strip()
        for page in pages
        for group in re.findall(r"regimen\[([\w, ]+)\]", page.read_text(encoding="utf-8"))
        for extra in group.split(",")
    }
    assert named <= set(PROJECT["optional-dependencies"])
