"""Agents as one module each, for export: their networks, their memories and the rule from actions to exposures."""

from regimen.runs.exporting.agents.decision import AgentDecision, agent_decision

__all__ = ["AgentDecision", "agent_decision"]
