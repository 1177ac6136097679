"""Names of a package that are imported when they are first used: whoever lists runs does not wait for torch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def lazily(package: str, file_of: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Returns the ``__getattr__`` and the ``__dir__`` (PEP 562) of a package whose names are imported on first use.

    The package imports the same names under ``TYPE_CHECKING``, for whoever reads types:

        __getattr__, __dir__ = lazily(__name__, {"PPO": ".ppo.ppo", "load_agent": ".loading"})

    Args:
        package: its ``__name__``.
        file_of: by name, the module or package that defines it; with a leading dot, below this one.

    Raises:
        AttributeError: by the returned function, for a name that the package has not.
    """

    def get(name: str) -> object:
        if name not in file_of:
            # with the module at hand, Python's own traceback asks: did you mean 'PPOConfig'?
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=sys.modules[package])
        return getattr(import_module(file_of[name], package), name)

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *file_of})

    return get, names
