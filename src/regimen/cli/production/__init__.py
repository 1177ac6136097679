"""What is asked of what decides for real: whether its journal is what was written."""
