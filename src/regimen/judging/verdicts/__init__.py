"""What the numbers of a result come to: a level, the rules behind it, and what would settle it."""
