"""Auxiliary tasks: what a memory also learns to foretell, so that it is worth remembering."""
