"""Real series that ship inside an installed package, found without importing it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from regimen.errors import DataError

SAMPLES = ("sp500", "nasdaq")


def sample_path(name: str) -> Path:
    """Returns the path of a bundled daily series (1999 to 2018, 5,031 rows): ``sp500`` or ``nasdaq``.

    The files belong to the package ``arch`` (NCSA licence), which itself is not imported: its dependencies
    are not needed to read a file of it.

    Raises:
        DataError: the sample does not exist, or ``arch`` is not installed.
    """
    if name not in SAMPLES:
        raise DataError("sample", f"must be one of {', '.join(SAMPLES)}", name)
    package = find_spec("arch")
    for place in (package.submodule_search_locations or ()) if package else ():
        folder = Path(place) / "data" / name
        for suffix in (".csv.gz", ".csv"):
            path = folder / f"{name}{suffix}"
            if path.is_file():
                return path
    raise DataError("sample", "needs the package arch, which holds the data (pip install --no-deps arch)", name)
