"""The data files of a folder, or of a pattern such as ``prices/*.csv``: one for each symbol of a panel."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from regimen.errors import DataError
from regimen.readers.formats.files import FORMATS

_PACKED = (".gz", ".zip", ".tar", ".tgz")
_MARKS = "*?["


def files_of(path_text: str) -> tuple[Path, ...] | None:
    """Returns the files that a folder or a pattern stands for, by name; None for the path of a single file.

    Of a folder these are its data files, not hidden ones and not those of folders in it; of a pattern all it matches.

    Raises:
        DataError: there is none, or two have the same name but for their endings.
    """
    try:
        path = Path(path_text).expanduser()
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if _is_seen(file) and _ends_like_data(file.name))
            rule = f"must be a file, or a folder with files that end in one of {' '.join(FORMATS)}"
        elif any(mark in path_text for mark in _MARKS) and not path.exists():
            files = sorted(file for file in Path(path.anchor).glob(str(path)[len(path.anchor) :]) if _is_seen(file))
            rule = "must match at least one file"
        else:
            return None
    except (ValueError, RuntimeError, OSError):
        return None  # whoever opens it says what is wrong with it
    if not files:
        raise DataError("data.path", rule, path_text)
    stems = Counter(stem_of(file) for file in files)
    twins = [file.name for file in files if stems[stem_of(file)] > 1]
    if twins:
        raise DataError("data.path", "must hold one file for each symbol", ", ".join(twins))
    return tuple(files)


def others_of(path_text: str) -> tuple[str, ...]:
    """Returns the names of the files of a folder that are no data files."""
    path = Path(path_text).expanduser()
    if not path.is_dir():
        return ()
    return tuple(sorted(file.name for file in path.iterdir() if _is_seen(file) and not _ends_like_data(file.name)))


def path_exists(path_text: str) -> bool:
    """Whether there is such a file or folder, or a file that the pattern matches."""
    try:
        return files_of(path_text) is not None or Path(path_text).expanduser().exists()
    except (DataError, RuntimeError):
        return False


def stem_of(path: Path) -> str:
    """Returns a file's name without the endings of its format and container: ``BRK.B`` of ``BRK.B.csv.gz``."""
    name = path.name
    for endings in (_PACKED, (*FORMATS, ".tar")):
        ending = next((each for each in endings if name.lower().endswith(each)), "")
        name = name[: len(name) - len(ending)] or name
    return name


def is_data(path_text: str) -> bool:
    """Whether a path ends like a data file, or is a folder or a pattern of them."""
    return _ends_like_data(path_text) or Path(path_text).is_dir()


def _ends_like_data(name: str) -> bool:
    return name.lower().endswith((*FORMATS, *_PACKED))


def _is_seen(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")
