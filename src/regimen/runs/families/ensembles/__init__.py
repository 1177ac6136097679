"""What only ensembles have: their members in a window, how a stack learns, and what the report shows of each."""
