"""What configs of several models as one have in common: the models inside, and what those read together."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from regimen.settings import ModelSettings


class CompoundSettings(ModelSettings):
    """The config of a model that is made of others."""

    @property
    @abstractmethod
    def parts(self) -> Mapping[str, ModelSettings]:
        """The models inside by their place below ``model``, such as ``members.0``."""

    def sections(self) -> tuple[str, ...]:
        """Returns what its parts read together."""
        return tuple(dict.fromkeys(name for each in self.parts.values() for name in each.sections()))

    @property
    def context(self) -> int:
        """Rows that the part which sees the most sees at once."""
        return max(int(getattr(each, "context", 1)) for each in self.parts.values())

    @property
    def lookback(self) -> int:
        """Bars that the part which goes back furthest goes back."""
        return max(int(getattr(each, "lookback", 0)) for each in self.parts.values())

    @property
    def ahead(self) -> int:
        """Bars ahead that the part which learns about the furthest learns about."""
        return max(int(getattr(each, "ahead", 0)) for each in self.parts.values())


def parts_of(config: BaseModel) -> Iterator[tuple[str, object]]:
    """Yields the parts of a run's config by name, those of a compound model after it: ``model.members.0``."""
    for name, part in config:
        yield name, part
        if isinstance(part, CompoundSettings):
            yield from ((f"{name}.{place}", each) for place, each in part.parts.items())
