"""What a run's report shows of agents that have more to show than what they traded."""

from regimen.runs.families.agent_exhibits.objectives import show_front
from regimen.runs.families.agent_exhibits.options import show_options

__all__ = ["show_front", "show_options"]
