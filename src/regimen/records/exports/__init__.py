"""What is written of a run for other tools."""
