"""`OwnAgentConfig`: where the class of an agent of one's own is, and what it is made with."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from regimen.errors import ConfigError
from regimen.learning import AgentSettings
from regimen.own import OwnSource

VERBS = ("learn", "predict", "save", "load")
FILE = "own_agent.json"
"""What the house writes beside the files that the class saves."""


class OwnAgentConfig(OwnSource, AgentSettings):
    """A class ``MyAgent(spec, seed, **settings)`` with the four verbs learn, predict, save and load; see `OwnAgent`.

    Raises:
        ConfigError: an unknown key, or code that is not there.
    """

    implementation: ClassVar[str] = "regimen.agents.own_agent.own_agent:OwnAgent"
    kind: Literal["own_agent"] = Field(default="own_agent", description="An agent of one's own, with the four verbs.")
    settings: dict[str, JsonValue] = Field(
        {}, description="What its class is made with besides spec and seed, by name."
    )

    def brought(self) -> type:
        """Returns the class.

        Raises:
            ConfigError: the code is not what it was, or not there; it is no class, or lacks a verb.
        """
        place = self.load("model.source")
        if not isinstance(place, type):
            rule = f"must name a class with the verbs {', '.join(VERBS)}"
            raise ConfigError("model.source", rule, self.source)
        missing = [verb for verb in VERBS if not callable(getattr(place, verb, None))]
        if missing:
            rule = f"must have the verbs {', '.join(VERBS)}, but {self.name} has no {missing[0]}"
            raise ConfigError("model.source", rule, self.source)
        return place
