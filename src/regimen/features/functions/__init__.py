"""Features that are functions of a whole pandas frame, and their examination, since nothing makes them causal."""
