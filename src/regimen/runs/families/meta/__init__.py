"""A model and a second one that says whether acting on it pays."""
