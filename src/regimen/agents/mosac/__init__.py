"""Soft actor-critic of several objectives: its config, its algorithm, and how it trades by one preference."""
