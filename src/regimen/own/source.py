"""`OwnSource`: the part of a config that names code of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FieldSerializationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

from regimen.errors import ConfigError
from regimen.files import write_bytes
from regimen.own.loading import FORM, digest_of, load_object, source_files


class OwnSource(BaseModel):
    """Where code of the user's own is, and which it was when the config was made.

    A config with a digest is read without looking at any file: a finished run is shown wherever it lies.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(description="your own code: 'path/to/file.py:NAME' or 'package.module:NAME'")
    digest: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{16}$",
        description="of the file and of those beside it that it imports; filled in when it is left out",
    )

    @field_validator("source")
    @classmethod
    def _is_a_place(cls, source: str) -> str:
        if not source.rpartition(":")[0]:
            raise ValueError(FORM)
        return source

    @model_validator(mode="after")
    def _digest_is_known(self) -> Self:
        if self.digest is None:
            try:
                digest = digest_of(self.source, "source")
            except ConfigError as error:
                raise ValueError(f"{error.rule}; got {self.source!r}") from None
            object.__setattr__(self, "digest", digest)  # frozen: this is still its making
        return self

    @field_serializer("source")
    def _wherever_it_lies(self, source: str, info: FieldSerializationInfo) -> str:
        """What identifies it, as every dump by alias does, has no folder in it: the file's name, and the digest."""
        where, _, name = source.rpartition(":")
        return f"{Path(where).name}:{name}" if info.by_alias and where.endswith(".py") else source

    @property
    def name(self) -> str:
        """What the object is called in its file."""
        return self.source.rpartition(":")[2]

    def load(self, field: str) -> Any:
        """Returns the object.

        Args:
            field: what an error calls the place, such as ``model.source``.

        Raises:
            ConfigError: the code is not what it was when the config was made; it cannot be found, or does not run.
        """
        if digest_of(self.source, field) != self.digest:
            rule = (
                f"must be the code that the run was begun with, digest {self.digest}; put it back, or train a new run"
            )
            raise ConfigError(field, rule, self.source)
        return load_object(self.source, field)

    def files(self, field: str) -> tuple[Path, ...]:
        """Returns its files, the named one first; none of an installed package."""
        return source_files(self.source, field)

    def copy_to(self, folder: Path, field: str) -> None:
        """Copies its files into a folder, for the record: what runs is the code where it lies."""
        files = self.files(field)
        for file in files:
            write_bytes(folder / file.resolve().relative_to(files[0].resolve().parent), file.read_bytes())

    def located(self, began: Path) -> Self:
        """Returns it with a relative path counted from another folder, where the file is there."""
        where, _, name = self.source.rpartition(":")
        there = began / where
        return self.model_copy(update={"source": f"{there}:{name}"}) if there.is_file() else self
