"""What a run's report shows of agents that have more to show than what they traded."""

from regimen.runs.families.agent_exhibits.objectives import show_front

__all__ = ["show_front"]
