"""What a user brings: Python objects by their place, ``path/to/file.py:NAME`` or ``package.module:NAME``.

A place has a digest, by which a run knows that the code is still what it was begun with.
"""

from __future__ import annotations

from regimen.own.calling import call_object, require_settings
from regimen.own.expression import written_expression
from regimen.own.interactive import written_source
from regimen.own.loading import digest_of, load_module, load_object, source_files, source_of
from regimen.own.source import OwnSource

__all__ = [
    "OwnSource",
    "call_object",
    "digest_of",
    "load_module",
    "load_object",
    "require_settings",
    "source_files",
    "source_of",
    "written_expression",
    "written_source",
]
