"""What is asked of a run that is finished: what it holds now, what costs leave of it, which features mattered."""
