"""Several runs on the same bars: the comparison, its table and its page."""
